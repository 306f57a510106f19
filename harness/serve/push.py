"""Push a run of a store to a service; a push that was cut goes on where it ended."""

import socket
import ssl
from bisect import bisect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from pydantic import TypeAdapter, ValidationError
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential_jitter,
)

from harness.core.errors import ExitCode, HarnessError
from harness.core.observations import Observation
from harness.matrix.cell_list import dump_cells
from harness.report.untrusted import visible
from harness.serve.documents import Trouble
from harness.serve.transfer import (
    PART,
    PART_LOGS,
    Received,
    RunAnnouncement,
    RunEnding,
    RunPart,
    SentPassport,
    content_digest,
)
from harness.store.rows import RunInfo
from harness.store.run_store import Store, open_store

TRIES = 6
SECONDS = (10.0, 120.0)
"""Of connecting, and of waiting for an answer."""
MOST_BYTES = 64 * 1024
"""Maximum bytes of an answer that are read."""
LATER = "push again later, what is there is not sent twice"
PATH = "/api/v1/runs"
NO_SERVICE = "this is no Wheelgrid service; give the address at which the grid is shown"
_RECEIVED = TypeAdapter(Received)
_TROUBLE = TypeAdapter(Trouble)
_TEMPORARY = (408, 429, 502, 503, 504)
_TRUST = "set REQUESTS_CA_BUNDLE to the file of the authority that signed it"
_FAILURES: tuple[tuple[type[BaseException], str], ...] = (
    (requests.exceptions.SSLError, "it does not speak TLS; is its address one with http:// ?"),
    (
        requests.exceptions.ProxyError,
        "the proxy cannot be reached; see HTTPS_PROXY, HTTP_PROXY and NO_PROXY",
    ),
    (socket.gaierror, "no such host; is the address right?"),
    (requests.ConnectTimeout, f"no connection in {SECONDS[0]:.0f} s; is the address right?"),
    (requests.Timeout, f"no answer in {SECONDS[1]:.0f} s; {LATER}"),
    (
        ConnectionRefusedError,
        "nothing listens there; is the address right, and `wheelgrid serve` running?",
    ),
)
"""What is said of an error of ``requests``, or of the one below it; the first that fits."""


class PushError(HarnessError):
    """A service cannot be reached, or it refuses a run."""


