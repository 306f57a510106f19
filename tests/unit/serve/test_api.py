"""The API of a service: what it answers, and how it refuses."""

import json
from pathlib import Path

import pytest

from harness.core.cells import Outcome
from harness.results.runfile import read_run
from harness.serve.access import Access
from harness.serve.render_process import RenderProcess
from harness.serve.service_app import make_application
from harness.serve.store_reader import StoreReader
from harness.serve.tokens import Tokens
from harness.store import open_store
from tests.support.service import ServiceClient, add_run, observe, run_cells, served

API = "/api/v1"
CELL = "debian-12/s390x/numpy"
LAST = "20261102T040000-00000002"


def test_runs_by_label_target_and_date(client: ServiceClient) -> None:
    """Each condition selects; together they must all hold."""

    def ids(query: str) -> list[str]:
        return [run["id"][:8] for run in client.get(f"{API}/runs{query}").json()["runs"]]

    assert ids("") == ids("?label=nightly") == ["20261102", "20261101"]
    assert ids("?label=other") == ids("?target=fedora-43") == ids("?since=2026-12-01") == []
    assert ids("?target=debian-12/s390x&until=2026-11-02") == ids("?limit=1&before=2")
    assert ids("?since=2026-11-02T00:00:00") == ["20261102"]


def test_pages_stay_stable_while_runs_are_added(client: ServiceClient, store: Path) -> None:
    """The next page goes on after the last run of this one."""
    first = client.get(f"{API}/runs?limit=1").json()
    with open_store(store, write=True) as opened:
        cells = run_cells()
        add_run(opened, cells, [observe(cell) for cell in cells], day=3)
    second = client.get(first["next"]).json()
    assert [run["id"][:8] for run in (*first["runs"], *second["runs"])] == ["20261102", "20261101"]
    assert second["next"] == ""


def test_a_run_is_its_run_file(client: ServiceClient, tmp_path: Path) -> None:
    """Every reader of ``run.json`` reads it."""
    (tmp_path / "run.json").write_bytes(client.get(f"{API}/runs/latest").content)
    assert [c.outcome for c in read_run(tmp_path / "run.json").grid.cells].count(Outcome.PASS) == 2


def test_history_of_a_cell(client: ServiceClient) -> None:
    """Newest first, in parts."""
    first = client.get(f"{API}/cells/{CELL}/history?limit=1").json()
    assert [result["outcome"] for result in first["results"]] == ["import-failed"]
    rest = client.get(first["next"]).json()
    assert [result["outcome"] for result in rest["results"]] == ["pass"]
    assert rest["next"] == ""


def test_diff(client: ServiceClient) -> None:
    """What passed in the base and fails now has regressed."""
    document = client.get(f"{API}/diff?base=last~1").json()
    assert document["worse"] is True
    assert [(c["cell"], c["change"]) for c in document["changes"]] == [(CELL, "regressed")]


def test_search(client: ServiceClient) -> None:
    """It is the query language; its errors name the column."""
    found = client.get(f"{API}/search?q=outcome:import-failed").json()
    assert (found["total"], [cell["cell"] for cell in found["cells"]]) == (1, [CELL])
    refused = client.get(f"{API}/search?q=colour:red")
    assert refused.status_code == 400
    assert "column 1" in refused.json()["detail"]
    part = client.get(f"{API}/runs/latest/cells?limit=2").json()
    assert (part["total"], len(part["cells"])) == (3, 2)
    assert len(client.get(part["next"]).json()["cells"]) == 1


@pytest.mark.parametrize(
    ("project", "run", "standing", "colour"),
    [("numpy", "latest", "fails", "#a63f00"), ("numpy", "last~1", "works", "#00694c")],
)
def test_status_and_badge_of_a_project(
    client: ServiceClient, project: str, run: str, standing: str, colour: str
) -> None:
    """A badge is never green over a failed target."""
    status = client.get(f"{API}/projects/{project}/status.json?run={run}").json()
    assert status["standing"] == standing
    badge = client.get(f"{API}/projects/{project}/badge.svg?run={run}")
    assert badge.headers["content-type"] == "image/svg+xml"
    assert colour in badge.text


def test_a_miss_is_no_standing(client: ServiceClient, store: Path) -> None:
    """Nothing is known of it, so the badge is grey."""
    cells = run_cells()
    with open_store(store, write=True) as opened:
        add_run(opened, cells, [observe(cell, Outcome.MISS) for cell in cells], day=3)
    assert client.get(f"{API}/projects/numpy/status.json").json()["standing"] == "unknown"
    assert "#59636e" in client.get(f"{API}/projects/numpy/badge.svg").text


def test_feed_of_a_project(client: ServiceClient) -> None:
    """It has the project's changes between the nights, and no other's."""
    feed = client.get(f"{API}/projects/numpy/feed.atom").text
    assert f"regressed: {CELL}" in feed
    assert "regressed" not in client.get(f"{API}/projects/cffi/feed.atom").text


