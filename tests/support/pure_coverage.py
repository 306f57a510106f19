"""Report the coverage of the pure modules: ``python -m tests.support.pure_coverage``.

Pure are the source modules of the import contract in pyproject.toml: nothing there needs an
engine to be tested. The rest is tested where its effects are real, in tests/integration.
"""

import sys
import tomllib
from pathlib import Path

from coverage import Coverage

ROOT = Path(__file__).parents[2]
CONTRACT = "What is pure starts no process, keeps no file and asks no engine"


def pure_files() -> list[str]:
    """Return globs of the files of the pure modules."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (contract,) = (each for each in settings["contracts"] if each["name"] == CONTRACT)
    paths = [ROOT.joinpath(*module.split(".")) for module in contract["source_modules"]]
    return [str(path / "*") if path.is_dir() else f"{path}.py" for path in paths]


def main() -> int:
    """Print the report; return 2 if less is covered than pyproject.toml wants."""
    coverage = Coverage()
    coverage.load()
    total = coverage.report(include=pure_files())
    return 2 if total < float(str(coverage.get_option("report:fail_under"))) else 0


if __name__ == "__main__":
    sys.exit(main())
