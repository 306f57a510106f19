"""The ``docker run`` line of a cell, as a shell reads it."""

import shlex
import zipfile
from pathlib import Path

import pytest

from harness.app.own_tests_request import OwnTestsWords, read_own_tests
from harness.core.observations import ImageRef
from harness.core.own_tests import OwnTests
from harness.core.subjects import WheelRef
from harness.core.targets import ImageWay
from harness.host.cache import Cache
from harness.host.engine.hardening import CONTAINER_LIMITS, HARDENING
from harness.host.process import run_process
from harness.predict.late_plan import LatePlan
from harness.probe.repro import docker_line
from tests.support.cells import make_subject
from tests.support.commands import run_command
from tests.support.targets import debian_12

IMAGE = ImageRef(id="sha256:" + "1" * 64, way=ImageWay.ASSEMBLED, origin="bookworm")
CALL = """numpy.array(["it's", '$(reboot)', '`id` \\\\n']).shape == (3,)"""
SITE = "/tmp/lib/python3/site-packages"


def _wheel(path: str) -> WheelRef:
    return WheelRef(filename=path.rpartition("/")[2], sha256="0" * 64, size=1, path=path)


def _line(
    *, arch: str = "x86_64", call: str = CALL, paths: tuple[str, ...] = ("/w/a b.whl",)
) -> str:
    subject = make_subject("numpy", imports=("numpy", "numpy.linalg"), call=call)
    return docker_line(debian_12(arch), IMAGE, subject, [_wheel(path) for path in paths])


def test_line_is_well_formed() -> None:
    """It is one line that a shell can parse."""
    line = _line()
    assert "\n" not in line
    run_process(["bash", "-n"], stdin=line.encode(), timeout=10)


def test_quotes_survive_two_shells() -> None:
    """Python gets the call unchanged through the user's shell and the container's."""
    script = shlex.split(_line())[-1]
    words = shlex.split(script)
    assert words[words.index("-c") + 1] == f"import numpy; import numpy.linalg; assert {CALL}"


def test_shell_runs_nothing_of_the_call() -> None:
    """A shell passes the call to Python and does not run anything in it."""
    script = shlex.split(_line())[-1].partition(" && ")[2]
    shown = run_process(["sh", "-c", f"python3() {{ printf '%s' \"$2\"; }}; {script}"], timeout=10)
    assert shown.decode().endswith(f"assert {CALL}")


def test_call_of_several_lines() -> None:
    """A call of several lines becomes the same call on one line."""
    line = _line(call=f"(\n  {CALL}\n)\n")
    assert line == _line(call=CALL)
    assert "\n" not in line


def test_line_has_the_hardening_of_a_probe() -> None:
    """Its options come from the same value; a seccomp profile is named only if it is given."""
    line = _line(arch="armv7l")
    words = shlex.split(line)
    assert words[words.index("--platform") + 1] == "linux/arm/v7"
    assert shlex.join(HARDENING.words(CONTAINER_LIMITS)) in line
    assert "seccomp" not in line
    assert words[words.index("--entrypoint") + 2] == IMAGE.id


def test_wheels_are_installed_in_order() -> None:
    """Companions come first, and every wheel is mounted read-only."""
    words = shlex.split(_line(paths=("/w/beside.whl", "/w/it.whl")))
    mounts = [words[n + 1] for n, word in enumerate(words) if word == "--volume"]
    assert mounts == ["/w/beside.whl:/wheels/beside.whl:ro", "/w/it.whl:/wheels/it.whl:ro"]
    assert "/wheels/beside.whl /wheels/it.whl && " in words[-1]


@pytest.mark.parametrize(("call", "end"), [("", "import numpy.linalg"), ("True", "assert True")])
def test_line_without_a_call(call: str, end: str) -> None:
    """Without a call the line only imports."""
    assert shlex.split(shlex.split(_line(call=call))[-1])[-1].endswith(end)


def test_line_runs_the_tests() -> None:
    """Their files are mounted, what they require is installed apart, and no shell reads them."""
    tests = OwnTests(
        command=("pytest", "-q", "my tests", "$(reboot)"), archive="/c/tests 1.zip", sha256="1"
    )
    subject = make_subject("numpy", tests=tests)
    line = docker_line(
        debian_12(), IMAGE, subject, [_wheel("/w/a.whl")], test_wheels=[_wheel("/w/t.whl")]
    )
    words = shlex.split(line)
    assert "/c/tests 1.zip:/tests.zip:ro" in words
    assert "/w/t.whl:/wheels/t.whl:ro" in words
    script = words[-1]
    assert script.endswith(f"PYTHONPATH={SITE}:/tmp/tests pytest -q 'my tests' '$(reboot)'")
    assert "--target /tmp/tests /wheels/t.whl" in script
    run_process(["bash", "-n"], stdin=line.encode(), timeout=10)