@pytest.mark.parametrize("path", ["/api/v1/runs/latest", "/", "/api/v1/diff?base=last~1", "/cells"])
def test_an_unchanged_answer_is_not_sent_again(client: ServiceClient, path: str) -> None:
    """304 to a client that has it; the whole to one that has another."""
    tag = client.get(path).headers["etag"]
    same = client.get(path, headers={"if-none-match": f'"other", {tag}'})
    assert (same.status_code, same.content) == (304, b"")
    assert client.get(path, headers={"if-none-match": '"other"'}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/runs/latest", "/api/v1/runs"])
def test_head_is_get_without_a_body(client: ServiceClient, path: str) -> None:
    """The same status and headers; events, which have no end, do not know the method."""
    head, get = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["ETag"] == get.headers["ETag"]
    assert head.headers["Content-Length"] == get.headers["Content-Length"]
    assert client.head(f"{path.rstrip('/')}/events").status_code in {404, 405}


def test_answers_are_compressed_for_those_who_can_read_it(client: ServiceClient) -> None:
    """The same bytes come out."""
    plain = client.get(f"{API}/runs/latest", headers={"accept-encoding": "identity"})
    zipped = client.get(f"{API}/runs/latest", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert zipped.headers["content-encoding"] == "gzip"
    assert plain.content == zipped.content


def test_other_origins_may_read_and_not_write(client: ServiceClient) -> None:
    """CORS allows GET alone."""
    origin = {"origin": "https://example.org"}
    assert client.get(f"{API}/runs", headers=origin).headers["access-control-allow-origin"] == "*"
    asks = {**origin, "access-control-request-method": "POST"}
    assert client.options(f"{API}/runs", headers=asks).status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/nothing", "/runs/nope", "/targets/nope/x", "/projects/nope", "/cells/nope",
        f"{API}/nothing", f"{API}/runs/nope", f"{API}/runs/last~9", f"{API}/cells/nope/history",
        f"{API}/projects/nope/badge.svg", f"{API}/diff?base=nope",
        f"{API}/runs/last~²", "/runs/%2e%2e%2fetc", "/cells/..%2f..%2fetc/passwd", "/runs/%00",
    ],
)  # fmt: skip
def test_what_is_not_there(client: ServiceClient, path: str) -> None:
    """404 as JSON, and as text to a browser; the path of the store's file stays unsaid."""
    answer = client.get(path)
    assert (answer.status_code, list(answer.json())) == (404, ["detail"])
    assert ".db" not in answer.text
    seen = client.get(path, headers={"accept": "text/html"})
    assert seen.status_code == 404
    assert seen.headers["content-type"].startswith(
        "application/json" if path.startswith(API) else "text/plain"
    )


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=10000", "limit=x", "before=-1", "since=yesterday", "label=" + "x" * 200],
)
def test_parameters_out_of_range(client: ServiceClient, query: str) -> None:
    """422 names the parameter."""
    answer = client.get(f"{API}/runs?{query}")
    assert answer.status_code == 422
    assert query.partition("=")[0] in answer.json()["detail"]


def test_an_empty_store(tmp_path: Path, renderer: RenderProcess) -> None:
    """There is a list without runs, and no grid."""
    path = tmp_path / "empty.db"
    with open_store(path, write=True):
        pass
    access = Access(tokens=Tokens(path), open_reading=True)
    with served(make_application(StoreReader(path), access, renderer)) as client:
        assert client.get(f"{API}/runs").json() == {"runs": [], "next": ""}
        assert client.get("/").status_code == 404


def test_the_description_has_every_route(client: ServiceClient) -> None:
    """Programs are made of it."""
    paths = json.loads(client.get(f"{API}/openapi.json").content)["paths"]
    assert {f"{API}/runs", f"{API}/diff", f"{API}/runs/{{run}}/observations"} <= set(paths)


def test_pages_of_cells_stay_in_their_run(client: ServiceClient, store: Path) -> None:
    """The next page is of the same run, also if its address began with `latest`."""
    first = client.get(f"{API}/runs/latest/cells?limit=1").json()
    with open_store(store, write=True) as opened:
        cells = run_cells(("other", "names"))
        add_run(opened, cells, [observe(cell) for cell in cells], day=3)
    second = client.get(first["next"]).json()
    assert second["run"] == first["run"] == LAST
    found = [each["cell"].rpartition("/")[2] for each in (*first["cells"], *second["cells"])]
    assert found == ["numpy", "pyyaml"]


def test_pages_of_a_run_in_progress_stay_stable(client: ServiceClient, store: Path) -> None:
    """A cell that begins to match behind the last page moves no other one."""
    cells = run_cells()
    with open_store(store, write=True) as opened:
        run = add_run(opened, cells, [observe(c) for c in cells[1:]], day=3, ends=False)
        first = client.get(f"{API}/search?run=last&q=outcome:pass&limit=1").json()
        opened.add(run, [observe(cells[0])])
    second = client.get(first["next"]).json()
    found = [each["cell"].rpartition("/")[2] for each in (*first["cells"], *second["cells"])]
    assert found == ["pyyaml", "cffi"]
