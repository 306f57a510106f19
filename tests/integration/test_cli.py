"""The command line on the real engine: output, exit codes and files."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import docker
import jsonschema
import pytest

from harness.core.arches import Arch, find_arch
from harness.host.cache import Cache
from harness.host.engine.docker import DockerEngine
from harness.images.debian_root import native_arch
from harness.results.runfile import SCHEMA_FILE
from tests.support.commands import HARNESS, ROOT, Ended, run_command, wheelgrid
from tests.support.registry import loopback_registry
from tests.support.targets import debian_12
from tests.support.wheels import make_wheel
from tests.support.workspace import assembled_images

pytestmark = pytest.mark.integration

NATIVE, FOREIGN = native_arch(), find_arch("s390x")
ASSEMBLED = ("--images", "assembled")
HERE = (*ASSEMBLED, "--target", "debian-12", "--arch", NATIVE.name)


# --- run ------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """A finished run and its ``run.json``."""

    ended: Ended
    out: Path
    document: dict[str, Any]

    def seen(self, target: str, subject: str) -> dict[str, Any]:
        """Return the observation of one cell."""
        (cell,) = (
            cell
            for cell in self.document["cells"]
            if (cell["target"], cell["subject"]) == (target, subject)
        )
        seen: dict[str, Any] = cell["observation"]
        return seen


def read(ended: Ended, out: Path) -> Written:
    return Written(ended=ended, out=out, document=json.loads((out / "run.json").read_text()))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Run four subjects natively and under emulation."""
    out = tmp_path_factory.mktemp("run") / "grid"
    globs = [
        word for name in ("plain", "abi3", "pure", "markupsafe") for word in ("--subject", name)
    ]
    ended = wheelgrid("run", *HERE, "--arch", FOREIGN.name, *globs, "--out", out)
    return read(ended, out)


def test_a_run_prints_the_grid(run: Written) -> None:
    """Eight expected cells: exit code 0, the table, and the source of the images."""
    assert run.ended.status == 0, run.ended.said
    for words in ("image from", "fixture wheels", "index wheels", "8 of 8 cells as expected"):
        assert words in run.ended.out
    assert "A image assembled from packages" in run.ended.out


def test_output_to_a_file_has_plain_lines(run: Written) -> None:
    """Without a terminal: whole lines, one per finished target, no control sequences."""
    assert f"/8 debian-12/{NATIVE.name}: 4 pass" in run.ended.out
    assert "\x1b" not in run.ended.said


def test_run_file_matches_its_schema(run: Written) -> None:
    """The written file matches the published JSON Schema."""
    jsonschema.validate(run.document, json.loads(SCHEMA_FILE.read_text()))
    assert run.document["exit_code"] == 0


@pytest.mark.parametrize("arch", [NATIVE, FOREIGN], ids=lambda arch: str(arch.name))
def test_result_has_its_provenance(run: Written, arch: Arch) -> None:
    """The result has image, way, passport, engine, kernel and, if emulated, the emulator."""
    seen = run.seen(f"debian-12/{arch.name}", "abi3")
    assert seen["wheel"]["sha256"]
    provenance = seen["provenance"]
    assert provenance["image"]["id"].startswith("sha256:")
    assert provenance["image"]["way"] == "assembled"
    assert len(provenance["passport_id"]) == 32
    assert provenance["engine"]
    assert provenance["kernel"]
    assert bool(provenance["qemu"]) == (arch is FOREIGN)


def test_a_junit_file_has_every_cell(run: Written) -> None:
    """There is one case per cell and no failure."""
    cases = list(ET.parse(run.out / "junit.xml").iter("testcase"))  # noqa: S314 - our own
    assert len(cases) == 8
    assert not any(case.find("failure") is not None for case in cases)


def test_a_terminal_gets_a_live_display(tmp_path: Path) -> None:
    """Progress is drawn in place; the final grid is the same."""
    words = [*HARNESS, "run", *HERE, "--subject", "pure", "--out", str(tmp_path)]
    status, shown = run_on_terminal(words)
    assert status == 0, shown
    assert "0/1 cells" in shown
    assert "\x1b[2K" in shown
    assert "1 of 1 cells as expected" in shown


