"""Pushing a run to a service: whole, again, cut, changed, by strangers."""

import contextlib
import http.client
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import TypeAdapter

from harness.core.cells import Cell, Outcome
from harness.core.errors import ExitCode
from harness.matrix.cell_list import dump_cells
from harness.results.runfile import Circumstances
from harness.serve.intake import MOST_BYTES
from harness.serve.push import PushError, push_run
from harness.serve.transfer import RunAnnouncement, RunEnding, RunPart, content_digest
from harness.store import RunInfo, open_store
from tests.support.service import ServiceClient, add_run, observe, run_cells

RUN = "20261103T040000-00000003"
NAMES = tuple(f"wheel-{number}" for number in range(250))


@pytest.fixture
def night(tmp_path: Path) -> Path:
    """Return the store of another machine with one night of 250 cells."""
    path = tmp_path / "night.db"
    cells = run_cells(NAMES)
    with open_store(path, write=True) as store:
        add_run(store, cells, [observe(cell) for cell in cells], day=3)
    return path


def push(night: Path, client: ServiceClient, token: str) -> list[str]:
    told: list[str] = []
    push_run(night, "last", client.url, token, told=told.append)
    return told


def stored(path: Path) -> tuple[RunInfo, int]:
    with open_store(path) as store:
        run = store.find(RUN)
        return run, store.count_rows(run)


def announcement(cells: tuple[Cell, ...], **fields: str) -> RunAnnouncement:
    known = RunAnnouncement(
        id=RUN, started_at="2026-11-03T04:00:00+00:00", label="nightly", shard="", harness="1",
        cells=dump_cells(cells).decode(),
    )  # fmt: skip
    return replace(known, **fields)


def send(client: ServiceClient, token: str, path: str, value: object, **headers: str) -> Any:  # noqa: ANN401 - a response
    body = value if isinstance(value, bytes) else TypeAdapter(type(value)).dump_json(value)
    return client.post(
        f"/api/v1/runs{path}", data=body, headers={"authorization": f"Bearer {token}", **headers}
    )


def test_a_pushed_run_is_the_same_run(
    client: ServiceClient, store: Path, token: str, night: Path
) -> None:
    """Cells, observations with logs, passports, circumstances, exit code: all of it is there."""
    assert push(night, client, token)[-1] == "250 of 250 results are there"
    with open_store(night) as here, open_store(store) as there:
        assert there.run(there.find(RUN)) == here.run(here.find(RUN))
        assert replace(there.find(RUN), number=1) == here.find(RUN)


def test_long_logs_go_in_smaller_parts(
    client: ServiceClient, store: Path, token: str, tmp_path: Path
) -> None:
    """A hundred logs of a megabyte would be more than a request may have."""
    path = tmp_path / "long.db"
    cells = run_cells(NAMES[:20])
    with open_store(path, write=True) as opened:
        logs = ["a line\n" * 150_000] * len(cells)
        seen = [observe(cell, log=log) for cell, log in zip(cells, logs, strict=True)]
        add_run(opened, cells, seen, day=3)
    told = push(path, client, token)
    assert told[1:] == [f"{count} of 20 results are there" for count in (7, 14, 20)]
    assert stored(store)[1] == 20


def test_a_second_push_sends_nothing(
    client: ServiceClient, store: Path, token: str, night: Path
) -> None:
    """The service says that it has the run."""
    push(night, client, token)
    assert push(night, client, token) == ["250 of 250 results are there"]
    assert stored(store)[1] == 250


def test_a_cut_push_goes_on(client: ServiceClient, store: Path, token: str, night: Path) -> None:
    """It begins after the last observation that is there."""
    cells = run_cells(NAMES)
    send(client, token, "", announcement(cells))
    part = RunPart(after=0, observations=tuple(observe(cell) for cell in cells[:30]))
    assert send(client, token, f"/{RUN}/observations", part).json()["observations"] == 30
    assert push(night, client, token)[0] == "30 of 250 results are there"
    assert stored(store)[1] == 250


