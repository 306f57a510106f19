"""Faults around the command line: full disks, missing rights, an engine that stops.

Every fault ends in bounded time, with an exit code, a helpful message and no traceback. Measured
cells are kept.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from harness.images.debian_root import native_arch
from tests.support.commands import (
    HARNESS,
    ROOT,
    Ended,
    run_command,
    started_wheelgrid,
    wait_until,
    wheelgrid,
)
from tests.support.engine_proxy import engine_proxy
from tests.support.linked_cache import own_cache_root
from tests.support.moved_clock import MovedClock
from tests.support.owned_containers import containers_of
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.integration

NATIVE = native_arch().name
HERE = ("--images", "assembled", "--target", "debian-12", "--arch", NATIVE)
NO_ENGINE = {"DOCKER_HOST": "unix:///nonexistent"}


def complaint(ended: Ended) -> str:
    """Return the first line of standard error; fail for a traceback."""
    assert "Traceback" not in ended.said
    return ended.err.partition("\n")[0]


# --- no room --------------------------------------------------------------------------


def test_an_unwritable_directory_is_reported_first(tmp_path: Path) -> None:
    """An unwritable directory is reported before any cell runs."""
    (tmp_path / "file").touch()
    for out, reason in (
        (tmp_path / "file" / "grid", "Not a directory"),
        (Path("/proc/grid"), "No such file or directory"),
    ):
        ended = wheelgrid("run", *HERE, "--subject", "pure", "--out", out)
        assert ended.status == 2
        advice = "choose another directory with --out"
        assert complaint(ended) == f"wheelgrid: {out}: cannot be written: {reason}; {advice}"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 4 MiB."""
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    disk = tmp_path / "disk"
    disk.mkdir()
    options = "size=4m,mode=1777"
    subprocess.run([*root, "mount", "-t", "tmpfs", "-o", options, "tmpfs", disk], check=True)
    try:
        yield disk
    finally:
        subprocess.run([*root, "umount", "--lazy", disk], check=True)


def fill(disk: Path) -> None:
    """Fill ``disk``."""
    free = shutil.disk_usage(disk).free
    (disk / "filler").write_bytes(bytes(free))
    assert shutil.disk_usage(disk).free == 0


def test_a_full_disk_is_reported_first(small_disk: Path) -> None:
    """A full disk is reported before any cell runs."""
    fill(small_disk)
    out = small_disk / "grid"
    ended = wheelgrid("run", *HERE, "--subject", "pure", "--out", out)
    assert ended.status == 2
    assert complaint(ended).startswith(f"wheelgrid: {out}: cannot be written: No space left")
    assert ended.out == ""


NEW_IMAGE = ("[base-files,", "[tzdata, base-files,")
"""An edit of the targets: an image that no engine has yet, so that the cache is needed."""


def edited_matrix(folder: Path, old: str, new: str) -> Path:
    """Return a copy of the matrix without passports, whose targets have ``new`` for ``old``."""
    matrix = folder / "matrix"
    shutil.copytree(ROOT / "matrix", matrix, ignore=shutil.ignore_patterns("passports"))
    text = (matrix / "targets.yaml").read_text()
    assert old in text
    (matrix / "targets.yaml").write_text(text.replace(old, new, 1))
    return matrix


def test_a_full_cache_is_a_miss(small_disk: Path, tmp_path: Path) -> None:
    """The cell is a miss that names the disk, without minutes of assembling."""
    matrix = edited_matrix(tmp_path, *NEW_IMAGE)
    words = ("run", *HERE, "--subject", "pure", "--out", tmp_path / "grid", "--matrix", matrix)
    ended = wheelgrid(*words, env={"WHEELGRID_CACHE": str(small_disk)})
    assert ended.status == 3, ended.said
    assert "Traceback" not in ended.said
    (seen,) = measured(tmp_path / "grid")
    assert (seen["outcome"], seen["cause"]) == ("miss", "infra:disk")
    assert "set WHEELGRID_CACHE to another directory" in seen["evidence"]


