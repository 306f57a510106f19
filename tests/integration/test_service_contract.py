"""The API held against its own description, by requests that are made of it."""

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from harness.serve.tokens import Tokens
from harness.store import open_store
from tests.support.service import fill_store, running_service

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]
ROUNDS = 25
NIGHTLY_ROUNDS = 850
"""Of each of the twelve routes: ten thousand requests."""
pytestmark = pytest.mark.integration
EVENTS = "/events"
"""The end of the one route that does not end by itself."""


@pytest.mark.parametrize(
    "rounds", [ROUNDS, pytest.param(NIGHTLY_ROUNDS, marks=pytest.mark.nightly)]
)
def test_the_api_answers_as_it_says(tmp_path: Path, rounds: int) -> None:
    """No request ends in a 500, each answer fits the description, and no run is written."""
    store = tmp_path / "store.db"
    fill_store(store)
    before, token = _runs(store), Tokens(store).add("tests")
    with running_service(store) as service:
        asked = _ask(service.url, token, rounds)
    assert asked >= 12 * min(rounds, 10)
    assert _runs(store) == before


def _ask(url: str, token: str, rounds: int) -> int:
    """Call every route with generated requests and return their number."""
    schema = schemathesis.openapi.from_url(f"{url}/api/v1/openapi.json")
    asked = 0
    for found in schema.get_all_operations():
        operation = found.ok()  # type: ignore[union-attr]
        if operation.path.endswith(EVENTS):
            continue

        @settings(
            max_examples=rounds, deadline=None, database=None,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy())
        def ask(case: "schemathesis.Case[Any]") -> None:
            nonlocal asked
            asked += 1
            case.call_and_validate(
                headers={"Authorization": f"Bearer {token}"}, checks=CHECKS, timeout=60
            )

        ask()
    return asked


def _runs(store: Path) -> list[tuple[str, int]]:
    with open_store(store) as opened:
        return [(run.id, opened.count_rows(run)) for run in opened.runs()]
