"""The only code of the harness that runs in a target: stdlib, Python 3.6 and later.

``loader.py`` makes modules of these files from JSON, since the agent arrives over standard input.
``MODULES`` is the order in which they are loaded: each imports only earlier ones.

Process 1 is the agent: it holds the host's streams and the session's token, never imports pip and
never runs a cell's code. Two helpers are forked from it before the token arrives: the runner, a
clean interpreter, and the installer, which has the target's pip loaded. They run each cell in a
fork with pipes, a session and a directory of its own. A cell's process is believed only if it
signs a complete report with the cell's token *and* then exits cleanly.
"""

MODULES = (
    "frames",
    "container",
    "child",
    "outcomes",
    "helper",
    "installer",
    "illegal",
    "late",
    "importer",
    "starter",
    "compiler",
    "passport",
    "main",
)
