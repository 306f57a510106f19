"""The agent opens libraries, resolves entry points and starts programs: real files, real forks."""

# mypy: allow-untyped-calls
# The agent runs on Python 3.6 and is not typed.

import contextlib
import ctypes
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.probe.agent import late, starter
from tests.support.commands import wait_until
from tests.support.elves import compiled, golden, program
from tests.support.local_prober import HERE

LIBRARIES = {
    "good.so": "int answer(void) { return 42; }",
    "crashes.so": "__attribute__((constructor)) void at_load(void) { *(volatile int *)0 = 1; }",
    "hangs.so": '__attribute__((constructor)) void at_load(void) { for (;;) __asm__(""); }',
    "leaves.so": "void _exit(int); __attribute__((constructor)) void at_load(void) { _exit(3); }",
    "forks.so": "int fork(void); __attribute__((constructor)) void at_load(void) { fork(); }",
    "ends-so.so": "void _exit(int); __attribute__((constructor)) void at_load(void) { _exit(77); }",
    "kills.so": "int kill(int, int); __attribute__((constructor)) void at_load(void) "
    "{ kill(0, 9); }",
    "aborts.so": "void abort(void); long write(int, const void *, long); "
    '__attribute__((constructor)) void at_load(void) { write(2, "no licence\\n", 11); abort(); }',
    "prints.so": "long write(int, const void *, long); static char text[1 << 16]; "
    "__attribute__((constructor)) void at_load(void) "
    "{ for (int i = 0; i < 1600; i++) write(1, text, sizeof text); }",
    "reports.so": "long write(int, const void *, long); int atoi(const char *); "
    "char *getenv(const char *); __attribute__((constructor)) void at_load(void) "
    '{ write(atoi(getenv("REPORTS")), "{}", 2); }',
    "needs.so": "int nowhere(void); int ask(void) { return nowhere(); }",
    "first.so": "int of_second(void); int ask(void) { return of_second(); }",
}
PROGRAMS = {
    "ends": "int main(void) { return 3; }",
    "crashes": "int main(void) { *(volatile int *)0 = 1; return 0; }",
    "aborts": "#include <stdlib.h>\n#include <stdio.h>\n"
    'int main(void) { puts("no display"); fflush(stdout); abort(); }',
    "runs": "#include <unistd.h>\nint main(void) { for (;;) pause(); }",
    "reads": "#include <stdio.h>\nint main(void) { return getchar() == EOF ? 0 : 1; }",
    "prints": '#include <stdio.h>\nint main(void) { for (;;) puts("more and more"); }',
    # As daemon(3), whose parent may be gone before the child has a session of its own.
    "daemonizes": "#include <unistd.h>\n"
    "int main(void) { int ends[2]; char c; pipe(ends);"
    " if (fork()) return read(ends[0], &c, 1) != 1;"
    " setsid(); write(ends[1], &c, 1); sleep(300); }",
    "wants-a-file": "#include <stdio.h>\nint main(int n, char **v) "
    '{ return n < 2 ? 1 : fgetc(fopen(v[1], "r")); }',
    "says-so": '#include <stdio.h>\nint main(void) { puts("error while loading shared libraries: '
    'libx.so"); return 127; }',
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    for name, source in LIBRARIES.items():
        (folder / name).write_bytes(compiled(source, folder, machine=HERE.name))
    second = compiled(
        "int of_second(void) { return 2; }", folder, "-Wl,-soname,libsecond.so", machine=HERE.name
    )
    (folder / "libsecond.so").write_bytes(second)
    source, link = LIBRARIES["first.so"], str(folder / "libsecond.so")
    (folder / "first.so").write_bytes(compiled(source, folder, link, machine=HERE.name))
    for name, source in PROGRAMS.items():
        program(source, folder / name, machine=HERE.name)
    loader = "-Wl,--dynamic-linker=/lib/ld-nowhere.so.1"
    program(PROGRAMS["ends"], folder / "other-loader", loader, machine=HERE.name)
    asks = "int of_second(void); int main(void) { return of_second(); }"
    program(asks, folder / "lacks", link, machine=HERE.name)
    for name in ("s390x.so", "x86_64-versions.so"):
        (folder / name).write_bytes(golden(name))
        (folder / name).chmod(0o755)
    return folder


def opened(site: Path, *places: str, seconds: float = 2) -> tuple[dict[str, str], int]:
    begun: list[str] = []
    until = time.monotonic() + 60
    failed, untried = late.open_libraries(str(site), places, seconds, until, begun.append)
    assert set(begun) <= set(places)
    return failed, untried


@pytest.mark.parametrize(
    ("place", "error"),
    [
        ("good.so", ""),
        ("crashes.so", "ended: killed by SIGSEGV"),
        ("hangs.so", "ended: it did not return within 2 s"),
        ("leaves.so", "ended: the process exited with status 3"),
        ("ends-so.so", "ended: the process exited with status 77"),
        ("aborts.so", "ended: killed by SIGABRT: no licence"),
        ("kills.so", "ended: killed by SIGKILL"),
        ("prints.so", ""),
        ("forks.so", ""),
        ("needs.so", "undefined symbol: nowhere"),
        ("first.so", "libsecond.so: cannot open shared object file"),
        ("gone.so", ""),
    ],
)
def test_open(site: Path, place: str, error: str) -> None:
    """What a library does when it is opened is its error, and the next one is opened."""
    failed, untried = opened(site, place, "libsecond.so" if "first" not in place else "good.so")
    assert opened(site, place) == (failed, untried)
    assert list(failed) == ([place] if error else [])
    assert error in failed.get(place, "")
    assert untried == 0


def test_library_reaches_no_report(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it writes to, the report of the process that imported is not among it."""
    reports, end = os.pipe()
    os.set_blocking(reports, False)
    monkeypatch.setattr(late, "REPORTS", end)
    monkeypatch.setenv("REPORTS", str(end))
    assert opened(site, "reports.so", "good.so") == ({}, 0)
    os.close(end)
    with os.fdopen(reports, "rb") as stream:
        assert stream.read() == b""


def test_library_that_another_one_must_precede(site: Path) -> None:
    """One that is found only once another is loaded, as a package may have it, does not fail."""
    assert opened(site, "first.so", "libsecond.so", "good.so") == ({}, 0)


def test_library_that_is_loaded_is_not_opened(site: Path) -> None:
    """What the package has loaded needs no fork."""
    ctypes.CDLL(str(site / "good.so"))
    begun: list[str] = []
    until = time.monotonic() + 60
    assert late.open_libraries(str(site), ["good.so"], 2, until, begun.append) == ({}, 0)
    assert begun == []


def test_libraries_without_time_are_counted(site: Path) -> None:
    """What there is no time for is no failure."""
    until = time.monotonic() - 1
    places = ["needs.so", "crashes.so"]
    assert late.open_libraries(str(site), places, 2, until, print) == ({}, 2)


def test_entry_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry point is imported and looked up, and not called."""
    (tmp_path / "late_demo.py").write_text("class Tool:\n def main(): raise SystemExit(9)\n")
    (tmp_path / "late_dies.py").write_text("import os; os._exit(0)")
    monkeypatch.syspath_prepend(tmp_path)
    entries = ["late_demo:Tool.main", "late_demo:gone", "late_gone:main", "late_dies:main"]
    until = time.monotonic() + 60
    failed, untried = late.resolve_entries(entries, 5, until, print)
    assert (list(failed), untried) == (entries[1:], 0)
    assert failed["late_demo:gone"] == "AttributeError: module 'late_demo' has no attribute 'gone'"
    assert "No module named 'late_gone'" in failed["late_gone:main"]
    assert failed["late_dies:main"] == "ended: the process exited with status 0"


def test_entry_point_may_name_a_module_of_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installer's script has ``from package import module``, which imports the module."""
    (tmp_path / "late_package").mkdir()
    for name, code in (("__init__", ""), ("cli", "def main(): 1"), ("bad", "import late_gone")):
        (tmp_path / "late_package" / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    entries = ["late_package:cli.main", "late_package:bad.main", "late_package:gone.main"]
    failed, _ = late.resolve_entries(entries, 5, time.monotonic() + 60, print)
    assert failed == {
        "late_package:bad.main": "ModuleNotFoundError: No module named 'late_gone'",
        "late_package:gone.main": "AttributeError: module 'late_package' has no attribute 'gone'",
    }


@pytest.mark.parametrize(
    ("place", "error"),
    [
        ("ends", ""),
        ("runs", ""),
        ("reads", ""),
        ("prints", ""),
        ("says-so", ""),
        ("wants-a-file", ""),
        ("crashes", "ended: killed by SIGSEGV"),
        ("aborts", "ended: killed by SIGABRT: no display"),
        ("other-loader", "its loader /lib/ld-nowhere.so.1 does not exist"),
        ("lacks", "error while loading shared libraries: libsecond.so: cannot open"),
    ],
)
def test_start(site: Path, place: str, error: str) -> None:
    """A program is judged by whether it starts, and by nothing else."""
    said = starter.start(str(site / place), 2)
    assert said.startswith(error) if error.startswith("ended") else error in said
    assert bool(said) == bool(error)


def test_program_of_another_machine_is_not_started(site: Path) -> None:
    """Its header says so, even where the kernel has an emulator for it."""
    other = "s390x.so" if HERE.name != "s390x" else "x86_64-versions.so"
    assert starter.start(str(site / other), 2).startswith("Exec format error: it is for machine")


def test_file_that_is_not_executable(site: Path, tmp_path: Path) -> None:
    """That is told apart from what the container denies."""
    copied = tmp_path / "ends"
    copied.write_bytes((site / "ends").read_bytes())
    assert stat.S_IMODE(copied.stat().st_mode) & 0o111 == 0
    expected = "its mode in the wheel does not make it executable"
    assert starter.start(str(copied), 2) == expected


def test_what_a_program_starts_ends_with_it(site: Path) -> None:
    """A program that goes on is killed."""
    starter.start(str(site / "runs"), 0.5)
    wait_until(lambda: not running(site / "runs"), seconds=20)


def running(path: Path) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "exe").readlink() == path:
                found.append(process.name)
    return found


@pytest.fixture
def no_daemons(site: Path) -> Iterator[None]:
    yield
    for process in running(site / "daemonizes"):
        os.kill(int(process), 9)


@pytest.mark.usefixtures("no_daemons")
def test_program_that_daemonizes_has_started(site: Path) -> None:
    """Its child holds the pipe, and nobody waits for it; a container's agent kills it."""
    begun = time.monotonic()
    assert starter.start(str(site / "daemonizes"), 20) == ""
    assert time.monotonic() - begun < 15
    assert running(site / "daemonizes")


def test_agent_runs_on_old_pythons() -> None:
    """The modules are in the grammar of Python 3.6."""
    for module in (late, starter):
        source = Path(str(module.__file__)).read_text()
        code = f"import ast; ast.parse({source!r}, feature_version=(3, 6))"
        subprocess.run([sys.executable, "-c", code], check=True)
