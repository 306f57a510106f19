"""A small well-formed wheel in memory, which the tests damage."""

import base64
import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping

import pytest

METADATA = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
WHEEL = (
    "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: false\n"
    "Tag: cp311-cp311-manylinux_2_17_x86_64\n"
)
INFO = "demo-1.0.dist-info"


def archive_bytes(members: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def record_line(name: str, data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(data)}\n"


def wheel_bytes(
    files: Mapping[str, bytes] | None = None,
    *,
    metadata: str = METADATA,
    wheel: str = WHEEL,
    info: str = INFO,
    record: Callable[[str], str] = str,
    absent: str = "",
) -> bytes:
    """Return a wheel; ``record`` changes its RECORD, ``absent`` is removed at the end."""
    members = {
        **({"demo.py": b"answer = 42\n"} if files is None else files),
        f"{info}/METADATA": metadata.encode(),
        f"{info}/WHEEL": wheel.encode(),
    }
    lines = "".join(record_line(name, data) for name, data in members.items())
    members[f"{info}/RECORD"] = record(f"{lines}{info}/RECORD,,\n").encode()
    return archive_bytes({name: data for name, data in members.items() if name != absent})


@pytest.fixture
def make_archive() -> Callable[[Mapping[str, bytes]], bytes]:
    """Pack members into a zip archive."""
    return archive_bytes


@pytest.fixture
def make_wheel() -> Callable[..., bytes]:
    """Make a wheel that is well-formed except for the arguments."""
    return wheel_bytes
