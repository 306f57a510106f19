"""Requirements files as pip reads them, and as tools write them."""

from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.wheels.locks.application import LockedApplication, LockedDependency, SourceUse
from harness.wheels.locks.requirements_file import MOST_FILES, logical_lines, read_requirements_file

WRITTEN = Path(__file__).parents[3] / "data" / "locks"
A, B = "a" * 64, "b" * 64


def read(text: str, **others: str) -> LockedApplication:
    """Read ``r.txt`` with this text; ``others`` are files beside it by name without ``.txt``."""
    texts = {Path("r.txt"): text, **{Path(f"{name}.txt"): said for name, said in others.items()}}

    def read_text(path: Path) -> str:
        if path not in texts:
            raise FileNotFoundError(2, "No such file or directory")
        return texts[path]

    return read_requirements_file(Path("r.txt"), read_text)


def problems(text: str, **others: str) -> list[str]:
    with pytest.raises(UsageError) as raised:
        read(text, **others)
    return str(raised.value).splitlines()


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a==1\n\n# c\nb==2 # why\n", [(1, "a==1"), (4, "b==2")]),
        (
            "a==1 \\\n  --hash=x \\\n  --hash=y\nb==2",
            [(1, "a==1    --hash=x    --hash=y"), (4, "b==2")],
        ),
        ("a @ https://example.org/#egg", [(1, "a @ https://example.org/#egg")]),
        ("a==1 \\", [(1, "a==1")]),
        ("", []),
    ],
)
def test_logical_lines(text: str, lines: list[tuple[int, str]]) -> None:
    """Comments go, and a backslash joins lines; the number is that of the first."""
    assert list(logical_lines(text)) == lines


@pytest.mark.parametrize(
    ("line", "dependency"),
    [
        ("Flask==3.1", LockedDependency(name="flask", version="3.1")),
        ("a===1.0.0", LockedDependency(name="a", version="1.0.0")),
        ("a==01.0", LockedDependency(name="a", version="1.0")),
        (
            "a[X,y]==1 ; sys_platform == 'win32'",
            LockedDependency(
                name="a", version="1", extras=("x", "y"), markers=('sys_platform == "win32"',)
            ),
        ),
        (
            f"a==1 --hash=sha256:{A} --hash=sha256:{B.upper()} --hash=md5:00",
            LockedDependency(name="a", version="1", sha256=frozenset({A, B})),
        ),
        (
            "--only-binary=:all:\na==1",
            LockedDependency(name="a", version="1", use=SourceUse.NO_SDIST),
        ),
        (
            "--only-binary :all:\n--no-binary b,A\na==1",
            LockedDependency(name="a", version="1", use=SourceUse.NO_WHEEL),
        ),
    ],
)
def test_locked_dependency(line: str, dependency: LockedDependency) -> None:
    """Name, version, extras, marker, digests and the kinds of files are read."""
    assert read(line).dependencies == (dependency,)


def test_equal_releases_are_one_dependency() -> None:
    """It is needed if one of its lines is, and always if a line has no marker."""
    text = "a==1; python_version < '3.9'\na==1; os_name == 'nt'\nb==1; os_name == 'nt'\nb==1"
    first, second = read(text).dependencies
    assert first.markers == ('python_version < "3.9"', 'os_name == "nt"')
    assert second.markers == ()


def test_included_files() -> None:
    """A file is read once, also in a circle; a constraint pins what another line asks for."""
    found = read(
        "-r more.txt\n-c limits.txt\na",
        more="-r r.txt\n--requirement=more.txt\nb==2",
        limits="a==1\nc==3",
    )
    assert [each.title for each in found.dependencies] == ["b 2", "a 1"]


