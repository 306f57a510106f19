"""A service as a process: live runs in a real browser, kills at random moments, a hostile store."""

import contextlib
import random
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Page, expect, sync_playwright

import harness
from harness.cli import execute
from harness.core.cells import Outcome
from harness.host.doctor.checks import find_browser
from harness.serve.push import push_run
from harness.serve.tokens import Tokens
from harness.store import open_store
from tests.support.cells import make_cell
from tests.support.commands import free_port, wait_until
from tests.support.service import (
    RunningService,
    add_run,
    fill_store,
    observe,
    run_cells,
    running_service,
)

pytestmark = pytest.mark.integration

CELL = "debian-12/s390x/numpy"
DARK = "rgb(20, 24, 29)"
GUIDE = Path(harness.__file__).parent / "guide"
NAMES = tuple(f"wheel-{number}" for number in range(1500))
RUN = "20261103T040000-00000003"
HOSTILE = (
    "</script><script>window.owned = true</script><img src=x onerror=window.owned=true>\x1b[2J"
)
WRITER = """
import sys
import time
from pathlib import Path
from harness.store import open_store
from harness.store.run_lock import hold_run
from tests.support.service import add_run, observe, run_cells
cells = run_cells([f"wheel-{n}" for n in range(1500)])
with open_store(Path(sys.argv[1]), write=True) as store:
    run = add_run(store, cells, [], day=3, label="", ends=False)
    with hold_run(store.path, run):
        for number, cell in enumerate(cells, 1):
            store.add(run, [observe(cell)])
            store.set_activities(run, {"gw0": f"debian-12/s390x probing {cell.subject.id}"})
            print(number, flush=True)
            time.sleep(0.03)
"""
"""Writes a run, a cell at a time, and prints how many are accepted."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return the system's Chromium."""
    path = find_browser()
    assert path is not None, "no Chromium; run `wheelgrid doctor --fix --tests`"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open an empty page; fail if a script of ours fails."""
    said: list[str] = []
    opened = browser.new_page(viewport={"width": 1280, "height": 800})
    opened.on("pageerror", lambda error: said.append(str(error)))
    yield opened
    opened.close()
    assert said == []


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return a store of two nights."""
    path = tmp_path / "store.db"
    fill_store(path)
    return path


def writing(store: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(store)], stdout=subprocess.PIPE, text=True
    )


def count(service: RunningService) -> int:
    listed = requests.get(f"{service.url}/api/v1/runs/{RUN}", timeout=60)
    return sum(bool(cell.get("observation")) for cell in listed.json()["cells"])


def test_a_live_run_in_a_browser(page: Page, store: Path) -> None:
    """Cells appear as they finish, and after a reload; at its end the run is the grid."""
    with running_service(store) as service, writing(store) as writer:
        assert writer.stdout is not None
        for _ in range(50):
            writer.stdout.readline()
        page.goto(f"{service.url}/runs/{RUN}")
        live = page.locator("#live")
        expect(live).to_contain_text("of 1500 cells")
        expect(live).to_contain_text("gw0 debian-12/s390x probing wheel-")
        passed = page.locator("td.pass")
        first = passed.count()
        expect(passed).not_to_have_count(first, timeout=20_000)
        page.reload()
        expect(live).to_contain_text("of 1500 cells")
        writer.kill()
        writer.wait()
        expect(live).to_have_count(0, timeout=20_000)  # the page was loaded again
        expect(page.locator(".verdict")).to_contain_text("not run")


def test_pages_in_a_browser(page: Page, store: Path) -> None:
    """A filter is in the address, which gives JSON too; a permalink opens the cell; keys work."""
    with running_service(store) as service:
        page.goto(service.url)
        page.locator("#query").fill("outcome:import-failed")
        expect(page.locator("td[data-cell]:not(.off):visible")).to_have_count(1)
        address = page.url
        assert address == f"{service.url}/?q=outcome:import-failed"
        as_json = {"accept": "application/json"}
        cells = requests.get(address, headers=as_json, timeout=60).json()["cells"]
        assert [cell["subject"] for cell in cells] == ["numpy"]
        page.goto("about:blank")
        page.goto(address)
        expect(page.locator("#query")).to_have_value("outcome:import-failed")
        page.goto(f"{service.url}/?q=colour:red")
        expect(page.locator("#problem")).to_contain_text("no field 'colour'")
        page.goto(f"{service.url}/#cell=debian-12/s390x/numpy")
        expect(page.locator("#panel-title")).to_contain_text("numpy")
        page.goto(service.url)
        page.keyboard.press("n")
        expect(page.locator("#panel-title")).to_contain_text("numpy")
        assert page.url == f"{service.url}/?cell=debian-12/s390x/numpy"
        page.goto(f"{service.url}/cells/debian-12/s390x/numpy")
        expect(page.locator("h1")).to_have_text("debian-12/s390x/numpy")
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size({"width": 360, "height": 700})
        for path in ("/", "/runs", "/projects", "/compare?base=last~1", f"/cells/{CELL}"):
            page.goto(service.url + path)
            assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
            assert page.evaluate("getComputedStyle(document.body).backgroundColor") == DARK, path


def test_the_grid_without_a_script(browser: Browser, store: Path) -> None:
    """It is a table whose cells lead to their pages; nothing is there that needs a script."""
    context = browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 700})
    with running_service(store) as service, contextlib.closing(context):
        page = context.new_page()
        page.goto(service.url)
        failed = page.get_by_role("link", name="import-failed, unexpected")
        expect(failed).to_be_visible()
        expect(page.get_by_role("table").get_by_role("link")).to_have_count(3)
        expect(page.get_by_role("rowheader", name="numpy")).to_be_visible()
        expect(page.get_by_role("columnheader", name="s390x")).to_be_visible()
        expect(page.locator("#query, #theme, #sheet").locator("visible=true")).to_have_count(0)
        box = page.locator("body").bounding_box()
        assert box
        assert box["width"] <= 360
        failed.click()
        expect(page.locator("h1")).to_have_text(CELL)


