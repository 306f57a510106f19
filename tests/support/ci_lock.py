"""Lock what CI installs, with digests: ``python -m tests.support.ci_lock [--upgrade]``.

``requirements.lock`` is for everything that runs ``wheelgrid``; ``test.lock`` adds the tests and
tox. Both hold on every supported Python. What is locked stays unless it no longer fits
pyproject.toml, or ``--upgrade`` is given.
"""

import configparser
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
TESTS = "test"
"""The extra that only tests need."""
LOCKS = {name: ROOT / ".github" / f"{name}.lock" for name in ("requirements", TESTS)}
PYTHON = PROJECT["requires-python"].removeprefix(">=")


def extras(name: str) -> list[str]:
    """Return the extras of the project that a lock has."""
    return [each for each in PROJECT["optional-dependencies"] if name == TESTS or each != TESTS]


def tox() -> str:
    """Return the requirement of tox.ini: ``tox>=4.14``."""
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(ROOT / "tox.ini")
    return settings["tox"]["requires"]


def main() -> None:
    """Write both locks."""
    for name, path in LOCKS.items():
        words = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version", PYTHON]
        words += ["--generate-hashes", "--custom-compile-command", "tox -e ci-lock"]
        words += [word for extra in extras(name) for word in ("--extra", extra)]
        words += ["--output-file", str(path), *sys.argv[1:], "pyproject.toml", "-"]
        more = tox() if name == TESTS else ""
        subprocess.run(words, cwd=ROOT, input=more, text=True, check=True)


if __name__ == "__main__":
    main()
