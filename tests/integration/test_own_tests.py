"""Projects' own tests in real containers: limits, bad behaviour, and what is reported of them."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from harness.images.debian_root import native_arch
from tests.support.commands import wheelgrid
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.integration

_RUN = """
import importlib.util, pathlib, sys
name = next(p.stem for p in pathlib.Path("deeds").iterdir() if importlib.util.find_spec(p.stem))
exec(compile(pathlib.Path("deeds", name + ".py").read_text(), name, "exec"))
"""
"""Does the deed that is named after the wheel that is installed."""
_DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            os.fork() if len(os.listdir("/proc")) < 40 else time.sleep(1)
    os._exit(0)
"""
_JUNIT = """
import os
os.symlink("/proc/1/environ", os.environ["WHEELGRID_JUNIT"])
"""
_BOMB = """
import os
with open(os.environ["WHEELGRID_JUNIT"], "w") as stream:
    stream.write('<!DOCTYPE a [<!ENTITY b "x">]><testsuite><testcase name="&b;"/></testsuite>')
"""
_CONTRADICTS = """
import os
with open(os.environ["WHEELGRID_JUNIT"], "w") as stream:
    stream.write('<testsuite tests="9"><testcase name="x"/><testcase name="y"><error/></testcase>')
    stream.write("</testsuite>")
"""
_CONNECT = """
import socket
try: socket.create_connection(("192.0.2.1", 80), timeout=5)
except OSError as error: print("no way out:", error.strerror)
else: raise SystemExit("connected")
"""
_PROCESSES = """
import os, time
for _ in range(100):
    if os.fork() == 0: time.sleep(30)
"""
DEEDS = {
    "passes": ("print('hello')", "pass", ""),
    "fails": ("raise SystemExit('on purpose')", "test-failed", ""),
    "memory": ("x = b'x' * (1 << 30)", "miss", "infra:memory"),
    "processes": (_PROCESSES, "miss", "infra:processes"),
    "disk": ("open('big', 'wb').write(bytes(200 << 20))", "miss", "infra:space"),
    "outside": ("open('/usr/outside', 'w')", "test-failed", ""),
    "daemon": (_DAEMON, "pass", ""),
    "hangs": ("import time; time.sleep(99)", "timeout", "timeout"),
    "prints": ("while True: print('x' * 9999)", "test-failed", "endless-output"),
    "connects": (_CONNECT, "pass", ""),
    "links": (_JUNIT, "pass", ""),
    "bomb": (_BOMB, "pass", ""),
    "contradicts": (_CONTRADICTS, "test-failed", ""),
    "resolves": ("import socket; socket.getaddrinfo('example.org', 80)", "test-failed", ""),
    "kills": ("import os; os.kill(-1, 9)", "crashed", "signal"),
}  # fmt: skip
"""Name of a wheel → what its tests do, and the outcome and cause of its cell."""


def test_deeds_of_tests(tmp_path: Path) -> None:
    """Each costs one cell, which says what it was; controls between them pass."""
    deeds = tmp_path / "deeds"
    deeds.mkdir()
    (tmp_path / "run.py").write_text(_RUN)
    wheels = []
    for name, (code, _, _) in DEEDS.items():
        for each, text in ((name, code), (f"{name}_control", "")):
            (deeds / f"{each}.py").write_text(text)
            wheels.append(make_wheel(tmp_path, each, ""))
    ended = wheelgrid(
        "check", *wheels, "--images", "assembled", "--target", "debian-12",
        "--arch", native_arch().name, "--test", "python run.py", "--test-timeout", "15",
        "--test-files", tmp_path / "run.py", "--test-files", deeds, "--cell-memory", "384",
        "--cell-disk", "64", "--cell-processes", "64", "--store", tmp_path / "store.db",
        "--out", tmp_path / "grid",
        timeout=900,
    )  # fmt: skip
    assert ended.status == 1, ended.said
    seen = _observations(tmp_path / "grid")
    found = {name: (seen[name]["outcome"], seen[name]["cause"]) for name in seen}
    wanted = {name: (outcome, cause) for name, (_, outcome, cause) in DEEDS.items()}
    wanted |= {f"{name}_control": ("pass", "") for name in DEEDS}
    assert found == wanted, ended.said
    assert "on purpose" in seen["fails"]["evidence"]
    assert "[no network; at most 15 s, 384 MiB of memory" in seen["fails"]["log"]
    assert seen["memory"]["evidence"].endswith("give it more with --cell-memory MIB")
    assert seen["processes"]["evidence"].endswith("give it more with --cell-processes N")
    assert seen["disk"]["evidence"].endswith("give it more with --cell-disk MIB")
    assert "Read-only file system" in seen["outside"]["evidence"]
    assert seen["hangs"]["evidence"].startswith("still running at the time limit; allow more with")
    assert "no way out: Network is unreachable" in seen["connects"]["log"]
    assert "the tests have no network" in seen["resolves"]["evidence"]
    assert seen["contradicts"]["evidence"].startswith(
        "exit status 0, but the runner's report says: 1 errors, 1 passed"
    )
    assert seen["links"]["tests"] is None
    assert seen["bomb"]["tests"]["unread"] == "it declares a document type"


