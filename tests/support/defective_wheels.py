"""Wheels with one defect each, in memory, for tests of findings."""

import base64
import hashlib
import io
import struct
import unicodedata
import warnings
import zipfile
from collections.abc import Callable, Mapping

from harness.core.wheel_findings import FindingCode, MindedBy
from harness.wheels.archive.zip_reader import RATIO_MATTERS_FROM

METADATA = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: false\n"
TAG = "Tag: cp311-cp311-manylinux_2_17_x86_64\n"
INFO = "demo-1.0.dist-info"
MakeWheel = Callable[..., bytes]
Defect = Callable[[MakeWheel], bytes]
FILENAME = "demo-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"
ADDED = b"answer = 43\n"
FORMS = tuple(unicodedata.normalize(form, "\u00e9.py") for form in ("NFC", "NFD"))
PIP, STRICT, INDEX = MindedBy.PIP, MindedBy.STRICT, MindedBy.INDEX
SOME_PIP = MindedBy.SOME_PIP


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
    wheel: str = WHEEL + TAG,
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


def adding(*names: str, mode: int = 0o100644, method: int = zipfile.ZIP_STORED) -> Defect:
    """Add members of these names."""

    def made(make: MakeWheel) -> bytes:
        out = io.BytesIO(make())
        with zipfile.ZipFile(out, "a") as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name in names:
                info = zipfile.ZipInfo("x")
                info.filename, info.external_attr, info.compress_type = name, mode << 16, method
                archive.writestr(info, ADDED)
        return out.getvalue()

    return made


def having(**parts: object) -> Defect:
    """Replace parts of the wheel, as ``wheel_bytes`` does."""
    return lambda make: make(**parts)


def recording(change: Callable[[str], str]) -> Defect:
    return lambda make: make(record=change)


def first_entry(offset: int, value: int) -> Defect:
    """Change a 16-bit field of the first entry of the archive's directory."""

    def made(make: MakeWheel) -> bytes:
        data = bytearray(make())
        struct.pack_into("<H", data, data.index(b"PK\x01\x02") + offset, value)
        return bytes(data)

    return made


def corrupt(make: MakeWheel) -> bytes:
    """Change the checksum of the first member in the archive's directory."""
    return first_entry(16, 0xBAD)(make)


def bomb(make: MakeWheel) -> bytes:
    return make({"zeros": bytes(RATIO_MATTERS_FROM + 1)})