def run_on_terminal(words: list[str]) -> tuple[int, str]:
    """Run a command on a pseudo-terminal; return its status and output."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "160"}
    process = subprocess.Popen(
        words, cwd=ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 4096):
            shown += piece
    except OSError:  # Linux returns EIO once the other end is closed.
        pass
    finally:
        os.close(ours)
    return process.wait(timeout=10), shown.decode()


def test_two_runs_at_once(tmp_path: Path) -> None:
    """Two runs with one cache and one engine both succeed."""
    outs = [tmp_path / "one", tmp_path / "two"]
    with ThreadPoolExecutor(2) as pool:
        words = ("run", *HERE, "--subject", "p*", "-n", "1", "--out")
        ended = list(pool.map(lambda out: wheelgrid(*words, out), outs))
    assert [each.status for each in ended] == [0, 0], ended
    one, two = (json.loads((out / "run.json").read_text())["cells"] for out in outs)
    assert len(one) == len(two) > 1


# --- a user's own wheels --------------------------------------------------------------


def test_check_probes_matching_targets(tmp_path: Path) -> None:
    """A wheel file is probed on matching targets; the others are listed."""
    one = ("--arch", NATIVE.name, "--python", "3.11", "--builder", "cross-glibc")
    built = wheelgrid("build", "plain", *one)
    wheel = Path(built.out.strip())
    assert wheel.is_file()
    call = "wheelgrid_plain.selftest() == 42"
    targets = ("--target", "debian-12", "--target", "debian-13")
    ended = wheelgrid("check", wheel, "--call", call, *ASSEMBLED, *targets, "--out", tmp_path)
    assert ended.status == 0, ended.said
    assert "needs CPython 3.11, the target has 3.13" in ended.out
    assert "debian-11" not in ended.out
    assert "1 of 1 cells as expected" in ended.out


def test_check_reports_an_import_failure(tmp_path: Path) -> None:
    """Exit code 1, and one line with the cell, the outcome and Python's message."""
    wheel = make_wheel(tmp_path, "broken", "import nothing_of_that_name\n")
    ended = wheelgrid("check", wheel, *HERE, "--out", tmp_path / "grid")
    assert ended.status == 1, ended.said
    (line,) = (line for line in ended.out.splitlines() if "nothing_of_that_name" in line)
    said = "ModuleNotFoundError: No module named 'nothing_of_that_name'"
    title = "import-failed (import): missing-dependency"
    assert line == f"I debian-12/{NATIVE.name}/broken-1.0  {title}  {said}"
    seen = read(ended, tmp_path / "grid").seen(f"debian-12/{NATIVE.name}", "broken-1.0")
    assert (seen["stage"], len(seen["attempts"])) == ("import", 2)
    cell = f"debian-12/{NATIVE.name}/broken-1.0"
    printed = wheelgrid("repro", cell, "--run", tmp_path / "grid" / "run.json", *ASSEMBLED)
    assert printed.status == 0, printed.said
    assert said in run_command("sh", "-c", printed.out).err


def test_check_downloads_a_release(tmp_path: Path) -> None:
    """``name==version`` is downloaded as the target's installer would."""
    ended = wheelgrid("check", "markupsafe==3.0.4", *HERE, "--out", tmp_path)
    assert ended.status == 0, ended.said
    seen = read(ended, tmp_path).seen(f"debian-12/{NATIVE.name}", "markupsafe-3.0.4")
    assert seen["wheel"]["filename"].startswith("markupsafe-3.0.4-cp311-cp311-manylinux")


# --- the other commands ---------------------------------------------------------------


def test_repro_reproduces_a_cell() -> None:
    """``repro`` prints one shell line that gives the cell's result."""
    printed = wheelgrid("repro", f"debian-12/{NATIVE.name}/plain", *ASSEMBLED)
    assert printed.status == 0, printed.said
    (line,) = printed.out.splitlines()
    assert run_command("sh", "-c", line).status == 0
    failing = line.replace("selftest() == 42", "selftest() == 41")
    assert failing != line
    assert "AssertionError" in run_command("sh", "-c", failing).err


