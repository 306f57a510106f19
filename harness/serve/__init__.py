"""Serve a store to a team: pages, an API, live runs, and one place to push runs to.

``service_app.py`` puts the routes together: ``pages.py`` for people, ``api_v1.py`` for programs,
``live.py`` for runs in progress, ``intake.py`` for runs that are pushed. Pages and long answers are
made by functions of ``page_texts.py`` and ``json_texts.py``, which ``render_process.py`` calls in
one other process; ``rendered.py`` keeps their bytes. All of them read through ``store_reader.py``.
``access.py`` and ``tokens.py`` decide who may do what. ``push.py`` is the client.
"""
