"""The key of code: what changes it and what does not."""

from pathlib import Path

import pytest

from harness.host.code_key import code_key, code_modules, source_key
from harness.wheels import reading_process
from harness.wheels.reading_process import READING

MAKER = '"""Make."""\nfrom harness.tools import cut\nmade = cut.half(4)\n'
CUT = 'def half(n):\n    """Halve."""\n    return n // 2\n'


def write(root: Path, **texts: str) -> Path:
    """Write a package ``harness``; ``tools__cut`` is its module ``tools.cut``."""
    for name, text in {"maker": MAKER, "tools__cut": CUT, "other": "", **texts}.items():
        path = root / "harness" / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("texts", "changes"),
    [
        ({"maker": MAKER.replace("Make", "Do make")}, False),
        ({"maker": f"# why\n\n{MAKER}"}, False),
        ({"maker": MAKER + '"""Documents ``made``."""\n'}, False),
        ({"tools__cut": CUT.replace("Halve.", "Return a half.")}, False),
        ({"other": "x = 1\n"}, False),
        ({"maker": MAKER.replace("4", "5")}, True),
        ({"maker": MAKER.replace("(4)", "('4')")}, True),
        ({"tools__cut": CUT.replace("//", "/")}, True),
    ],
)
def test_key_follows_the_code(tmp_path: Path, texts: dict[str, str], *, changes: bool) -> None:
    """Code of the module and of what it imports counts; docstrings and comments do not."""
    before = code_key("harness.maker", root=write(tmp_path / "before"))
    after = code_key("harness.maker", root=write(tmp_path / "after", **texts))
    assert (after != before) is changes


def test_imports_are_followed(tmp_path: Path) -> None:
    """In functions and in circles too, but not into reports and commands."""
    root = write(
        tmp_path,
        maker="import json, harness.other\ndef f():\n    from harness.tools import cut, VALUE\n",
        other="from harness.report.html import page\nfrom harness.cli import main\n",
        tools__cut="import harness.maker\n",
    )
    assert code_modules("harness.maker", root=root) == (
        "harness.maker",
        "harness.other",
        "harness.tools",
        "harness.tools.cut",
    )


def test_unknown_module(tmp_path: Path) -> None:
    """A module that does not exist is an error: its key would never change."""
    with pytest.raises(ValueError, match=r"no module harness\.gone"):
        code_key("harness.gone", root=write(tmp_path))


def test_interpreters_depend_on_their_build_steps() -> None:
    """The key of an interpreter covers the modules of all build steps."""
    modules = code_modules("harness.images.cpython.renamed_build")
    steps = ("build", "configure_cache", "libraries", "libffi", "modules", "openssl", "stdlib")
    assert {f"harness.images.cpython.{step}" for step in steps} <= set(modules)


@pytest.mark.parametrize(
    ("texts", "changes"),
    [
        ({"other": "x = 1\n"}, False),
        ({"tools__cut": f"# why\n{CUT}"}, True),
        ({"tools__new": ""}, True),
    ],
)
def test_source_key_follows_every_byte(
    tmp_path: Path, texts: dict[str, str], *, changes: bool
) -> None:
    """Of the files in the packages that are named, and of no other."""
    before = source_key("harness.tools", root=write(tmp_path / "before"))
    after = source_key("harness.tools", root=write(tmp_path / "after", **texts))
    assert (after != before) is changes


def test_facts_depend_on_all_code_that_reads_them() -> None:
    """The packages of the key hold each module that the reading process imports."""
    modules = code_modules(reading_process.__name__)
    assert [m for m in modules if not m.startswith(tuple(f"{p}." for p in READING))] == []
