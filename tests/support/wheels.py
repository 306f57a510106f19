"""Small wheels made by tests."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipInfo

from wheel.wheelfile import WheelFile

from harness.core.wheel_findings import FindingCode
from harness.predict.late_plan import NOTHING_LATE, LatePlan
from harness.probe.jobs import Job
from harness.wheels.archive.contents import read_wheel
from harness.wheels.build.wheelfile import ComposedName, WheelMember, write_wheel


def make_wheel(  # noqa: PLR0913 - what a wheel consists of
    folder: Path,
    name: str,
    code: str | None,
    *,
    tag: str = "py3-none-any",
    files: Mapping[str, str | bytes] | None = None,
    version: str = "1.0",
    requires: Sequence[str] = (),
) -> Path:
    """Write a wheel with a module ``name`` of source ``code``, unless it is None, and ``files``."""
    path = folder / f"{name}-{version}-{tag}.whl"
    info = f"{name}-{version}.dist-info"
    lines = "".join(f"Requires-Dist: {each}\n" for each in requires)
    purelib = str(tag == "py3-none-any").lower()
    with WheelFile(path, "w") as wheel:
        if code is not None:
            wheel.writestr(f"{name}.py", code)
        for member, text in (files or {}).items():
            entry = ZipInfo(member)
            entry.compress_type = ZIP_DEFLATED
            entry.external_attr = (0o100755 if ".data/scripts/" in member else 0o100644) << 16
            wheel.writestr(entry, text)
        head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        wheel.writestr(f"{info}/METADATA", head + lines)
        wheel.writestr(
            f"{info}/WHEEL",
            f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: {purelib}\nTag: {tag}\n",
        )
    return path


def verify_record(path: Path) -> None:
    """Check every member by its digest in RECORD, and what RECORD lists."""
    with WheelFile(path) as wheel:
        assert wheel.testzip() is None  # reads every member, and raises for another digest
    listed = {FindingCode.RECORDED_FILE_MISSING, FindingCode.SIZE_DIFFERS}
    assert not [each for each in read_wheel(path).findings if each.code in listed]


def write_demo(
    folder: Path,
    *members: tuple[str, bytes],
    python: str = "cp39",
    platform: str = "musllinux_1_1_x86_64",
) -> Path:
    """Write demo 1.0 with these members as a builder does, which may name one twice."""
    name = ComposedName(
        distribution="demo", version="1.0", python=python, abi=python, platform=platform
    )
    path = folder / name.filename
    files = [WheelMember(path=member, data=data) for member, data in members]
    write_wheel(
        path, name, files, {"METADATA": "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"}
    )
    return path


def job_for(
    wheel: Path,
    *,
    call: str = "",
    submodules: tuple[str, ...] = (),
    timeout: float = 60,
    quiet: float = 60,
    late: LatePlan = NOTHING_LATE,
) -> Job:
    """Return a job that imports the module of ``wheel``, then ``submodules``."""
    return Job(
        wheels=((wheel.name, wheel.read_bytes()),),
        imports=(wheel.name.partition("-")[0],),
        call=call,
        submodules=submodules,
        timeout=timeout,
        quiet=quiet,
        late=late,
    )
