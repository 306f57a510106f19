"""Companions laid out as an installer would."""

import zipfile
from io import BytesIO
from pathlib import Path

from harness.core.subjects import WheelRef
from harness.host.cache import file_sha256
from harness.wheels.install_layout import companion_archive
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