class _TryAgainError(Exception):
    """The service cannot answer now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Answer:
    status: int
    location: str
    """Where a redirect leads to."""
    body: bytes


def push_run(
    store: Path, name: str, url: str, token: str, *, told: Callable[[str], None]
) -> RunInfo:
    """Push the run of that name and return it; ``told`` is given lines about the progress.

    Raises ``StoreError``, and ``PushError`` for a run in progress and for what the service refuses.
    """
    _check(url, token)
    with open_store(store) as opened, requests.Session() as session:
        run = opened.find(name)
        if run.exit_code is None:
            raise PushError(f"run {run.id} has not ended; push it when it has")
        session.headers["Authorization"] = f"Bearer {token}"
        _Push(session=session, url=url.rstrip("/"), store=opened, run=run, told=told).send()
        return run


def _check(url: str, token: str) -> None:
    try:
        parts = urlsplit(url)
        right = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
    except ValueError:  # of the port, or of an address in brackets
        right = False
    if not right or parts.query or parts.fragment:
        raise PushError(
            f"{url}: no address of a service; give one such as https://grid.example.org"
        )
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise PushError("no token of a service looks like this one; copy it again")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Push:
    session: requests.Session
    url: str
    store: Store
    run: RunInfo
    told: Callable[[str], None]

    def send(self) -> None:
        run, store = self.run, self.store
        seen = store.observations(run)
        there = self._post(
            "",
            RunAnnouncement(
                id=run.id,
                started_at=run.started_at,
                label=run.label,
                shard=run.shard,
                harness=run.harness,
                cells=dump_cells(store.cells(run)).decode(),
            ),
        )
        self.told(f"{there.observations} of {len(seen)} results are there")
        if there.complete:
            return
        while there.observations < len(seen):
            before = there.observations
            part = _next_part(seen[before : before + PART])
            passports = tuple(self._passports(part))
            there = self._post(
                f"/{run.id}/observations",
                RunPart(after=before, observations=part, passports=passports),
            )
            if there.observations <= before:
                raise PushError(
                    f"{self.url}: it stores nothing of what is sent; is it a Wheelgrid service?"
                )
            self.told(f"{there.observations} of {len(seen)} results are there")
        self._post(
            f"/{run.id}/ending",
            RunEnding(
                observations=len(seen),
                circumstances=store.circumstances(run),
                exit_code=ExitCode(run.exit_code or 0),
            ),
        )

    def _passports(self, part: tuple[Observation, ...]) -> Iterator[SentPassport]:
        ids = {seen.provenance.passport_id for seen in part} - {""}
        for name, passport in self.store.passports(sorted(ids)).items():
            yield SentPassport(id=name, environment="", passport=passport)

    def _post(self, path: str, value: Any) -> Received:  # noqa: ANN401 - a value of transfer.py
        body = TypeAdapter(type(value)).dump_json(value)
        headers = {"Content-Type": "application/json", "Content-Digest": content_digest(body)}
        tries = Retrying(
            retry=retry_if_exception(_is_temporary),
            stop=stop_after_attempt(TRIES),
            wait=wait_exponential_jitter(max=10),
            before_sleep=self._tell_failure,
            reraise=True,
        )
        try:
            answer = tries(self._once, self.url + PATH + path, body, headers)
        except (_TryAgainError, requests.RequestException) as error:
            raise PushError(f"{self.url}: {_failure(error)}") from error
        return _read(answer, self.url, len(body))

    def _tell_failure(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if error is not None and state.attempt_number == 1:
            reason, _, _ = _failure(error).partition("; ")
            self.told(f"{self.url}: {reason}; trying again")

    def _once(self, url: str, body: bytes, headers: dict[str, str]) -> _Answer:
        with self.session.post(
            url, data=body, headers=headers, timeout=SECONDS, allow_redirects=False, stream=True
        ) as answer:
            if answer.status_code in _TEMPORARY:
                raise _TryAgainError(f"it cannot answer now: {answer.status_code}")
            read = b""
            for part in answer.iter_content(4096):
                read += part
                if len(read) > MOST_BYTES:
                    break
            return _Answer(
                status=answer.status_code,
                location=answer.headers.get("location", ""),
                body=read,
            )


def _next_part(seen: tuple[Observation, ...]) -> tuple[Observation, ...]:
    """Return the first of ``seen``, at least one, whose logs are not too long for one request."""
    sizes = list(accumulate(len(each.log) for each in seen))
    return seen[: max(1, bisect(sizes, PART_LOGS))]


def _is_temporary(error: BaseException) -> bool:
    if isinstance(error, requests.exceptions.SSLError):
        return False
    return isinstance(error, _TryAgainError | requests.ConnectionError | requests.Timeout)


def _failure(error: BaseException) -> str:
    """Return why there was no answer, and the next step."""
    cause = error
    while below := cause.__cause__ or cause.__context__:
        cause = below
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({cause.verify_message}); {_TRUST}"
    for kind, words in _FAILURES:
        if isinstance(error, kind) or isinstance(cause, kind):
            return words
    return f"{getattr(cause, 'strerror', '') or cause}; {LATER}"


def _read(answer: _Answer, url: str, size: int) -> Received:
    """Return what the service has. Raises ``PushError`` for another answer to ``size`` bytes."""
    match answer.status:
        case 200:
            try:
                return _RECEIVED.validate_json(answer.body)
            except ValidationError as error:
                raise PushError(f"{url}: {NO_SERVICE}") from error
        case 301 | 302 | 303 | 307 | 308:
            to = visible(answer.location.removesuffix(PATH).rstrip("/"))
            raise PushError(f"{url}: it redirects; push to {to}")
        case 401:
            raise PushError(
                f"{url}: the token is refused; set WHEELGRID_TOKEN to one "
                "that `wheelgrid serve --new-token NAME` made there"
            )
        case 413:
            raise PushError(
                f"{url}: a request of {size} bytes is refused; "
                "raise the limit of the proxy before the service"
            )
        case _:
            detail = _detail(answer.body) or NO_SERVICE
            raise PushError(f"{url}: {answer.status}: {detail}")


def _detail(body: bytes) -> str:
    """Return the detail of an error of the service; empty if the body is none."""
    try:
        return visible(_TROUBLE.validate_json(body).detail[:500])
    except ValidationError:
        return ""
