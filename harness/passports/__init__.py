"""Passports beyond what an interpreter says: an image surveyed, and passports kept as files."""

from harness.passports.book import PassportBook, Record, RecordedAs
from harness.passports.facts import fact_records, read_facts
from harness.passports.survey import Surveyor

__all__ = ["PassportBook", "Record", "RecordedAs", "Surveyor", "fact_records", "read_facts"]
