"""Start Wheelgrid, unless its package ``harness`` is hidden by another package of that name.

Packages of two distributions with one name share a folder, and the one that is installed last
overwrites the other's files. So this module is installed as ``wheelgrid.py``, beside the package.
"""

import sys

USAGE = 2


def main() -> None:
    """Run the command line of this process and exit."""
    if other := _other_package():
        sys.exit(_report(other))
    from harness.cli import main as run  # noqa: PLC0415 - only Wheelgrid's package has it

    run()


def _other_package() -> str:
    """Return the file of a package ``harness`` that is not Wheelgrid's, or an empty string."""
    try:
        import harness  # noqa: PLC0415 - another package of that name may raise anything
    except Exception as error:  # noqa: BLE001
        return f"which raises {type(error).__name__}"
    if getattr(harness, "DISTRIBUTION", "") == "wheelgrid":
        return ""
    return f"in {harness.__file__ or next(iter(harness.__path__))}"


def _report(other: str) -> int:
    from importlib.metadata import packages_distributions  # noqa: PLC0415 - only to report

    owners = set(packages_distributions().get("harness", ())) - {"wheelgrid"}
    owner = f" (of {', '.join(sorted(owners))})" if owners else ""
    sys.stderr.write(
        f"wheelgrid: another package is called `harness`{owner}, {other}; install Wheelgrid apart "
        "from it: pipx install wheelgrid\n"
    )
    return USAGE


if __name__ == "__main__":
    main()
