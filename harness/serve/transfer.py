"""The values that a pushed run travels in, for both sides. Pure.

A run is announced, its observations follow in parts, and its ending closes it. Each part says how
many observations come before it, so that none is stored twice and a push that was cut goes on
where it ended. The body of each request is named by its digest (RFC 9530).
"""

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from harness.core.errors import ExitCode
from harness.core.observations import Observation
from harness.core.passport import Passport
from harness.results.runfile import Circumstances

PART = 100
"""Observations in a part."""
PART_LOGS = 8 * 1024 * 1024
"""Characters of logs after which a part ends; one log has at most a million."""
MOST_CELLS = 100_000
_ID = r"^\d{8}T\d{6}-[0-9a-f]{8}$"
_PATTERN = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)$"
UtcMoment = Annotated[
    str, Field(pattern=_PATTERN), AfterValidator(lambda text: datetime.fromisoformat(text) and text)
]
Line = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


@dataclass(frozen=True, kw_only=True, slots=True)
class RunAnnouncement:
    """A run that is about to be pushed."""

    id: Annotated[str, Field(pattern=_ID)]
    started_at: UtcMoment
    """UTC, ISO 8601."""
    label: Line
    shard: Annotated[str, Field(pattern=r"^(\d{1,6}/\d{1,6})?$")]
    harness: Line
    """Version of the harness."""
    cells: str
    """The planned cells, as ``matrix.cell_list`` writes them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SentPassport:
    """A passport and the environment that it was measured in."""

    id: Line
    environment: Line
    passport: Passport


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPart:
    """Some observations of a run, in order."""

    after: Annotated[int, Field(ge=0, le=1 << 53)]
    """How many observations come before these."""
    observations: Annotated[tuple[Observation, ...], Field(max_length=5 * PART)]
    passports: tuple[SentPassport, ...] = field(default=())


@dataclass(frozen=True, kw_only=True, slots=True)
class RunEnding:
    """The end of a run."""

    observations: Annotated[int, Field(ge=0, le=1 << 53)]
    """How many there are in total."""
    circumstances: Circumstances
    exit_code: ExitCode


@dataclass(frozen=True, kw_only=True, slots=True)
class Received:
    """What the service has of a run."""

    id: str
    observations: int
    complete: bool


def content_digest(body: bytes) -> str:
    """Return the value of a ``Content-Digest`` header."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