def test_a_missing_mirror_affects_only_cells_that_need_it(tmp_path: Path) -> None:
    """Cells with images are probed; a cell that needs the mirror is a miss (exit code 3)."""
    unpinned = "{suite: bookworm, packages: [tzdata, python3, python3-pip]}"
    matrix = edited_matrix(tmp_path, "{suite: bookworm, packages: *packages}", unpinned)
    made = wheelgrid("image", "build", "--target", "debian-11", *HERE[:2], "--arch", NATIVE)
    assert made.status == 0, made.said
    words = ("run", *HERE, "--target", "debian-11", "--subject", "pure", "--matrix", matrix)
    no_mirror = {"WHEELGRID_DEBIAN_MIRRORS": "http://127.0.0.1:9"}
    ended = wheelgrid(*words, "--out", tmp_path / "grid", env=no_mirror)
    assert ended.status == 3, ended.said
    seen = {each["cell"].partition("/")[0]: each for each in measured(tmp_path / "grid")}
    assert seen["debian-11"]["outcome"] == "pass"
    assert (seen["debian-12"]["outcome"], seen["debian-12"]["cause"]) == ("miss", "infra:upstream")
    evidence = seen["debian-12"]["evidence"]
    assert "the index of Debian bookworm at 127.0.0.1:9: no answer" in evidence
    assert not re.search(r"mmdebstrap|exit status|set -eu", evidence)


# --- no engine ------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["plan", "--help", "run --help", "build pure"])
def test_commands_without_an_engine(command: str) -> None:
    """Planning, help and building work without an engine."""
    ended = wheelgrid(*command.split(), env=NO_ENGINE)
    assert (ended.status, ended.err if command != "build pure" else "") == (0, "")


def test_missing_rights_on_the_socket_are_reported(tmp_path: Path) -> None:
    """The message differs from that of a missing engine and names the group to join."""
    with engine_proxy(tmp_path / "engine.sock") as proxy:
        (tmp_path / "engine.sock").chmod(0)
        # Root ignores file modes unless it lacks that capability.
        drop = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
        words = [*(drop if os.geteuid() == 0 else []), *HARNESS, "passport", "debian-12"]
        ended = run_command(*words, env={"DOCKER_HOST": proxy.host})
    assert ended.status == 3
    assert complaint(ended).startswith("wheelgrid: no permission on the container engine's socket")


# --- an end in the middle -------------------------------------------------------------


@pytest.fixture
def slow_check(tmp_path: Path) -> tuple[object, ...]:
    """Return a command line of three cells; the second takes 50 s."""
    codes = {"first": "", "slow": "import time\ntime.sleep(50)", "then": ""}
    wheels = [make_wheel(tmp_path, name, code) for name, code in codes.items()]
    return ("check", *wheels, *HERE, "--out", tmp_path / "grid")


def measured(out: Path) -> list[dict[str, Any]]:
    """Return the observations in ``run.json``."""
    cells = json.loads((out / "run.json").read_text())["cells"]
    return [cell["observation"] for cell in cells if cell["observation"]]


def wait_for_first_cell(out: Path, *, seconds: float = 40) -> None:
    """Wait until the first cell is measured and the second is being probed."""
    journal = out / "journal.jsonl"

    def in_the_second() -> bool:
        words = journal.read_text() if journal.exists() else ""
        return "probing slow" in words

    wait_until(in_the_second, seconds=seconds)


@pytest.fixture
def client() -> Iterator[docker.APIClient]:
    """Return the engine's API."""
    with contextlib.closing(docker.from_env()) as opened:
        yield opened.api


def test_a_stopped_engine_keeps_measured_cells(
    tmp_path: Path, slow_check: tuple[object, ...]
) -> None:
    """Measured cells are kept; the others are misses."""
    with (
        engine_proxy(tmp_path / "engine.sock") as proxy,
        started_wheelgrid(*slow_check, env={"DOCKER_HOST": proxy.host}) as started,
    ):
        wait_for_first_cell(tmp_path / "grid")
        proxy.cut()
        ended = started.wait(30)
    assert ended.status == 3, ended.out
    assert "Traceback" not in ended.out + ended.err
    first, *rest = measured(tmp_path / "grid")
    assert first["outcome"] == "pass"
    assert [(seen["outcome"], seen["cause"]) for seen in rest] == [("miss", "infra:engine")] * 2
    for seen in rest:
        said = re.search(rf"can be reached at DOCKER_HOST={proxy.host} \((.*?)\)", seen["evidence"])
        assert said, seen["evidence"]
        assert said[1].startswith(("[Errno", "Remote end closed"))


def test_ctrl_c_keeps_measured_cells(
    tmp_path: Path, slow_check: tuple[object, ...], client: docker.APIClient
) -> None:
    """Exit code 130; measured cells are kept and no container remains."""
    with started_wheelgrid(*slow_check) as started:
        wait_for_first_cell(tmp_path / "grid")
        pids = started.pids()
        assert containers_of(client, pids)
        started.interrupt()
        ended = started.wait(30)
    assert ended.status == 130, ended.out
    assert "Traceback" not in ended.out + ended.err
    assert "interrupted: 1 of 3 cells as expected" in ended.out
    assert [seen["outcome"] for seen in measured(tmp_path / "grid")] == ["pass"]
    wait_until(lambda: not containers_of(client, pids), seconds=10)


