"""What fails beyond a wheel's modules, and whether it is a failure of the wheel."""

from dataclasses import replace

import pytest

from harness.core.cells import Outcome, Stage
from harness.core.observations import ImageRef, Observation, Provenance
from harness.core.targets import ImageWay
from harness.probe.jobs import ProbeResult
from harness.probe.late_failures import weigh_late
from harness.probe.seen_causes import explained
from harness.wheels.archive.elf import ElfFacts
from harness.wheels.archive.python_sources import SourceFacts
from harness.wheels.archive.zip_reader import Member
from tests.support.forecasts import GLIBC, MODULE, MUSL, elf, wheel

LIBRARY = "demo/lib/libmine.so"
OTHER = "demo/lib/libother.so"
TOOL, PLACE = "demo-1.0.data/scripts/tool", "bin/tool"
HELPER = "demo/bin/helper"
SCRIPT = "demo-1.0.data/scripts/start.sh"
ENTRY = "demo.cli:main.run"
PASS = ProbeResult(
    outcome=Outcome.PASS, stage=Stage.CALL, cause="", evidence="", log="", seconds=1.0
)
PROGRAM = replace(elf(init="none"), exported=(), interpreter="/lib64/ld-linux-x86-64.so.2")
OLD = "OSError: /lib/libc.so.6: version `GLIBC_2.34' not found (required by /s/demo/lib/libmine.so)"
SEGV = "ended: killed by SIGSEGV"
ABORT = "ended: killed by SIGABRT: no display"
SLOW = "ended: it did not return within 20 s"


def library(*exported: str) -> ElfFacts:
    return replace(elf(init="none"), exported=exported)


FACTS = replace(
    wheel(
        {MODULE: elf(), LIBRARY: library(), OTHER: library("of_other"), TOOL: PROGRAM,
         HELPER: PROGRAM},
        sources=SourceFacts(opens_libraries=True, named=frozenset({LIBRARY})),
        executable=(HELPER,),
        mentions={MODULE: ("libother.so",)},
    ),
    scripts=(SCRIPT,),
    commands=(ENTRY,),
)  # fmt: skip
FACTS = replace(FACTS, members=(*FACTS.members, Member(name=SCRIPT, size=1)))


def weighed(emulated: bool = False, **seen: object) -> ProbeResult:
    result = replace(PASS, **seen)  # type: ignore[arg-type]
    return weigh_late(result, FACTS, GLIBC, emulated=emulated)


def seen_as(result: ProbeResult) -> tuple[str, str, str]:
    """Return outcome, stage and the cause that an observation of it has."""
    observation = Observation(
        cell="demo",
        outcome=result.outcome,
        stage=result.stage,
        cause=result.cause,
        evidence=result.evidence,
        log=result.log,
        provenance=Provenance(image=ImageRef(id="image", way=ImageWay.ASSEMBLED, origin="tests")),
    )
    seen = explained(observation, None, FACTS, GLIBC)
    return seen.outcome, seen.stage, seen.cause


GREEN = ("pass", "call", "")


@pytest.mark.parametrize(
    ("place", "text", "expected"),
    [
        (LIBRARY, OLD, ("load-failed", "load", "libc-too-old")),
        (OTHER, OLD, ("load-failed", "load", "libc-too-old")),
        (LIBRARY, "OSError: libx.so.1: cannot open shared object file: No such file or directory",
         ("load-failed", "load", "missing-library")),
        (OTHER, "OSError: libx.so.1: cannot open shared object file: No such file or directory",
         GREEN),
        (LIBRARY, "OSError: libcuda.so.1: cannot open shared object file: No such file", GREEN),
        (LIBRARY, "OSError: /s/demo/lib/libmine.so: undefined symbol: nowhere",
         ("load-failed", "load", "undefined-symbol")),
        (LIBRARY, "OSError: /s/demo/lib/libmine.so: undefined symbol: of_other", GREEN),
        (LIBRARY, SEGV, ("load-failed", "load", "signal")),
        (LIBRARY, ABORT, ("load-failed", "load", "signal")),
        (LIBRARY, "ended: the process exited with status 0", ("load-failed", "load", "")),
        (LIBRARY, SLOW, ("load-failed", "load", "timeout")),
        (LIBRARY, "ended: killed by SIGKILL", GREEN),
        (LIBRARY, "OSError: libmine.so: failed to map segment from shared object", GREEN),
        (LIBRARY, "OSError: libmine.so: cannot create: Cannot allocate memory", GREEN),
        (LIBRARY, "OSError: libmine.so: cannot allocate memory in static TLS block",
         ("load-failed", "load", "static-tls")),
        (OTHER, SEGV, GREEN),
        (OTHER, SLOW, GREEN),
    ],
)  # fmt: skip
def test_library(place: str, text: str, expected: tuple[str, str, str]) -> None:
    """It counts if the wheel's code names it; what another library names counts in part."""
    result = weighed(loads=((place, text),))
    assert seen_as(result) == expected
    assert [finding.file for finding in result.late_findings] == (
        [place] if expected == GREEN else []
    )
    if expected != GREEN:
        assert result.evidence == f"{place}: {text.removeprefix('ended: ')}"


