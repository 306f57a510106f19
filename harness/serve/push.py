"""Push a run of a store to a service; a push that was cut goes on where it ended."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import requests
from pydantic import TypeAdapter, ValidationError
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from harness.core.errors import HarnessError
from harness.core.observations import Observation
from harness.matrix.cell_list import dump_cells
from harness.serve.transfer import (
    PART,
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
_RECEIVED = TypeAdapter(Received)


class PushError(HarnessError):
    """A service cannot be reached, or it refuses a run."""


class _TryAgainError(Exception):
    """The service cannot answer now."""


def push_run(
    store: Path, name: str, url: str, token: str, *, told: Callable[[int, int], None]
) -> RunInfo:
    """Push the run of that name and return it; ``told``: is given how many are there, of how many.

    Raises ``StoreError``, and ``PushError`` for a run in progress and for what the service refuses.
    """
    if not url.startswith(("http://", "https://")):
        raise PushError(
            f"{url}: no address of a service; give one such as https://grid.example.org"
        )
    with open_store(store) as opened, requests.Session() as session:
        run = opened.find(name)
        if run.exit_code is None:
            raise PushError(f"run {run.id} has not ended; push it when it has")
        session.headers["Authorization"] = f"Bearer {token}"
        _Push(session, url.rstrip("/"), opened, run).send(told)
        return run


_TEMPORARY = (_TryAgainError, requests.ConnectionError, requests.Timeout)


class _Push:
    def __init__(self, session: requests.Session, url: str, store: Store, run: RunInfo) -> None:
        self._session = session
        self._url = f"{url}/api/v1/runs"
        self._store = store
        self._run = run

    def send(self, told: Callable[[int, int], None]) -> None:
        run, store = self._run, self._store
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
        told(there.observations, len(seen))
        if there.complete:
            return
        while there.observations < len(seen):
            part = seen[there.observations : there.observations + PART]
            there = self._post(
                f"/{run.id}/observations",
                RunPart(
                    after=there.observations,
                    observations=part,
                    passports=tuple(self._passports(part)),
                ),
            )
            told(there.observations, len(seen))
        self._post(
            f"/{run.id}/ending",
            RunEnding(
                observations=len(seen),
                circumstances=store.circumstances(run),
                exit_code=run.exit_code or 0,
            ),
        )

    def _passports(self, part: tuple[Observation, ...]) -> Iterator[SentPassport]:
        ids = {seen.provenance.passport_id for seen in part} - {""}
        for name, passport in self._store.passports(sorted(ids)).items():
            yield SentPassport(id=name, environment="", passport=passport)

    def _post(self, path: str, value: Any) -> Received:  # noqa: ANN401 - a value of transfer.py
        body = TypeAdapter(type(value)).dump_json(value)
        headers = {"Content-Type": "application/json", "Content-Digest": content_digest(body)}
        tries = Retrying(
            retry=retry_if_exception_type(
                (_TryAgainError, requests.ConnectionError, requests.Timeout)
            ),
            stop=stop_after_attempt(TRIES),
            wait=wait_exponential_jitter(max=10),
            reraise=True,
        )
        try:
            answer = tries(self._once, self._url + path, body, headers)
        except (_TryAgainError, requests.RequestException) as error:
            raise PushError(
                f"{self._url}: cannot be reached ({error}); "
                "push again later, what is there is not sent twice"
            ) from error
        return _read(answer, self._url)

    def _once(self, url: str, body: bytes, headers: dict[str, str]) -> requests.Response:
        answer = self._session.post(
            url, data=body, headers=headers, timeout=SECONDS, allow_redirects=False
        )
        if answer.status_code in (408, 429, 502, 503, 504):
            raise _TryAgainError(f"{answer.status_code} {answer.reason}")
        return answer


def _read(answer: requests.Response, url: str) -> Received:
    """Return what the service has. Raises ``PushError`` for another answer."""
    if answer.status_code == requests.codes.unauthorized:
        raise PushError(
            f"{url}: the token is refused; set WHEELGRID_TOKEN to one "
            "that `wheelgrid serve --new-token NAME` made there"
        )
    if not answer.ok:
        raise PushError(f"{url}: {answer.status_code}: {_detail(answer)}")
    try:
        return _RECEIVED.validate_json(answer.content)
    except ValidationError as error:
        raise PushError(f"{url}: not a Wheelgrid service") from error


def _detail(answer: requests.Response) -> str:
    try:
        return str(answer.json()["detail"])[:500]
    except (ValueError, LookupError, TypeError):
        return answer.reason or "no reason given"
