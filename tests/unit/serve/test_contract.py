"""The API held against its own description, with requests that are made of it."""

from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from harness.store import open_store
from tests.support.service import ServiceClient

CHECKS = [
    schemathesis.checks.not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]
ROUNDS = 25
NIGHTLY_ROUNDS = 800
"""Of each route; there are a dozen."""
EVENTS = "/events"


def _ask(client: ServiceClient, token: str, rounds: int) -> int:
    """Call every route with generated requests and return their number."""
    schema = schemathesis.openapi.from_url(f"{client.url}/api/v1/openapi.json")
    asked = 0
    for operation in schema.get_all_operations():
        found = operation.ok()
        if found is None or found.path.endswith(EVENTS):
            continue

        @settings(
            max_examples=rounds,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        )
        @schemathesis.python_hypothesis_given(case=found.as_strategy())  # type: ignore[attr-defined]
        def ask(case: schemathesis.Case) -> None:
            nonlocal asked
            asked += 1
            case.call_and_validate(
                headers={"Authorization": f"Bearer {token}"}, checks=CHECKS, timeout=60
            )

        ask()
    return asked
