"""Small wheels made by tests, most of them hostile."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from wheel.wheelfile import WheelFile

from harness.probe.jobs import Job


def make_wheel(  # noqa: PLR0913 - what a wheel consists of
    folder: Path,
    name: str,
    code: str,
    *,
    tag: str = "py3-none-any",
    files: Mapping[str, str] | None = None,
    version: str = "1.0",
    requires: Sequence[str] = (),
) -> Path:
    """Write a wheel with a module ``name`` of source ``code``, and ``files``."""
    path = folder / f"{name}-{version}-{tag}.whl"
    info = f"{name}-{version}.dist-info"
    lines = "".join(f"Requires-Dist: {each}\n" for each in requires)
    purelib = str(tag == "py3-none-any").lower()
    with WheelFile(path, "w") as wheel:
        wheel.writestr(f"{name}.py", code)
        for member, text in (files or {}).items():
            wheel.writestr(member, text)
        head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        wheel.writestr(f"{info}/METADATA", head + lines)
        wheel.writestr(
            f"{info}/WHEEL",
            f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: {purelib}\nTag: {tag}\n",
        )
    return path


def job_for(wheel: Path, *, call: str = "", timeout: float = 60, quiet: float = 60) -> Job:
    """Return a job that imports the module of ``wheel``."""
    return Job(
        wheels=((wheel.name, wheel.read_bytes()),),
        imports=(wheel.name.partition("-")[0],),
        call=call,
        timeout=timeout,
        quiet=quiet,
    )