def test_what_keeps_tests_from_running(tmp_path: Path) -> None:
    """A missing command and requirement say nothing of the wheel; a large folder ends the run."""
    words: tuple[object, ...] = (
        "check", make_wheel(tmp_path, "demo", ""), "--images", "assembled", "--target",
        "debian-12", "--arch", native_arch().name, "--store", tmp_path / "store.db",
        "--out", tmp_path / "grid",
    )  # fmt: skip
    ended = wheelgrid(*words, "--test", "no-such-runner -q", timeout=300)
    assert ended.status == 3, ended.said
    seen = _observations(tmp_path / "grid")["demo"]
    assert (seen["outcome"], seen["cause"]) == ("miss", "infra:test-command")
    assert "there is no command 'no-such-runner'" in seen["evidence"]
    ended = wheelgrid(*words, "--test", "python -c pass", "--test-requires", "demo<1", timeout=300)
    assert ended.status == 3, ended.said
    assert "They ran on no target: see the names and versions in --test-requires" in ended.said
    (tmp_path / "tests").mkdir()
    with (tmp_path / "tests" / "huge.bin").open("wb") as stream:
        stream.truncate(500 << 20)
    ended = wheelgrid(*words, "--test", "pytest", "--test-files", tmp_path / "tests", timeout=60)
    assert ended.status == 2
    assert "--cell-disk" in ended.err


@pytest.mark.parametrize("arch", [native_arch().name, "s390x"])
def test_suite_of_a_project(tmp_path: Path, arch: str) -> None:
    """A suite that fails: on the terminal, in run.json and junit.xml; a second run reuses it."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_demo.py").write_text(
        "import demo\n"
        "def test_good(): assert demo.answer == 42\n"
        "def test_bad(): assert demo.answer == 41\n"
    )
    (tmp_path / "wheelgrid.toml").write_text(
        'test = "pytest -q tests"\ntest-requires = ["pytest>=7"]\ntest-files = ["tests"]\n'
    )
    wheel = make_wheel(tmp_path, "demo", "answer = 42")
    words: tuple[object, ...] = (
        "check", wheel, "--images", "assembled", "--target", "debian-12", "--arch", arch,
        "--config", tmp_path / "wheelgrid.toml", "--store", tmp_path / "store.db",
        "--out", tmp_path / "grid",
    )  # fmt: skip
    ended = wheelgrid(*words, timeout=900)
    assert ended.status == 1, ended.said
    assert f"debian-12/{arch}/demo-1.0  test-failed: 1 failed, 1 passed" in ended.said
    assert "FAILED tests/test_demo.py::test_bad" in ended.said
    seen = _observations(tmp_path / "grid")["demo"]
    assert [attempt["outcome"] for attempt in seen["attempts"]] == ["test-failed"] * 2
    assert (seen["tests"]["passed"], seen["tests"]["failed"]) == (1, 1)
    suites = ET.parse(tmp_path / "grid" / "junit.xml").getroot()  # noqa: S314 - ours
    cases = {case.get("name"): [e.tag for e in case] for case in suites[1].iter("testcase")}
    assert cases == {"test_good": [], "test_bad": ["failure"]}
    again = wheelgrid(*words, env={"WHEELGRID_FRESH": "0"}, timeout=300)
    assert (again.status, _observations(tmp_path / "grid")["demo"]["cached"]) == (1, True)
    without = wheelgrid(*words, "--test", "", timeout=300)
    assert without.status == 0, without.said


def _observations(out: Path) -> dict[str, Any]:
    run = json.loads((out / "run.json").read_bytes())
    names = {cell["subject"].removesuffix("-1.0"): cell["observation"] for cell in run["cells"]}
    return {name.replace("-", "_"): seen for name, seen in names.items()}
