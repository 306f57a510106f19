"""Render passports as text or JSON."""

import json
from dataclasses import asdict, fields

from harness.core.passport import Passport
from harness.core.targets import Target
from harness.passports.recording import RecordingResult
from harness.report.untrusted import visible

TAGS_SHOWN = 3


def format_passport(target: Target, passport: Passport) -> str:
    """Return a line per field, with untrusted text escaped."""
    width = max(len(field.name) for field in fields(passport))
    lines = [
        f"  {name.replace('_', ' '):<{width}}  {visible(_words(name, value))}"
        for name, value in asdict(passport).items()
    ]
    return "\n".join([target.key, *lines])


def passport_json(target: Target, passport: Passport) -> str:
    """Return the target's key and all fields of the passport as one line of JSON."""
    return json.dumps({"target": target.key, **asdict(passport)})


def format_entry(entry: RecordingResult) -> str:
    """Return the result of recording a target, and the lines that changed."""
    return "\n".join([f"{entry.target}: {entry.change}", *(f"  {visible(x)}" for x in entry.lines)])


def _words(name: str, value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case tuple() if name == "tags":
            more = f" and {len(value) - TAGS_SHOWN} more" if len(value) > TAGS_SHOWN else ""
            return " ".join(value[:TAGS_SHOWN]) + more
        case tuple() if name == "libraries":
            return f"{len(value)}: " + " ".join(str(library["name"]) for library in value)
        case tuple():
            return " ".join(value)
        case _:
            return str(value)