def test_no_container_outlives_a_killed_run(
    tmp_path: Path, slow_check: tuple[object, ...], client: docker.APIClient
) -> None:
    """The container ends with its standard input."""
    with started_wheelgrid(*slow_check) as started:
        wait_for_first_cell(tmp_path / "grid")
        pids = started.pids()
        assert containers_of(client, pids)
        started.kill()
        wait_until(lambda: not containers_of(client, pids), seconds=10)


def test_a_disk_that_fills_up_is_reported(small_disk: Path, tmp_path: Path) -> None:
    """The grid is printed, and the write error is reported."""
    codes = {"first": "", "slow": "import time\ntime.sleep(3)"}
    wheels = [make_wheel(tmp_path, name, code) for name, code in codes.items()]
    out = small_disk / "grid"
    with started_wheelgrid("check", *wheels, *HERE, "--out", out) as started:
        wait_for_first_cell(out)
        fill(small_disk)
        ended = started.wait(40)
    assert ended.status == 2
    assert complaint(ended).startswith(f"wheelgrid: {out}/run.json: cannot be written: No space")
    assert "image from" in ended.out


# --- a clock that jumps, a cache that cannot be written -------------------------------

HOG = "x = []\nwhile True: x.append(bytearray(1 << 20))"


@pytest.mark.parametrize("seconds", [pytest.param(86_400, marks=pytest.mark.nightly), -86_400])
def test_a_clock_that_jumps_changes_no_result(tmp_path: Path, seconds: int) -> None:
    """It jumps while the second cell runs, whose container ends for lack of memory."""
    slow = f"import time\nprint('here', flush=True)\ntime.sleep(5)\n{HOG}"
    codes = {"first": "", "slow": slow, "then": ""}
    wheels = [make_wheel(tmp_path, name, code) for name, code in codes.items()]
    out = tmp_path / "grid"
    words = ("check", *wheels, *HERE, "-n", "1", "--out", out)
    start = time.time()
    moved = MovedClock(tmp_path)
    with started_wheelgrid(*words, env=moved.environment) as started:
        wait_for_first_cell(out, seconds=120)
        moved.move(seconds)
        ended = started.wait(240)
    assert ended.status == 1, ended.said
    assert "Traceback" not in ended.said
    seen = {each["cell"].rpartition("/")[2]: each for each in measured(out)}
    assert [(each["outcome"], each["cause"]) for each in seen.values()] == [
        ("pass", ""),
        ("crashed", "memory-limit"),
        ("pass", ""),
    ], ended.said
    times = [each["measured_at"] for each in seen.values()]
    assert (times[-1] < times[0]) == (seconds < 0), "the clock did not jump"
    assert all(0 <= each["seconds"]["total"] < time.time() - start for each in seen.values())


@pytest.fixture
def read_only_cache(tmp_path: Path) -> Iterator[Path]:
    """Mount the filled cache a second time, read-only."""
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    place = tmp_path / "cache"
    place.mkdir()
    subprocess.run([*root, "mount", "--bind", own_cache_root(), place], check=True)
    try:
        options = ["-o", "remount,bind,ro"]
        subprocess.run([*root, "mount", *options, place], check=True)
        yield place
    finally:
        subprocess.run([*root, "umount", "--lazy", place], check=True)


def test_a_read_only_cache_is_used(read_only_cache: Path, tmp_path: Path) -> None:
    """Its entries are; what it lacks is a miss that names the remedy."""
    with pytest.raises(OSError, match="Read-only file system"):
        (read_only_cache / "new").touch()
    wheel = make_wheel(tmp_path, "good", "")
    environment = {"WHEELGRID_CACHE": str(read_only_cache)}
    for env in ({}, environment):  # the first run fills it
        ended = wheelgrid("check", wheel, *HERE, "--out", tmp_path / "grid", env=env, timeout=240)
        assert ended.status == 0, ended.said
    (seen,) = measured(tmp_path / "grid")
    assert seen["outcome"] == "pass"
    matrix = edited_matrix(tmp_path, *NEW_IMAGE)
    words = ("run", *HERE, "--subject", "pure", "--out", tmp_path / "grid", "--matrix", matrix)
    ended = wheelgrid(*words, env=environment)
    assert ended.status == 3, ended.said
    assert "Traceback" not in ended.said
    (seen,) = measured(tmp_path / "grid")
    assert (seen["outcome"], seen["cause"]) == ("miss", "infra:disk")
    assert "Read-only file system" in seen["evidence"]
    assert "set WHEELGRID_CACHE to a directory that can be written" in seen["evidence"]
