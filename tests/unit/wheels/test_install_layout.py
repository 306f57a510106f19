"""Companions laid out as an installer would."""

import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from harness.core.subjects import WheelRef
from harness.host.cache import file_sha256
from harness.wheels import install_layout
from harness.wheels.install_layout import companion_archive, owner_of
from tests.support.wheels import make_wheel


def _wheel(path: Path) -> WheelRef:
    return WheelRef(filename=path.name, sha256=file_sha256(path), size=1, path=str(path))


def test_files_go_where_an_installer_puts_them(tmp_path: Path) -> None:
    """Purelib and platlib are one directory; scripts and headers are left out."""
    files = {
        "one/__init__.py": "here",
        "one-1.0.data/purelib/two.py": "there",
        "one-1.0.data/platlib/sub/three.py": "elsewhere",
        "one-1.0.data/scripts/tool": "#!python",
        "one-1.0.data/headers/one.h": "",
    }
    wheels = (
        _wheel(make_wheel(tmp_path, "one", "", files=files)),
        _wheel(make_wheel(tmp_path, "other", "x = 1")),
    )
    with zipfile.ZipFile(BytesIO(companion_archive(wheels))) as site:
        content = {name: site.read(name).decode() for name in site.namelist()}
    kept = {name: text for name, text in content.items() if ".dist-info/" not in name}
    assert kept == {
        "one.py": "",
        "one/__init__.py": "here",
        "two.py": "there",
        "sub/three.py": "elsewhere",
        "other.py": "x = 1",
    }


def test_empty_archive(tmp_path: Path) -> None:
    """Without companions, or with an unreadable one, the archive is empty."""
    good, bad = make_wheel(tmp_path, "one", ""), tmp_path / "two-1.0-py3-none-any.whl"
    bad.write_bytes(b"no wheel")
    assert companion_archive(()) == b""
    assert companion_archive((_wheel(good), _wheel(bad))) == b""


def test_first_of_two_equal_paths_counts(tmp_path: Path) -> None:
    """Two wheels that bring the same file, as many bring ``tests/__init__.py``, are laid out."""
    wheels = tuple(
        _wheel(make_wheel(tmp_path, name, "", files={"tests/__init__.py": name}))
        for name in ("one", "two")
    )
    with zipfile.ZipFile(BytesIO(companion_archive(wheels))) as site:
        assert site.read("tests/__init__.py") == b"one"
        assert site.namelist().count("tests/__init__.py") == 1


@pytest.mark.parametrize("most", [10, 1500])
def test_too_much_is_left_to_the_installer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """One wheel that is too large, or all together, are not held in memory."""
    wheels = tuple(_wheel(make_wheel(tmp_path, name, "")) for name in ("one", "two", "three"))
    assert companion_archive(wheels)
    monkeypatch.setattr(install_layout, "TOO_LARGE_TOGETHER", most)
    monkeypatch.setattr(install_layout, "_kept", {})
    assert companion_archive(wheels) == b""


def test_owner_of_a_file(tmp_path: Path) -> None:
    """The wheel that installs a path; a wheel that cannot be read owns nothing."""
    files = {"a_b/__init__.py": "", "one-1.0.data/platlib/deep/core.so": ""}
    one, other = make_wheel(tmp_path, "one", "", files=files), make_wheel(tmp_path, "other", "")
    bad = tmp_path / "bad-1.0-py3-none-any.whl"
    bad.write_bytes(b"no wheel")
    wheels = (_wheel(bad), _wheel(other), _wheel(one))
    assert owner_of("deep/core.so", wheels) == owner_of("a_b/__init__.py", wheels) == wheels[2]
    assert owner_of("other.py", wheels) == wheels[1]
    assert owner_of("nowhere.py", wheels) is None
