"""Requested wheels and releases as subjects."""

import zipfile
from datetime import date
from pathlib import Path

import pytest
from packaging.tags import parse_tag

from harness.app.requested import (
    ImportCheck,
    ListedRelease,
    guess_imports,
    not_applicable,
    read_candidates,
    read_list,
)
from harness.core.subjects import FileSource, IndexSource
from harness.host.cache import Cache
from harness.wheels.archive.contents import read_wheel
from harness.wheels.index.fetch import PackageIndex
from harness.wheels.index.lock import IndexLock, LockedWheel
from tests.support.targets import make_target
from tests.support.wheels import make_wheel

CP311 = "cp311-cp311-manylinux_2_17_x86_64"
CP313 = "cp313-cp313-manylinux_2_17_s390x"


@pytest.fixture
def index(tmp_path: Path) -> PackageIndex:
    """Return an index with two pinned releases, one of them without wheels."""
    wheel = LockedWheel(filename=f"numpy-2.4.6-{CP311}.whl", sha256="0" * 64)
    lock = IndexLock(
        generated=date(2026, 11, 2), releases={"numpy==2.4.6": (wheel,), "pure-c==1.0": ()}
    )
    return PackageIndex(Cache(tmp_path / "cache"), lock, announce=print)


def test_files_of_one_release_are_one_subject(tmp_path: Path, index: PackageIndex) -> None:
    """Several files of a release are one subject with the tags of all."""
    other = make_wheel(tmp_path, "other", "")
    paths = [make_wheel(tmp_path, "mine", "", tag=tag) for tag in (CP311, CP313)]
    words = [str(paths[0]), str(other), str(paths[1])]
    mine, others = read_candidates(words, ImportCheck(), index)
    assert (mine.subject.id, others.subject.id) == ("mine-1.0", "other-1.0")
    assert mine.subject.source == FileSource(paths=tuple(map(str, paths)))
    assert mine.tags == parse_tag(CP311) | parse_tag(CP313)
    assert mine.subject.imports == ()


DEFECTIVE = {
    "record_digits": {"RECORD": f"record_digits.py,,{'9' * 5000}\n"},
    "version_digits": {"METADATA": f"Name: x\nVersion: {'9' * 5000}\n"},
    "python_digits": {"METADATA": f"Name: x\nVersion: 1\nRequires-Python: >={'9' * 5000}\n"},
    "unrecorded": {"RECORD": ""},
    "other_tag": {"WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py2-none-any\n"},
    "header_twice": {"WHEEL": "Root-Is-Purelib: true\n" * 2},
    "outside": {"../../outside.py": ""},
    "absolute": {"/etc/outside.py": ""},
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", [*DEFECTIVE, "twice", "bare"])
def test_defective_wheel_is_accepted(tmp_path: Path, index: PackageIndex, name: str) -> None:
    """What is a zip archive and is named like a wheel is left to the target's installer."""
    path = tmp_path / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        for _ in range({"bare": 0, "twice": 2}.get(name, 1)):
            wheel.writestr(f"{name}.py", "answer = 42\n")
        for file, text in DEFECTIVE.get(name, {}).items():
            wheel.writestr(file if "/" in file else f"{info}/{file}", text)
    (candidate,) = read_candidates([str(path)], ImportCheck(), index)
    assert candidate.subject.imports == ()
    assert guess_imports(read_wheel(path)) == (() if name == "bare" else (name,))
    assert list(tmp_path.iterdir()) == [path]


def test_given_imports_and_call(tmp_path: Path, index: PackageIndex) -> None:
    """Imports and a call from the user replace what is inferred."""
    check = ImportCheck(imports=("mine.core",), call="mine.core.f() == 1")
    (candidate,) = read_candidates([str(make_wheel(tmp_path, "mine", ""))], check, index)
    assert candidate.subject.imports == ("mine.core",)
    assert candidate.subject.call == "mine.core.f() == 1"


def test_release_of_the_index(index: PackageIndex) -> None:
    """``name==version`` is normalised."""
    (candidate,) = read_candidates(["NumPy == 2.4.6"], ImportCheck(imports=("numpy",)), index)
    assert candidate.subject.source == IndexSource(name="numpy", version="2.4.6")


def test_targets_that_no_wheel_fits(tmp_path: Path, index: PackageIndex) -> None:
    """Targets that no file fits are listed by reason; releases of the index are left out."""
    words = [str(make_wheel(tmp_path, "mine", "", tag=CP311)), "numpy==2.4.6"]
    candidates = read_candidates(words, ImportCheck(imports=("x",)), index)
    targets = [
        make_target("debian-3.11/x86_64"),
        make_target("debian-3.13/x86_64", python="3.13"),
        make_target("debian-3.11/s390x"),
    ]
    assert not_applicable(candidates, targets) == {
        ("mine-1.0", "needs CPython 3.11, the target has 3.13"): ["debian-3.13/x86_64"],
        ("mine-1.0", "built for x86_64"): ["debian-3.11/s390x"],
    }


def test_folder_of_wheels(tmp_path: Path, index: PackageIndex) -> None:
    """A folder means its wheels; other files are ignored."""
    folder = tmp_path / "dist"
    folder.mkdir()
    path = make_wheel(folder, "mine", "")
    (folder / "mine-1.0.tar.gz").touch()
    (mine,) = read_candidates([str(folder)], ImportCheck(), index)
    assert mine.subject.source == FileSource(paths=(str(path),))


def test_list_of_releases(tmp_path: Path) -> None:
    """Releases and bare names are normalised; comments and empty lines are skipped."""
    path = tmp_path / "list.txt"
    path.write_text("# numerics\nNumPy == 2.4.0RC1 # pinned\n\nruamel.yaml.clib\nx\n")
    assert read_list(path) == (
        ListedRelease(name="numpy", version="2.4.0rc1"),
        ListedRelease(name="ruamel-yaml-clib"),
        ListedRelease(name="x"),
    )
