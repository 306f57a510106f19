"""The pages of a service, without a script: what they say, and JSON at the same address."""

from pathlib import Path

import pytest

from harness.store import open_store
from tests.support.cells import make_cell
from tests.support.service import ServiceClient, add_run, observe, run_cells

CELL = "debian-12/s390x/numpy"
HOSTILE = "</pre><script>window.owned = true</script>\x1b[2J\u202e"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/", "Will this wheel import there?"),
        ("/runs", "2026"),
        ("/targets", "debian-12/s390x"),
        ("/projects", "numpy"),
        ("/cells?q=outcome:import-failed", "1 cells that match"),
        ("/targets/debian-12/s390x", "numpy"),
        ("/projects/numpy", "debian-12/s390x"),
        (f"/cells/{CELL}", "History, newest first"),
        (f"/runs/last~1/cells/{CELL}", "Collecting numpy"),
        ("/runs/last~1/targets/debian-12/s390x", "works on"),
        ("/compare?base=last~1", "regressed"),
    ],
)
def test_a_page_and_its_json(client: ServiceClient, path: str, says: str) -> None:
    """The same address answers both, and no cache may mix them up."""
    page = client.get(path, headers={"accept": "text/html,*/*"})
    assert page.headers["content-type"].startswith("text/html")
    assert says in page.text
    document = client.get(path, headers={"accept": "application/json"})
    assert isinstance(document.json(), dict)
    assert "Accept" in document.headers["vary"]


def test_hostile_names_and_logs_are_escaped(client: ServiceClient, store: Path) -> None:
    """Neither a name nor what a wheel printed becomes markup."""
    cell = make_cell(subject=HOSTILE)
    with open_store(store, write=True) as opened:
        add_run(opened, [cell], [observe(cell, log=HOSTILE)], day=3)
    listed = client.get("/projects", headers={"accept": "text/html"}).text
    shown = client.get(f"/cells/{cell.id}", headers={"accept": "text/html"}).text
    for text in (listed, shown, client.get("/").text):
        assert "<script>window" not in text
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_links_of_a_page_lead_somewhere(client: ServiceClient) -> None:
    """From the latest grid every page is reached, and each of them exists."""
    found, open_ones = set[str](), ["/runs", "/targets", "/projects", "/cells"]
    while open_ones:
        path = open_ones.pop()
        answer = client.get(path, headers={"accept": "text/html"})
        assert answer.status_code == 200, path
        found.add(path)
        links = {part.partition('"')[0] for part in answer.text.split('href="')[1:]}
        open_ones += sorted({link for link in links if link.startswith("/")} - found - {*open_ones})
    assert any(path.startswith("/runs/20261101") and "/cells/" in path for path in found)


def test_a_run_in_progress_is_not_the_latest_grid(client: ServiceClient, store: Path) -> None:
    """What is shown first has ended; the list says which runs have not."""
    cells = run_cells()
    with open_store(store, write=True) as opened:
        add_run(opened, cells, [observe(cells[0])], day=4, ends=False)
    json = {"accept": "application/json"}
    assert client.get("/", headers=json).json()["circumstances"]["started_at"][:10] == "2026-11-02"
    listed = client.get("/runs", headers={"accept": "text/html"}).text
    assert "killed, 3 cells" in listed