def test_library_that_nothing_names() -> None:
    """A plugin is a finding."""
    facts = replace(FACTS, sources=SourceFacts())
    result = weigh_late(replace(PASS, loads=((LIBRARY, OLD),)), facts, GLIBC, emulated=False)
    (finding,) = result.late_findings
    assert (result.outcome, finding.code, finding.file) == ("pass", "library-load", LIBRARY)
    assert finding.message.startswith("Opened by itself, it fails: OSError: /lib/libc.so.6")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("its loader /lib/ld-musl-x86_64.so.1 does not exist", "libc-family"),
        ("its loader /nix/ld-linux-x86-64.so.2 does not exist", "missing-loader"),
        ("Exec format error: it is for machine 22, this is 62", "wrong-machine"),
        ("tool: /lib/libc.so.6: version `GLIBC_2.34' not found (required by tool)", "libc-too-old"),
        ("tool: error while loading shared libraries: libx.so: cannot open shared object file: No",
         "missing-library"),
        ("Fatal glibc error: CPU does not support x86-64-v3", "cpu-baseline"),
        ("Error loading shared library libx.so: No such file or directory (needed by tool)",
         "missing-library"),
        ("Error relocating /s/bin/tool: nowhere: symbol not found", "undefined-symbol"),
        ("tool: symbol lookup error: /s/bin/tool: undefined symbol: nowhere", "undefined-symbol"),
        (SEGV, "signal"),
    ],
)  # fmt: skip
def test_program(text: str, cause: str) -> None:
    """A program that does not start fails the wheel, with the cause in the loader's words."""
    result = weighed(starts=((PLACE, text), ("demo/bin/helper", text)))
    assert seen_as(result) == ("start-failed", "start", cause)
    assert result.evidence == f"{TOOL}: {text.removeprefix('ended: ')} (and 1 more)"


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (PLACE, ABORT),
        (PLACE, "ended: killed by SIGKILL"),
        (PLACE, "its mode in the wheel does not make it executable"),
        (PLACE, "limited: pids-limit: killed by SIGSEGV"),
        (PLACE, "its loader /lib/ld-musl-x86_64.so.1 does not exist"),
        (PLACE, "libnvx.so.1: cannot open shared object file: No such file or directory"),
        ("bin/start.sh", "cannot be executed: [Errno 2] No such file or directory"),
    ],
)  # fmt: skip
def test_program_that_is_a_finding(place: str, text: str) -> None:
    """What ends itself, meets a limit of ours, or is for another platform beside ours, is one."""
    result = weighed(starts=((place, text),))
    (finding,) = result.late_findings
    assert (result.outcome, finding.file) == ("pass", TOOL if place == PLACE else SCRIPT)
    assert not {"limited", "ended"}.intersection(finding.message.split(": "))


def test_library_of_the_environment() -> None:
    """What pip puts into ``lib`` is opened too."""
    name = "demo-1.0.data/data/lib/libmine.so"
    facts = wheel({MODULE: elf(), name: library()})
    seen = replace(PASS, loads=(("../../libmine.so", "OSError: libgone.so: cannot open"),))
    (finding,) = weigh_late(seen, facts, GLIBC, emulated=False).late_findings
    assert (finding.code, finding.file) == ("library-load", name)


