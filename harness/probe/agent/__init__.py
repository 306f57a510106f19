"""The only code of the harness that runs in a target: stdlib, Python 3.6 and later, process 1.

``loader.py`` makes modules of these files from one piece of JSON, since the agent comes
in over standard input and there is nowhere to install it. ``MODULES`` is the order in
which they can be loaded, each importing what stands before it.

The agent stays a clean interpreter and forks once a cell for import and call. A child of
it, the installer, has the target's own pip loaded and forks once a wheel. What runs in a
fork is a stranger's program: it has pipes of its own, a session of its own and a directory
of its own, and is believed only when it says a complete verdict with the cell's token over
its verdict pipe *and* exits as a child that did so exits.
"""

MODULES = (
    "frames",
    "container",
    "child",
    "installer",
    "importer",
    "judgement",
    "compiler",
    "passport",
    "main",
)
