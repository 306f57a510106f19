"""Passports put together from recorded facts."""

import json
from pathlib import Path

import pytest

from harness.app.wiring import ROOT, read_matrix
from harness.core.errors import PassportError
from harness.core.targets import ReplicaField
from harness.passports import PassportBook, RecordedAs, fact_records, read_facts
from harness.passports.conformance import EnvironmentFacts, differences
from harness.passports.facts import fact_passport
from tests.support.facts import recorded_facts

FACTS = recorded_facts()
FILE = ROOT / "tests" / "data" / "facts.json"


@pytest.mark.parametrize("fact", [pytest.param(f, id=f"{n}/{a}") for (n, a), f in FACTS.items()])
def test_a_passport_says_what_the_fact_says(fact: EnvironmentFacts) -> None:
    """Names, libc, installer and the platforms that it accepts, none more and none less."""
    assert differences(fact_passport(fact), fact) == ()


def test_tags_are_in_the_installers_order() -> None:
    """The interpreter's own ABI and the newest platform come first, pure wheels last."""
    tags = fact_passport(FACTS["Alpine 3.14 system python3, after 2021-11-25", "x86_64"]).tags
    assert tags[0].startswith("cp39-cp39-")
    assert tags[-1] == "py30-none-any"
    fedora = fact_passport(FACTS["Fedora 34 python3", "ppc64le"]).tags
    assert fedora[0] == "cp39-cp39-manylinux_2_33_ppc64le"


def test_each_record_names_its_source() -> None:
    """A record says where it was read and how sure it is, and names no image."""
    records = list(fact_records(FACTS.values(), read_matrix(ROOT / "matrix").targets))
    assert all(r.source and r.image is None for r in records)
    assert {r.recorded_as for r in records} == {RecordedAs.FACTS}


def test_an_upgraded_pip_is_no_longer_that_environment() -> None:
    """A target with another pip than was shipped there gets no passport of facts."""
    targets = [t for t in read_matrix(ROOT / "matrix").targets if t.replica]
    upgraded = {t.key for t in targets if t.replica and ReplicaField.PIP in t.replica.differs}
    recorded = {record.target for record in fact_records(FACTS.values(), targets)}
    assert upgraded
    assert not upgraded & recorded


def test_the_committed_ones_are_those_of_the_file() -> None:
    """matrix/passports/facts is what ``wheelgrid passport --facts`` makes of the facts."""
    book = PassportBook(ROOT / "matrix" / "passports")
    made = {
        r.target: r for r in fact_records(read_facts(FILE), read_matrix(ROOT / "matrix").targets)
    }
    kept = {r.target: r for r in book.records if r.recorded_as is RecordedAs.FACTS}
    assert kept == made


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "no list of facts: the whole file"),
        (json.dumps([{"name": "x"}]), "no list of facts: 0.arch"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_file_that_is_no_list_of_facts(tmp_path: Path, text: str | None, complaint: str) -> None:
    """The file, the place in it and what is wrong there are named."""
    file = tmp_path / "facts.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(PassportError) as caught:
        read_facts(file)
    assert str(caught.value).startswith(f"{file}: {complaint}")