def test_commands_and_programs_beyond_the_limits() -> None:
    """How many of each are not tried is one finding."""
    many = {f"demo-1.0.data/scripts/tool{number}": PROGRAM for number in range(25)}
    facts = replace(
        wheel({MODULE: elf(), **many}), commands=tuple(f"demo:main{n}" for n in range(21))
    )
    (finding,) = weigh_late(PASS, facts, GLIBC, emulated=False).late_findings
    assert (finding.code, finding.message) == (
        "not-tried",
        "Of its 21 commands the first 20 are tried. Of its 25 programs the first 20 are tried.",
    )


@pytest.mark.parametrize("number", [1, 11, 12, 13])
def test_disk_that_denies_execution(number: int) -> None:
    """A container that starts nothing says nothing of the wheel."""
    text = f"cannot be executed: [Errno {number}] denied"
    result = weighed(starts=((PLACE, text),), loads=((LIBRARY, OLD),))
    assert seen_as(result) == ("miss", "start", "infra:engine")
    assert "does not let programs start" in result.evidence


@pytest.mark.parametrize("text", [SEGV, SLOW])
def test_emulators_signal_decides_nothing(text: str) -> None:
    """An emulator does not run every program."""
    result = weighed(emulated=True, loads=((LIBRARY, text),), starts=((PLACE, text),))
    assert (result.outcome, len(result.late_findings)) == ("pass", 2)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("AttributeError: module 'demo.cli' has no attribute 'main'", ""),
        ("AttributeError: type object 'main' has no attribute 'run'", ""),
        ("ModuleNotFoundError: No module named 'demo.cli'", "no-extension"),
        ("ImportError: /s/demo/_inner.so: undefined symbol: nowhere", "undefined-symbol"),
        ("ModuleNotFoundError: No module named 'click'", None),
        ("AttributeError: 'NoneType' object has no attribute 'get'", None),
        ("RuntimeError: not here", None),
        (SEGV, None),
    ],
)
def test_command(text: str, cause: str | None) -> None:
    """A command whose object is not there fails the wheel; what else its module raises, not."""
    result = weighed(entries=((ENTRY, text),))
    if cause is None:
        assert (result.outcome, len(result.late_findings)) == ("pass", 1)
    else:
        assert seen_as(result) == ("start-failed", "start", cause)


def test_failed_import_gets_the_reason_of_a_library() -> None:
    """A package may say only that its library is not found, when it does not load."""
    failed = replace(
        PASS,
        outcome=Outcome.IMPORT_FAILED,
        stage=Stage.IMPORT,
        evidence="DemoError: libmine.so not found.",
        loads=((LIBRARY, OLD),),
    )
    result = weigh_late(failed, FACTS, GLIBC, emulated=False)
    assert seen_as(result) == ("import-failed", "import", "libc-too-old")
    assert result.evidence == f"DemoError: libmine.so not found. ({LIBRARY}: {OLD})"
    clear = replace(failed, evidence="OSError: libx.so.1: cannot open shared object file: gone")
    assert weigh_late(clear, FACTS, GLIBC, emulated=False).evidence == clear.evidence


def test_other_outcomes_stay() -> None:
    """What fails before counts alone."""
    failed = replace(PASS, outcome=Outcome.CALL_FAILED, loads=((LIBRARY, OLD),))
    assert weigh_late(failed, FACTS, MUSL, emulated=False) == failed
    assert weigh_late(replace(PASS, loads=((LIBRARY, OLD),)), None, GLIBC, emulated=False) == (
        replace(PASS, loads=((LIBRARY, OLD),))
    )


def test_an_allocator_that_refuses_the_page_size_keeps_a_program_from_starting() -> None:
    """Its message tells it from a program that started and was not content."""
    words = "<jemalloc>: Unsupported system page size; memory allocation of 5 bytes failed"
    result = weighed(emulated=True, starts=((PLACE, f"ended: killed by SIGABRT: {words}"),))
    assert seen_as(result) == ("start-failed", "start", "page-size")