def test_json_output_is_json_only() -> None:
    """``doctor``, ``plan`` and ``passport`` print only JSON on standard output."""
    checks = json.loads(wheelgrid("doctor", "--json").out)["checks"]
    assert {check["name"] for check in checks} >= {"engine"}
    plan = wheelgrid("plan", "--json", "-k", "debian-12 and s390x and tool")
    assert [json.loads(line)["id"] for line in plan.out.splitlines()] == ["debian-12/s390x/tool"]
    passport = json.loads(wheelgrid("passport", "debian-12/s390x", "--json", *ASSEMBLED).out)
    assert passport["ext_suffix"] == ".cpython-311-s390x-linux-gnu.so"


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "two workers"])
def test_pytest_runs_the_same_cells(workers: tuple[str, ...]) -> None:
    """``pytest harness`` runs the same cells and prints the same grid."""
    words = (sys.executable, "-m", "pytest", "harness", *ASSEMBLED, *workers)
    ended = run_command(*words, "-k", f"debian-12 and ({NATIVE.name} or s390x) and tool")
    assert ended.status == 0, ended.said
    assert "2 of 2 cells as expected" in ended.out
    assert "2 passed" in ended.out


# --- images of a registry -------------------------------------------------------------

_BUILDERS = """\
builders:
  - id: cross-glibc
    kind: cross
    libc: glibc
    promises: {x86_64: "2.17", aarch64: "2.17", ppc64le: "2.17", s390x: "2.17"}
    headers:
      - {python: "3.11", suite: bookworm, arches: [x86_64, aarch64, ppc64le, s390x]}
"""

_TARGET = """\
  - id: {name}
    title: {name}
    python: "3.11"
    libc: glibc
    arches: [{arches}]
    registry: {{image: "{image}", prepare: ["touch /prepared"]}}
"""


@pytest.fixture(scope="module")
def registry_run(
    engine: DockerEngine, cache: Cache, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Written]:
    """Run one subject on an existing image, a missing one, and one for another arch."""
    folder = tmp_path_factory.mktemp("registry")
    matrix = write_matrix(folder)
    with loopback_registry(folder) as server:
        image = assembled_images(engine, cache)
        server.push(image.get(debian_12(NATIVE.name)).id, NATIVE, "hub/debian", "12")
        words = ["--images", "registry", "--registry", f"{server.host}/hub"]
        ended = wheelgrid("run", *words, "--matrix", matrix, "--out", folder / "grid")
        yield read(ended, folder / "grid")
        forget(f"{server.host}/", "wheelgrid/prepared-debian-")


def write_matrix(folder: Path) -> Path:
    """Write a matrix of three targets and one subject, with the committed fixtures."""
    matrix = folder / "matrix"
    matrix.mkdir()
    rows = [
        ("there", NATIVE.name, "debian:12"),
        ("vanished", NATIVE.name, "debian:vanished"),
        ("other", FOREIGN.name, "debian:12"),
    ]
    targets = [_TARGET.format(name=name, arches=arch, image=i) for name, arch, i in rows]
    (matrix / "targets.yaml").write_text("targets:\n" + "".join(targets))
    (matrix / "builders.yaml").write_text(_BUILDERS)
    (matrix / "subjects.yaml").write_text(
        "subjects:\n  - {id: pure, group: ours, fixture: pure, builder: cross-glibc,"
        " any_python: true, imports: [wheelgrid_pure]}\n"
    )
    (matrix / "index.lock.json").write_text('{"generated": "2026-01-01", "releases": {}}')
    return matrix


def forget(*prefixes: str) -> None:
    """Remove images by the prefixes of their names."""
    client = docker.from_env()
    for image in client.images.list():
        for tag in image.tags:
            if tag.startswith(prefixes):
                client.images.remove(tag)
    client.close()


def test_registry_images_have_their_digest(registry_run: Written) -> None:
    """The column is marked R, and the result has the digest of the tag."""
    assert "R image pulled from a registry" in registry_run.ended.out
    seen = registry_run.seen(f"there/{NATIVE.name}", "pure")
    assert seen["outcome"] == "pass"
    assert "/hub/debian:12@sha256:" in seen["provenance"]["image"]["origin"]


def test_unavailable_images_are_misses(registry_run: Written) -> None:
    """An image that is missing or for another arch is a miss with its cause."""
    assert registry_run.ended.status == 3, registry_run.ended.said
    vanished = registry_run.seen(f"vanished/{NATIVE.name}", "pure")
    assert (vanished["outcome"], vanished["cause"]) == ("miss", "infra:not-found")
    other = registry_run.seen(f"other/{FOREIGN.name}", "pure")
    assert (other["outcome"], other["cause"]) == ("miss", "infra:wrong-arch")
    cases = ET.parse(registry_run.out / "junit.xml").iter("testcase")  # noqa: S314 - our own
    assert not any(case.find("failure") is not None for case in cases)
