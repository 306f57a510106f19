"""Defects of wheels: each is a finding, and the wheel is read all the same."""

import io
import struct
import unicodedata
import warnings
import zipfile
from collections.abc import Callable

import pytest

from harness.core.wheel_findings import FindingCode, FindingList, MindedBy
from harness.wheels.archive.contents import read_contents
from harness.wheels.archive.zip_reader import RATIO_MATTERS_FROM, open_archive

MakeWheel = Callable[..., bytes]
Defect = Callable[[MakeWheel], bytes]
FILENAME = "demo-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"
INFO = "demo-1.0.dist-info"
METADATA = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nRoot-Is-Purelib: false\n"
TAG = "Tag: cp311-cp311-manylinux_2_17_x86_64\n"
ADDED = b"answer = 43\n"
FORMS = tuple(unicodedata.normalize(form, "\u00e9.py") for form in ("NFC", "NFD"))
PIP, STRICT, INDEX = MindedBy.PIP, MindedBy.STRICT, MindedBy.INDEX
SOME_PIP = MindedBy.SOME_PIP


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
        having(files={"demo-2.0.data/scripts/x": b""}),
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
CONSEQUENCES = {FindingCode.UNRECORDED_FILE, FindingCode.RECORDED_FILE_MISSING}


def test_sound_wheel_has_no_finding(make_wheel: MakeWheel) -> None:
    assert read_contents(FILENAME, io.BytesIO(make_wheel())).findings == ()


@pytest.mark.parametrize(("defect", "code", "file", "minded_by"), DEFECTS.values(), ids=DEFECTS)
def test_defect_is_a_finding(
    make_wheel: MakeWheel, defect: Defect, code: FindingCode, file: str, minded_by: MindedBy
) -> None:
    """The wheel is read, and the finding names the member, the source and who minds."""
    facts = read_contents(FILENAME, io.BytesIO(defect(make_wheel)))
    found = [f for f in facts.findings if f.code is code or f.code not in CONSEQUENCES]
    assert [(f.code, f.file, f.minded_by) for f in found] == [(code, file, minded_by)]
    assert found[0].message.endswith(".")
    assert len(found[0].message) < 300
    assert found[0].source.startswith("https://")


def test_every_code_is_tested() -> None:
    """But what is no defect of its bytes alone."""
    of_a_target = {FindingCode.SUBMODULE_IMPORT, FindingCode.NOT_READ}
    assert {code for _, code, _, _ in DEFECTS.values()} == set(FindingCode) - of_a_target


def test_last_of_two_members_counts(make_wheel: MakeWheel) -> None:
    """As in zipfile and pip."""
    data = adding("demo.py")(make_wheel)
    with open_archive(FILENAME, io.BytesIO(data)) as archive:
        assert [m.name for m in archive.members].count("demo.py") == 1
        assert archive.read("demo.py", at_most=100) == ADDED


def test_corrupt_metadata_leaves_the_other_facts(make_wheel: MakeWheel) -> None:
    """What cannot be unpacked is unknown; modules and members are known."""
    data = bytearray(make_wheel())
    with open_archive(FILENAME, io.BytesIO(bytes(data))) as archive:
        start, end = archive.span(f"{INFO}/METADATA")
    data[end - 4 : end] = b"\xff" * 4
    facts = read_contents(FILENAME, io.BytesIO(bytes(data)))
    assert start < end
    assert [(f.code, f.file) for f in facts.findings] == [
        (FindingCode.CORRUPT_MEMBER, f"{INFO}/METADATA")
    ]
    assert (facts.requires_python, facts.modules) == ("", ("demo",))


def test_many_files_are_one_finding() -> None:
    """Only the first file is named, and the others are counted, each once."""
    findings = FindingList()
    for name in ("a", "b", "c", "c"):
        findings.add(FindingCode.UNRECORDED_FILE, name, "RECORD does not list it.")
    (finding,) = findings.found()
    assert finding.file == "a"
    assert finding.message == "RECORD does not list it. The same holds for 2 more files."


def test_long_names_are_cut() -> None:
    findings = FindingList()
    findings.add(FindingCode.ODD_NAME, "n" * 60_000, "m" * 60_000)
    (finding,) = findings.found()
    assert len(finding.file) == len(finding.message) == 201
