"""Defects of wheels: each is a finding, and the wheel is read all the same."""

import io

import pytest

from harness.core.wheel_findings import FindingCode, FindingList, MindedBy
from harness.wheels.archive.contents import read_contents
from harness.wheels.archive.zip_reader import open_archive
from tests.support.defective_wheels import ADDED, DEFECTS, FILENAME, INFO, Defect, MakeWheel, adding

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
    of_a_target = {
        FindingCode.SUBMODULE_IMPORT,
        FindingCode.GIL_ENABLED,
        FindingCode.LIBRARY_LOAD,
        FindingCode.PROGRAM_START,
        FindingCode.COMMAND,
        FindingCode.NOT_READ,
        FindingCode.NOT_TRIED,
    }
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
