"""The recorded facts of real environments, each with its source (``tests/data/facts.json``)."""

from pathlib import Path

from pydantic import TypeAdapter

from harness.passports.conformance import EnvironmentFacts

_FACTS = Path(__file__).parents[1] / "data" / "facts.json"


def recorded_facts() -> dict[tuple[str, str], EnvironmentFacts]:
    """Return what is recorded, by the environment's name and arch."""
    rows = TypeAdapter(list[EnvironmentFacts]).validate_json(_FACTS.read_bytes())
    return {(row.name, row.arch): row for row in rows}
