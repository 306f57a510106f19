"""Passports beyond what an interpreter says: an image surveyed, and passports kept as files."""

from harness.passports.book import PassportBook, PassportRecord, RecordedAs
from harness.passports.facts import fact_records, read_facts
from harness.passports.survey import Surveyor

__all__ = ["PassportBook", "PassportRecord", "RecordedAs", "Surveyor", "fact_records", "read_facts"]
