"""Complete passports with a target's libraries, and store them as files."""

from harness.passports.book import PassportBook, PassportRecord, RecordedAs
from harness.passports.facts import fact_records, read_facts
from harness.passports.survey import Surveyor

__all__ = ["PassportBook", "PassportRecord", "RecordedAs", "Surveyor", "fact_records", "read_facts"]