DEFECTS: dict[str, tuple[Defect, FindingCode, str, MindedBy]] = {
    "twice": (adding("demo.py"), FindingCode.DUPLICATE_MEMBER, "demo.py", INDEX),
    "case": (adding("Demo.py"), FindingCode.CASE_CLASH, "Demo.py", MindedBy.FILE_SYSTEMS),
    "form": (adding(*FORMS), FindingCode.CASE_CLASH, FORMS[1], MindedBy.FILE_SYSTEMS),
    "folder": (adding("a/b", "a/b/c.py"), FindingCode.FILE_AND_FOLDER, "a/b", PIP),
    "folder's case": (adding("A/b", "a/b/c"), FindingCode.CASE_CLASH, "A/b", MindedBy.FILE_SYSTEMS),
    "outside": (adding("../evil.py"), FindingCode.PATH_OUTSIDE, "../evil.py", PIP),
    "outside, below": (adding("a/../../b"), FindingCode.PATH_OUTSIDE, "a/../../b", PIP),
    "absolute": (adding("/etc/evil"), FindingCode.PATH_OUTSIDE, "/etc/evil", PIP),
    "empty part": (adding("a//b.py"), FindingCode.ODD_NAME, "a//b.py", INDEX),
    "dot": (adding("./b.py"), FindingCode.ODD_NAME, "./b.py", INDEX),
    "drive": (adding("C:/b.py"), FindingCode.ODD_NAME, "C:/b.py", INDEX),
    "backslash": (adding("a\\b.py"), FindingCode.ODD_NAME, "a\\b.py", INDEX),
    "control": (adding("a\x1b[2J.py"), FindingCode.ODD_NAME, "a\x1b[2J.py", INDEX),
    "link": (adding("link", mode=0o120777), FindingCode.SPECIAL_MEMBER, "link", STRICT),
    "pipe": (adding("pipe", mode=0o010644), FindingCode.SPECIAL_MEMBER, "pipe", STRICT),
    "bzip2": (
        adding("b.py", method=zipfile.ZIP_BZIP2), FindingCode.UNUSUAL_COMPRESSION, "b.py", INDEX
    ),
    "encrypted": (first_entry(8, 1), FindingCode.ENCRYPTED_MEMBER, "demo.py", PIP),
    "corrupt": (corrupt, FindingCode.CORRUPT_MEMBER, "demo.py", PIP),
    "bomb": (bomb, FindingCode.TOO_LARGE, "", MindedBy.LIMITS),
    "no dist-info": (having(info="demo"), FindingCode.NO_METADATA, "", PIP),
    "no METADATA": (
        having(absent=f"{INFO}/METADATA"), FindingCode.NO_METADATA, f"{INFO}/METADATA", PIP
    ),
    "no WHEEL": (having(absent=f"{INFO}/WHEEL"), FindingCode.NO_METADATA, f"{INFO}/WHEEL", PIP),
    "two dist-info": (
        having(files={"other-1.0.dist-info/METADATA": b""}), FindingCode.DIST_INFO_TWICE, "", PIP
    ),
    "project's dist-info": (
        having(info="other-1.0.dist-info"), FindingCode.DIST_INFO_NAME, "other-1.0.dist-info", PIP
    ),
    "version's dist-info": (
        having(info="demo-2.dist-info"), FindingCode.DIST_INFO_NAME, "demo-2.dist-info", STRICT
    ),
    "no version's dist-info": (
        having(info="demo-x.dist-info"), FindingCode.DIST_INFO_NAME, "demo-x.dist-info", SOME_PIP
    ),
    "data": (
        having(files={"demo.py": b"", "demo-2.0.data/scripts/x": b""}),
        FindingCode.DATA_DIRECTORY_NAME, "demo-2.0.data", STRICT,
    ),
    "scheme": (
        having(files={"demo-1.0.data/elsewhere/x": b""}),
        FindingCode.DATA_SCHEME, "demo-1.0.data/elsewhere/x", PIP,
    ),
    "no scheme": (
        having(files={"demo-1.0.data/x": b""}), FindingCode.DATA_SCHEME, "demo-1.0.data/x", PIP
    ),
    "no name": (
        having(metadata="Version: 1.0\n"), FindingCode.HEADER_MISSING, f"{INFO}/METADATA", SOME_PIP
    ),
    "no Root-Is-Purelib": (
        having(wheel=f"Wheel-Version: 1.0\n{TAG}"),
        FindingCode.HEADER_MISSING, f"{INFO}/WHEEL", STRICT,
    ),
    "two versions": (
        having(metadata=f"{METADATA}Version: 1.0\n"),
        FindingCode.HEADER_TWICE, f"{INFO}/METADATA", STRICT,
    ),
    "project": (
        having(metadata=METADATA.replace("demo", "Other")),
        FindingCode.RELEASE_DIFFERS, f"{INFO}/METADATA", SOME_PIP,
    ),
    "version": (
        having(metadata=METADATA.replace("1.0", "1.1")),
        FindingCode.RELEASE_DIFFERS, f"{INFO}/METADATA", SOME_PIP,
    ),
    "long version": (
        having(metadata=METADATA.replace("1.0", "9" * 5000)),
        FindingCode.RELEASE_DIFFERS, f"{INFO}/METADATA", SOME_PIP,
    ),
    "specifier": (
        having(metadata=f"{METADATA}Requires-Python: three\n"),
        FindingCode.BAD_REQUIRES_PYTHON, f"{INFO}/METADATA", STRICT,
    ),
    "long specifier": (
        having(metadata=f"{METADATA}Requires-Python: >={'9' * 5000}\n"),
        FindingCode.BAD_REQUIRES_PYTHON, f"{INFO}/METADATA", PIP,
    ),
    "Wheel-Version": (
        having(wheel=WHEEL.replace("1.0", "2.0") + TAG),
        FindingCode.WHEEL_VERSION, f"{INFO}/WHEEL", PIP,
    ),
    "Root-Is-Purelib": (
        having(wheel=WHEEL.replace("false", "maybe") + TAG),
        FindingCode.BAD_HEADER, f"{INFO}/WHEEL", STRICT,
    ),
    "tags": (
        having(wheel=f"{WHEEL}Tag: py3-none-any\n"),
        FindingCode.TAGS_DIFFER, f"{INFO}/WHEEL", MindedBy.PIP_CHECK,
    ),
    "no RECORD": (
        having(absent=f"{INFO}/RECORD"), FindingCode.RECORD_MISSING, f"{INFO}/RECORD", PIP
    ),
    "no CSV": (
        recording(lambda text: text + 'demo.py,"x"y,1\n'), FindingCode.BAD_RECORD, "RECORD", STRICT
    ),
    "fields": (
        recording(lambda text: f"{text}demo.py\n"), FindingCode.BAD_RECORD, "demo.py", STRICT
    ),
    "no number": (
        recording(lambda text: text.replace(",12\n", ",many\n")),
        FindingCode.BAD_RECORD_SIZE, "demo.py", STRICT,
    ),
    "long number": (
        recording(lambda text: text.replace(",12\n", f",{'9' * 5000}\n")),
        FindingCode.BAD_RECORD_SIZE, "demo.py", STRICT,
    ),
    "unrecorded": (
        recording(lambda text: text.partition("\n")[2]),
        FindingCode.UNRECORDED_FILE, "demo.py", STRICT,
    ),
    "gone": (
        recording(lambda text: f"{text}gone.py,,\n"),
        FindingCode.RECORDED_FILE_MISSING, "gone.py", STRICT,
    ),
    "size": (
        recording(lambda text: text.replace(",12\n", ",13\n")),
        FindingCode.SIZE_DIFFERS, "demo.py", STRICT,
    ),
}  # fmt: skip