def test_what_is_sent_twice_is_stored_once(client: ServiceClient, store: Path, token: str) -> None:
    """A part whose answer was lost, and one that overlaps."""
    cells = run_cells(NAMES)
    seen = tuple(observe(cell) for cell in cells)
    send(client, token, "", announcement(cells))
    for after, until in ((0, 20), (0, 20), (10, 30)):
        part = RunPart(after=after, observations=seen[after:until])
        assert send(client, token, f"/{RUN}/observations", part).status_code == 200
    with open_store(store) as opened:
        rows = opened.observations(opened.find(RUN))
    assert [each.cell for each in rows] == [cell.id for cell in cells[:30]]


def test_a_gap_is_refused(client: ServiceClient, token: str) -> None:
    """The answer says from which one on to send."""
    cells = run_cells(NAMES)
    send(client, token, "", announcement(cells))
    part = RunPart(after=10, observations=(observe(cells[10]),))
    refused = send(client, token, f"/{RUN}/observations", part)
    assert (refused.status_code, refused.json()["detail"][:17]) == (409, "0 observations ar")


def test_a_run_ends_when_all_of_it_is_there(client: ServiceClient, store: Path, token: str) -> None:
    """Before that it is refused, and after it nothing is added."""
    cells = run_cells(NAMES[:2])
    how = Circumstances(harness="1", started_at="2026-11-03T04:00:00+00:00", seconds=1, workers=1)
    ending = RunEnding(observations=2, circumstances=how, exit_code=ExitCode.AS_EXPECTED)
    send(client, token, "", announcement(cells))
    assert send(client, token, f"/{RUN}/ending", ending).status_code == 409
    part = RunPart(after=0, observations=tuple(map(observe, cells)))
    send(client, token, f"/{RUN}/observations", part)
    assert send(client, token, f"/{RUN}/ending", ending).json()["complete"] is True
    assert send(client, token, f"/{RUN}/ending", ending).status_code == 200
    assert send(client, token, f"/{RUN}/observations", part).status_code == 409
    assert stored(store)[0].exit_code == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "../../etc"}, {"id": "20261103T040000-0000000g"}, {"started_at": "yesterday"},
        {"started_at": "2026-13-03T04:00:00Z"},
        {"label": "a\nb"}, {"label": "x" * 300}, {"shard": "one"}, {"cells": "[]"},
        {"cells": '{"targets": []}'}, {"cells": "\ud800"},
    ],
)  # fmt: skip
def test_bad_announcements(
    client: ServiceClient, store: Path, token: str, fields: dict[str, str]
) -> None:
    """422, and nothing is written."""
    body = TypeAdapter(dict[str, str]).dump_json(
        {
            "id": RUN, "started_at": "2026-11-03T04:00:00+00:00", "label": "", "shard": "",
            "harness": "1", "cells": dump_cells(run_cells()).decode(), **fields,
        },
        by_alias=True,
    ) if "\ud800" not in fields.get("cells", "") else b'{"cells": "\\ud800"}'  # fmt: skip
    assert send(client, token, "", body).status_code == 422
    with open_store(store) as opened:
        assert len(opened.runs()) == 2


@pytest.mark.parametrize("field", [{"exit_code": 7}, {"seconds": float("inf")}])
def test_an_ending_that_could_not_be_shown(
    client: ServiceClient, store: Path, token: str, field: dict[str, Any]
) -> None:
    """A number that is no exit code would break the list of runs, and infinity each page."""
    cells = run_cells(NAMES[:1])
    send(client, token, "", announcement(cells))
    send(client, token, f"/{RUN}/observations", RunPart(after=0, observations=(observe(cells[0]),)))
    how = {"harness": "1", "started_at": "", "seconds": 1, "workers": 1, **field}
    body = json.dumps({"observations": 1, "circumstances": how, "exit_code": 0, **field})
    body = body.replace("Infinity", "1e999")
    assert send(client, token, f"/{RUN}/ending", body.encode()).status_code == 422
    assert stored(store)[0].exit_code is None