def test_line_opens_libraries_and_starts_programs() -> None:
    """Each apart, after the imports; a failure of one ends the line with 1, and not the others."""
    late = LatePlan(libraries=("demo/lib it's.so", "b.so"), programs=("bin/tool",))
    subject = make_subject("demo", imports=("demo",))
    line = docker_line(debian_12(), IMAGE, subject, [_wheel("/w/a.whl")], late=late)
    run_process(["bash", "-n"], stdin=line.encode(), timeout=10)
    *_, opens, starts = shlex.split(line)[-1].split(" && ")
    shown = f'python3() {{ echo "$2" "$3"; [ "$3" = {SITE}/b.so ]; }}; '
    ended = run_command("sh", "-c", f"{shown}{opens}")
    opened = "import demo; import ctypes, sys; ctypes.CDLL(sys.argv[1])"
    assert ended.out.splitlines() == [
        f"{opened} {SITE}/demo/lib it's.so",
        f"{opened} {SITE}/b.so",
    ]
    assert ended.status == 1
    assert "'--version'" in starts
    assert f"{SITE}/bin/tool" in starts


def test_programs_among_the_files_of_tests_stay_executable(tmp_path: Path, cache: Cache) -> None:
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "run.sh").chmod(0o700)
    (tmp_path / "data").write_text("")
    words = OwnTestsWords(command="./run.sh", files=(tmp_path / "run.sh", tmp_path / "data"))
    tests = read_own_tests(words, tmp_path, 1 << 20, cache)
    assert tests is not None
    line = docker_line(debian_12(), IMAGE, make_subject("demo", tests=tests), [_wheel("/w/a.whl")])
    unpacks = next(s for s in shlex.split(line)[-1].split(" && ") if "/tests.zip" in s)
    there = unpacks.replace("/tests.zip", tests.archive).replace(
        "/tmp/project", str(tmp_path / "p")
    )
    assert run_command("sh", "-c", there).status == 0
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "p").iterdir()}
    assert modes == {"run.sh": 0o755, "data": 0o644}


@pytest.mark.parametrize(
    ("entry", "status"),
    [("json", 0), ("json:dumps", 0), ("json:JSONDecoder.decode", 0), ("xml:dom", 0),
     ("json:nothing", 1), ("json:dumps.nothing", 1), ("nowhere:main", 1)],
)  # fmt: skip
def test_entry_point_of_a_line_is_resolved(entry: str, status: int) -> None:
    """An attribute, or a module of a package that is not imported yet, as a script has it."""
    late = LatePlan(entries=(entry,))
    line = docker_line(
        debian_12(), IMAGE, make_subject("demo", imports=("json",)), [_wheel("/w/a.whl")], late=late
    )
    resolves = shlex.split(line)[-1].split(" && ")[-1]
    assert run_command("sh", "-c", resolves).status == status


@pytest.mark.parametrize(
    ("program", "status"), [("exit 3", 0), ("exit 127", 1), ("kill -SEGV $$", 1), ("cat", 0)]
)
def test_program_of_a_line_is_judged_by_its_start(
    tmp_path: Path, program: str, status: int
) -> None:
    path = tmp_path / "tool"
    path.write_text(f"#!/bin/sh\n{program}\n")
    path.chmod(0o755)
    late = LatePlan(programs=("bin/tool",))
    line = docker_line(debian_12(), IMAGE, make_subject("demo"), [_wheel("/w/a.whl")], late=late)
    starts = shlex.split(line)[-1].split(" && ")[-1]
    assert run_command("sh", "-c", starts.replace(f"{SITE}/bin/tool", str(path))).status == status


def test_libraries_of_the_environment_are_put_there(tmp_path: Path) -> None:
    """What `pip install --target` leaves out, before anything is imported."""
    with zipfile.ZipFile(tmp_path / "demo.whl", "w") as archive:
        archive.writestr("demo-1.0.data/data/lib/libdemo.so", "x")
        archive.writestr("demo.py", "")
    plain = docker_line(debian_12(), IMAGE, make_subject("demo"), [_wheel("/w/a.whl")])
    line = docker_line(
        debian_12(), IMAGE, make_subject("demo"), [_wheel("/w/a.whl")], libraries=True
    )
    _, step, *_ = shlex.split(line)[-1].split(" && ")
    assert step not in plain
    (tmp_path / "lib").mkdir()
    wheels = step.replace("/tmp/", f"{tmp_path}/").replace("/wheels/*.whl", f"{tmp_path}/*.whl")
    ran = run_command("sh", "-c", wheels)
    assert ran.status == 0, ran.said
    assert (tmp_path / "lib/libdemo.so").read_text() == "x"
