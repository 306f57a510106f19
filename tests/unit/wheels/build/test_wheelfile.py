"""Written wheels."""

import zipfile
from pathlib import Path

from harness.wheels.archive.contents import read_wheel
from harness.wheels.build.wheelfile import ComposedName, WheelMember, write_wheel
from tests.support.wheels import verify_record

NAME = ComposedName(
    distribution="demo",
    version="1.0",
    python="cp311",
    abi="cp311",
    platform="manylinux_2_17_x86_64.manylinux2014_x86_64",
)
MEMBERS = (
    WheelMember(path="demo/z.so", data=b"binary", mode=0o755),
    WheelMember(path="demo/__init__.py", data=b"import this\n"),
)
METADATA = {"METADATA": "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"}


def written(folder: Path, members: tuple[WheelMember, ...] = MEMBERS) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / NAME.filename
    write_wheel(path, NAME, members, METADATA)
    return path


def test_reads_back(tmp_path: Path) -> None:
    """The wheel is well-formed: name, WHEEL and RECORD agree, every digest holds."""
    path = written(tmp_path)
    facts = read_wheel(path)
    verify_record(path)
    assert facts.name.tags == (
        "cp311-cp311-manylinux2014_x86_64",
        "cp311-cp311-manylinux_2_17_x86_64",
    )
    assert facts.pure is False


def test_same_contents_same_bytes(tmp_path: Path) -> None:
    """The bytes depend only on the contents, not on order, folder or time."""
    once = written(tmp_path / "a").read_bytes()
    again = written(tmp_path / "b", MEMBERS[::-1]).read_bytes()
    assert once == again


def test_order_modes_and_times(tmp_path: Path) -> None:
    """Members are sorted, RECORD is last, only binaries are executable, and dates are fixed."""
    with zipfile.ZipFile(written(tmp_path)) as archive:
        modes = {i.filename: oct(i.external_attr >> 16) for i in archive.infolist()}
        times = {i.date_time for i in archive.infolist()}
    assert times == {(1980, 1, 1, 0, 0, 0)}
    assert modes == {
        "demo/__init__.py": "0o100644",
        "demo/z.so": "0o100755",
        "demo-1.0.dist-info/METADATA": "0o100644",
        "demo-1.0.dist-info/WHEEL": "0o100644",
        "demo-1.0.dist-info/RECORD": "0o100644",
    }
    assert list(modes)[-1] == "demo-1.0.dist-info/RECORD"
