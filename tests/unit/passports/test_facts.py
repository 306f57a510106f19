"""Passports derived from recorded facts."""

import json
from pathlib import Path

import pytest

from harness.app.wiring import read_matrix
from harness.core.errors import PassportError
from harness.core.targets import ReplicaField
from harness.passports.book import PassportBook, RecordedAs
from harness.passports.conformance import EnvironmentFacts, differences
from harness.passports.facts import fact_passport, fact_records, read_facts
from tests.support.commands import ROOT
from tests.support.facts import recorded_facts

FACTS = recorded_facts()
FILE = ROOT / "tests" / "data" / "facts.json"


@pytest.mark.parametrize("fact", [pytest.param(f, id=f"{n}/{a}") for (n, a), f in FACTS.items()])
def test_passport_equals_the_facts(fact: EnvironmentFacts) -> None:
    """A passport has the facts' names, libc, installer and platforms."""
    assert differences(fact_passport(fact), fact) == ()


def test_tags_are_in_the_installers_order() -> None:
    """The interpreter's ABI and the newest platform come first, pure wheels last."""
    tags = fact_passport(FACTS["Alpine 3.14 system python3, after 2021-11-25", "x86_64"]).tags
    assert tags[0].startswith("cp39-cp39-")
    assert tags[-1] == "py30-none-any"
    fedora = fact_passport(FACTS["Fedora 34 python3", "ppc64le"]).tags
    assert fedora[0] == "cp39-cp39-manylinux_2_33_ppc64le"


def test_each_record_names_its_source() -> None:
    """A record has the source and its confidence, and no image."""
    records = list(fact_records(FACTS.values(), read_matrix(ROOT / "matrix").targets))
    assert all(r.source and r.image is None for r in records)
    assert {r.recorded_as for r in records} == {RecordedAs.FACTS}


def test_target_with_another_pip_is_skipped() -> None:
    """A target with another pip than the environment's gets no passport of facts."""
    targets = [t for t in read_matrix(ROOT / "matrix").targets if t.replica]
    upgraded = {t.key for t in targets if t.replica and ReplicaField.PIP in t.replica.differs}
    recorded = {record.target for record in fact_records(FACTS.values(), targets)}
    assert upgraded
    assert not upgraded & recorded


def test_committed_facts_are_current() -> None:
    """matrix/passports/facts is the output of ``wheelgrid passport --facts``."""
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
    """The error has the file, the position and the problem."""
    file = tmp_path / "facts.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(PassportError) as caught:
        read_facts(file)
    assert str(caught.value).startswith(f"{file}: {complaint}")