def test_a_hostile_name_and_log_in_a_browser(page: Page, store: Path) -> None:
    """They are text on every page."""
    cell = make_cell(subject=HOSTILE)
    with open_store(store, write=True) as opened:
        add_run(opened, [cell], [observe(cell, Outcome.CRASHED, log=HOSTILE)], day=4)
    with running_service(store) as service:
        as_page = {"accept": "text/html"}
        projects = requests.get(f"{service.url}/projects", headers=as_page, timeout=60).text
        links = [part.partition('"')[0] for part in projects.split('href="')[1:]]
        paths = ["/", "/projects", "/cells", *(link for link in links if "/projects/" in link)]
        for path in paths:
            page.goto(service.url + path)
            assert page.evaluate("window.owned") is None, path


@pytest.mark.parametrize("rounds", [2, pytest.param(20, marks=pytest.mark.nightly)])
def test_kills_during_a_push(store: Path, tmp_path: Path, rounds: int) -> None:
    """The service dies at random moments; what was accepted is there once."""
    night = tmp_path / "night.db"
    cells = run_cells(NAMES)
    with open_store(night, write=True) as opened:
        add_run(opened, cells, [observe(cell) for cell in cells], day=3)
    token, port = Tokens(store).add("tests"), free_port()
    chance = random.Random()  # noqa: S311 - moments
    done = threading.Event()

    def push() -> None:
        push_run(night, "last", f"http://127.0.0.1:{port}", token, told=lambda _: None)
        done.set()

    pushing = threading.Thread(target=push)
    for _ in range(rounds):
        with running_service(store, port) as service:
            if not pushing.ident:
                pushing.start()
            done.wait(chance.uniform(0, 1.5))
            service.kill()
    with running_service(store, port) as service:
        pushing.join(timeout=120)
        assert done.is_set()
        document = requests.get(f"{service.url}/api/v1/runs/{RUN}", timeout=60).json()
    with open_store(store) as opened:
        seen = opened.observations(opened.find(RUN))
    assert [each.cell for each in seen] == [cell.id for cell in cells]
    assert len(document["cells"]) == len(cells)


@pytest.mark.parametrize("rounds", [2, pytest.param(20, marks=pytest.mark.nightly)])
def test_kills_during_a_live_run(tmp_path: Path, rounds: int) -> None:
    """The run's process dies at random moments; the service shows what was accepted, once."""
    chance = random.Random()  # noqa: S311 - moments
    for number in range(rounds):
        store = tmp_path / f"{number}.db"
        fill_store(store)
        with running_service(store) as service, writing(store) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(chance.uniform(0, 1.0))
            writer.kill()
            accepted = 1 + len(writer.stdout.readlines())
            assert accepted <= count(service) <= accepted + 1
            runs = requests.get(f"{service.url}/api/v1/runs", timeout=60).json()["runs"]
            assert (runs[0]["id"], runs[0]["live"]) == (RUN, False)
        with open_store(store) as opened:
            cells = [each.cell for each in opened.observations(opened.find(RUN))]
        assert len(cells) == len(set(cells))


def test_nothing_is_left_of_a_killed_service(store: Path) -> None:
    """The process that renders ends with the one that answers."""
    with running_service(store) as service:
        pid = service.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        assert children
        service.kill()
        wait_until(lambda: not any(Path("/proc", child).exists() for child in children), seconds=60)


def test_events_go_on_after_a_cut(store: Path) -> None:
    """The last id that a client has is where the next connection begins."""
    with running_service(store) as service, writing(store) as writer:
        assert writer.stdout is not None
        for _ in range(20):
            writer.stdout.readline()
        first = _events(service, {}, 10)
        again = _events(service, {"Last-Event-ID": str(first[-1])}, 5)
        assert again[0] == first[-1] + 1
        writer.kill()


def _events(service: RunningService, headers: dict[str, str], number: int) -> list[int]:
    """Return the ids of some events."""
    found: list[int] = []
    address = f"{service.url}/runs/{RUN}/events"
    with requests.get(address, headers=headers, stream=True, timeout=60) as answer:
        for line in answer.iter_lines():
            if line.startswith(b"id: "):
                found.append(int(line[4:]))
            if len(found) == number:
                break
    return found


def unit() -> str:
    """Return the systemd unit of the guide."""
    page = (GUIDE / "how-to" / "team-grid.md").read_text("utf-8")
    found = re.search(r"```ini\n(.*?)```", page, re.DOTALL)
    assert found
    return found[1]


def test_systemd_reads_the_unit_of_the_guide(tmp_path: Path) -> None:
    """It has no complaint, if the program is where the unit says."""
    program = tmp_path / "wheelgrid"
    program.touch(mode=0o755)
    file = tmp_path / "wheelgrid.service"
    file.write_text(unit().replace("/opt/wheelgrid/bin/wheelgrid", str(program)))
    tool = shutil.which("systemd-analyze")
    assert tool, "run `wheelgrid doctor --fix --tests`"
    checked = subprocess.run([tool, "verify", file], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_the_unit_has_options_that_there_are() -> None:
    """They are those of the command."""
    (line,) = re.findall(r"^ExecStart=\S+ (.*)$", unit(), re.MULTILINE)
    assert execute([*line.split(), "--help"]) == 0