def test_a_limit_on_included_files() -> None:
    """What is beyond it is an error, since its dependencies would be missing."""
    names = [f"n{number}" for number in range(MOST_FILES)]
    files = dict.fromkeys(names, "a==1")
    text = "\n".join(f"-r {name}.txt" for name in names)
    (problem,) = problems(text, **files)
    assert f"n{MOST_FILES - 1}.txt: more than {MOST_FILES} files" in problem
    assert read(text.partition("\n")[2], **files).dependencies


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("-e .", "r.txt:1: .: an editable project, which is not on an index"),
        ("--editable=git+https://example.org/x", "r.txt:1: git+https://example.org/x: an editable"),
        (
            "git+https://example.org/x.git@v1#egg=x",
            "r.txt:1: git+https://example.org/x.git@v1#egg=x: an",
        ),
        (
            "x @ https://example.org/x-1.0.zip --hash=sha256:00",
            "r.txt:1: x @ https://example.org/x-1.0.zip: an",
        ),
        ("./dist/x-1.0-py3-none-any.whl", "r.txt:1: ./dist/x-1.0-py3-none-any.whl: an address"),
        ("x-1.0.tar.gz", "r.txt:1: x-1.0.tar.gz: an address"),
        ("../x", "r.txt:1: ../x: an address"),
        ("/srv/x", "r.txt:1: /srv/x: an address"),
    ],
)
def test_addresses_are_left_out(line: str, told: str) -> None:
    """Each is a line of its own; nothing is downloaded."""
    found = read(line)
    assert found.dependencies == ()
    assert [text[: len(told)] for text in found.left_out] == [told]


def test_options_of_an_index_are_not_followed() -> None:
    """Only the user names an index."""
    found = read(
        "-i https://example.org/simple\n--extra-index-url=https://example.org\n--pre\na==1"
    )
    assert found.notes == (
        "r.txt:1: -i is not followed; `--index-url` names an index",
        "r.txt:2: --extra-index-url is not followed; `--index-url` names an index",
    )


def test_every_wrong_line_is_reported() -> None:
    """All problems of all files at once, each with its place and the next step."""
    found = problems("a>=1\nb==1.*\n!\n--hashes\n-r none.txt\nc", none2="")
    assert found == [
        (
            "r.txt:3: '!' does not parse: Expected package name at the start of dependency "
            "specifier; write name==1.2.3"
        ),
        "r.txt:4: '--hashes' is no option of a requirements file; did you mean '--require-hashes'?",
        "r.txt:5: none.txt: cannot be read: No such file or directory; name a lock file",
        *(
            f"r.txt:{line}: {text!r} is not pinned; lock it first, for example with "
            "`uv pip compile` or `pip freeze`"
            for line, text in ((1, "a>=1"), (2, "b==1.*"), (6, "c"))
        ),
    ]


@pytest.mark.parametrize(
    ("name", "added", "left_out"),
    [
        ("pip-compile.txt", {"greenlet 3.5.6", "sqlalchemy 2.1.9", "typing-extensions 4.16.0"}, 0),
        (
            "pip-freeze.txt",
            {
                "greenlet 3.5.6",
                "markupsafe 3.0.4",
                "sqlalchemy 2.1.9",
                "typing-extensions 4.16.0",
            },
            1,
        ),
        (
            "uv-pip-compile.txt",
            {
                "colorama 0.4.6",
                "greenlet 3.2.5",
                "greenlet 3.5.6",
                "sqlalchemy 2.0.58",
                "sqlalchemy 2.1.9",
                "typing-extensions 4.16.0",
                "tzdata 2026.6",
            },
            0,
        ),
        ("uv-export.txt", {"colorama 0.4.6", "iniconfig 2.3.1", "tzdata 2026.6"}, 0),
    ],
)
def test_files_that_tools_wrote(name: str, added: set[str], left_out: int) -> None:
    """pip-compile, pip freeze, uv pip compile and uv export."""
    path = WRITTEN / name
    found = read_requirements_file(path, lambda file: file.read_text("utf-8"))
    titles = {each.title for each in found.dependencies}
    assert titles == {"docopt 0.6.2", "psutil 7.2.2", *added}
    assert len(found.left_out) == left_out