def test_an_observation_of_another_cell_is_refused(
    client: ServiceClient, store: Path, token: str
) -> None:
    """The whole part is."""
    cells = run_cells(("here", "elsewhere"))
    send(client, token, "", announcement(cells[:1]))
    part = RunPart(after=0, observations=tuple(map(observe, cells)))
    assert send(client, token, f"/{RUN}/observations", part).status_code == 422
    assert stored(store)[1] == 0


def test_an_id_belongs_to_one_run(client: ServiceClient, token: str) -> None:
    """Another run of that id is refused, and so is an unknown id."""
    send(client, token, "", announcement(run_cells()))
    assert send(client, token, "", announcement(run_cells(), label="other")).status_code == 409
    others = run_cells(("numpy", "pyyaml", "other"))
    assert send(client, token, "", announcement(others)).status_code == 409
    part = RunPart(after=0, observations=())
    assert send(client, token, "/20261109T040000-00000009/observations", part).status_code == 404


def test_a_body_that_changed_on_its_way(client: ServiceClient, token: str) -> None:
    """Content-Digest is held against it."""
    body = TypeAdapter(RunAnnouncement).dump_json(announcement(run_cells()))
    wrong = {"content-digest": content_digest(body + b" ")}
    assert send(client, token, "", body, **wrong).status_code == 400
    assert send(client, token, "", body, **{"content-digest": content_digest(body)}).ok


def test_a_huge_body_is_refused(client: ServiceClient, token: str) -> None:
    """It is not read to its end."""

    def endless() -> Any:  # noqa: ANN401 - an iterator of bytes
        for _ in range(2 * MOST_BYTES // 1024**2):
            yield b" " * 1024**2

    try:
        answer = client.post(
            "/api/v1/runs", data=endless(), headers={"authorization": f"Bearer {token}"}
        )
    except OSError:  # the service closed the connection while we were sending
        return
    assert answer.status_code == 413


def test_a_slow_body_is_refused(
    client: ServiceClient, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that drips does not hold a request open."""
    monkeypatch.setattr("harness.serve.intake.BODY_SECONDS", 0.3)
    address = urlsplit(client.url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)
    with contextlib.closing(connection):
        connection.putrequest("POST", "/api/v1/runs")
        connection.putheader("Authorization", f"Bearer {token}")
        connection.putheader("Content-Length", "1000")
        connection.endheaders(b"{")
        assert connection.getresponse().status == 408


def test_a_run_in_progress_is_not_pushed(client: ServiceClient, token: str, tmp_path: Path) -> None:
    """It would be a torn one."""
    path = tmp_path / "running.db"
    with open_store(path, write=True) as store:
        add_run(store, run_cells(), [], day=3, ends=False)
    with pytest.raises(PushError, match="has not ended"):
        push(path, client, token)


def test_complaints_of_the_client(client: ServiceClient, night: Path) -> None:
    """A refused token, and an address of something else."""
    with pytest.raises(PushError, match="WHEELGRID_TOKEN"):
        push(night, client, "wg_forged")
    with pytest.raises(PushError, match="no address of a service"):
        push_run(night, "last", "nonsense", "wg_x", told=lambda _: None)


def test_an_interrupted_night_keeps_its_exit_code(
    client: ServiceClient, store: Path, token: str, tmp_path: Path
) -> None:
    """A miss is one there too."""
    path = tmp_path / "missed.db"
    cells = run_cells()
    with open_store(path, write=True) as opened:
        add_run(opened, cells, [observe(cell, Outcome.MISS) for cell in cells], day=3)
    push(path, client, token)
    assert stored(store)[0].exit_code == 3
