"""Libraries that a wheel opens itself, and its programs, on real targets of both loaders.

Natively, and programs under emulation too. One run has hostile wheels beside good ones.
"""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from harness.core.causes import Cause
from harness.images.debian_root import native_arch
from tests.support.commands import run_command, wheelgrid
from tests.support.elves import compiled, program
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.integration

GLIBC, MUSL = "debian-12", "python-3.11-alpine3.18"
HERE = native_arch().name
AT_LOAD = "__attribute__((constructor)) void at_load(void) "
LIBRARIES = {
    "fine": "int answer(void) { return 42; }",
    "hangs": AT_LOAD + '{ for (;;) __asm__(""); }',
    "forks": "int fork(void); " + AT_LOAD + "{ fork(); }",
    "crashes": AT_LOAD + "{ *(volatile int *)0 = 1; }",
    "exits": "void _exit(int); " + AT_LOAD + "{ _exit(77); }",
    "prints": "long write(int, const void *, long); static char text[1 << 16]; "
    + AT_LOAD
    + "{ for (int i = 0; i < 1600; i++) write(1, text, sizeof text); }",
    "aborts": "void abort(void); long write(int, const void *, long); "
    + AT_LOAD
    + '{ write(2, "no licence\\n", 11); abort(); }',
    "kills": "int kill(int, int); " + AT_LOAD + "{ kill(-1, 9); }",
    "lacks": "int nowhere(void); int ask(void) { return nowhere(); }",
}
NAMES = "import ctypes\ndef late(): return ctypes.CDLL('libmine.so')"
PROGRAMS = {
    "ends": "int main(void) { return 3; }",
    "reads": "#include <stdio.h>\nint main(void) { while (getchar() != EOF) ; return 0; }",
    "waits": "#include <unistd.h>\nint main(void) { for (;;) pause(); }",
    "prints": '#include <stdio.h>\nint main(void) { for (;;) puts("more and more"); }',
    "daemonizes": "#include <unistd.h>\nint main(void) { return daemon(1, 0) ? 1 : sleep(300); }",
    "segfaults": "int main(void) { *(volatile int *)0 = 1; return 0; }",
}


def of_library(folder: Path, name: str, code: str = NAMES) -> Path:
    data = compiled(LIBRARIES[name], folder, machine=HERE)
    files = {f"{name}_lib/libmine.so": data, f"{name}_lib/__init__.py": code.encode()}
    return make_wheel(folder, name, "", tag=f"py3-none-linux_{HERE}", files=files)


def of_program(folder: Path, name: str, file: Path, arch: str = HERE) -> Path:
    files = {f"{name}-1.0.data/scripts/{name}": file.read_bytes()}
    return make_wheel(folder, name, None, tag=f"py3-none-linux_{arch}", files=files)


def of_packaged_program(folder: Path, file: Path) -> Path:
    """Write a wheel with a program in its package."""
    path = make_wheel(folder, "packaged", "", tag=f"py3-none-linux_{HERE}")
    info = zipfile.ZipInfo("packaged_data/bin/tool")
    info.external_attr = 0o100755 << 16
    with zipfile.ZipFile(path, "a") as wheel:
        wheel.writestr(info, file.read_bytes())
    return path


def of_command(folder: Path, name: str, code: str) -> Path:
    entry = {f"{name}-1.0.dist-info/entry_points.txt": f"[console_scripts]\nx = {name}:main\n"}
    return make_wheel(folder, name, code, files=entry)


def checked(
    wheels: list[Path], folder: Path, *targets: str
) -> dict[tuple[str, str], dict[str, Any]]:
    """Check the wheels; return the cells of ``run.json`` by target and project."""
    words = [word for target in targets for word in ("--target", target)]
    ended = wheelgrid(
        "check", *wheels, "--images", "local", *words, "--store", folder / "store.db",
        "--out", folder, timeout=600,
    )  # fmt: skip
    assert ended.status in (0, 1), ended.said
    run = json.loads((folder / "run.json").read_bytes())
    return {(cell["target"].partition("/")[0], cell["subject"].removesuffix("-1.0")): cell
            for cell in run["cells"]}  # fmt: skip


def seen(cells: dict[tuple[str, str], dict[str, Any]]) -> dict[tuple[str, str], tuple[str, str]]:
    return {k: (c["observation"]["outcome"], c["observation"]["cause"]) for k, c in cells.items()}


PASS = ("pass", "")


def test_libraries(tmp_path: Path) -> None:
    """One that does not load is a failure if the code names it, and one line whatever it does."""
    wheels = [of_library(tmp_path, name) for name in LIBRARIES]
    unnamed = make_wheel(
        tmp_path, "unnamed", "", tag=f"py3-none-linux_{HERE}",
        files={"plugins/libx.so": compiled(LIBRARIES["lacks"], tmp_path, machine=HERE)},
    )  # fmt: skip
    cells = checked([*wheels, unnamed], tmp_path / "grid", f"{GLIBC}/{HERE}", f"{MUSL}/{HERE}")
    wanted = {
        "fine": PASS,
        "hangs": ("load-failed", Cause.TIMEOUT),
        "forks": PASS,
        "crashes": ("load-failed", Cause.SIGNAL),
        "exits": ("load-failed", ""),
        "prints": PASS,
        "aborts": ("load-failed", Cause.SIGNAL),
        "kills": ("crashed", Cause.SIGNAL),
        "lacks": ("load-failed", Cause.UNDEFINED_SYMBOL),
        "unnamed": PASS,
    }
    assert seen(cells) == {(t, name): each for t in (GLIBC, MUSL) for name, each in wanted.items()}
    assert {cell["agreement"] for cell in cells.values()} <= {"agrees", "limit"}
    assert cells[GLIBC, "lacks"]["agreement"] == "agrees"
    for target in (GLIBC, MUSL):
        (finding,) = cells[target, "unnamed"]["observation"]["findings"]
        assert (finding["code"], finding["file"]) == ("library-load", "plugins/libx.so")
        assert cells[target, "aborts"]["observation"]["evidence"] == (
            "aborts_lib/libmine.so: killed by SIGABRT: no licence"
        )
        assert cells[target, "hangs"]["observation"]["evidence"] == (
            "hangs_lib/libmine.so: it did not return within 20 s"
        )


def test_programs(tmp_path: Path) -> None:
    """A program is judged by whether it starts: static ones on both, others on their libc."""
    wheels = [
        of_program(tmp_path, name, program(code, tmp_path / name, "-static", libc="musl",
                                           machine=HERE))
        for name, code in PROGRAMS.items()
    ]  # fmt: skip
    dynamic = program(PROGRAMS["ends"], tmp_path / "dynamic.out", machine=HERE)
    script = make_wheel(
        tmp_path, "script", "",
        files={"script-1.0.data/scripts/run": "#!/usr/bin/perl-of-nobody\n"},
    )  # fmt: skip
    wheels += [
        of_packaged_program(tmp_path, dynamic),
        script,
        of_command(tmp_path, "callable", "def main(): raise SystemExit(9)"),
        of_command(tmp_path, "uncallable", ""),
    ]
    cells = checked(wheels, tmp_path / "grid", f"{GLIBC}/{HERE}", f"{MUSL}/{HERE}")
    common = dict.fromkeys((*PROGRAMS, "script", "callable", "packaged"), PASS) | {
        "segfaults": ("start-failed", Cause.SIGNAL),
        "uncallable": ("start-failed", ""),
    }
    on_musl = {"packaged": ("start-failed", Cause.LIBC_FAMILY)}
    wanted = {GLIBC: common, MUSL: common | on_musl}
    assert seen(cells) == {
        (t, name): each for t, rows in wanted.items() for name, each in rows.items()
    }
    assert {cell["agreement"] for cell in cells.values()} <= {"agrees", "limit"}
    assert cells[MUSL, "packaged"]["agreement"] == "agrees"
    (finding,) = cells[GLIBC, "script"]["observation"]["findings"]
    assert finding["code"] == "program-start"


def test_program_under_emulation(tmp_path: Path) -> None:
    """Its loader and its machine are seen before the kernel's emulator takes it over."""
    ends = PROGRAMS["ends"]
    wheels = [
        of_program(tmp_path, name, program(ends, tmp_path / f"{name}.out", machine=machine,
                                           libc=libc), "aarch64")
        for name, machine, libc in (
            ("native", "aarch64", "gnu.2.17"),
            ("other", "aarch64", "musl"),
            ("foreign", "s390x", "gnu.2.17"),
        )
    ]  # fmt: skip
    program(ends, tmp_path / "x.out", "-dynamic", machine="aarch64", libc="musl")
    wheels[1] = of_program(tmp_path, "other", tmp_path / "x.out", "aarch64")
    cells = checked(wheels, tmp_path / "grid", f"{GLIBC}/aarch64")
    assert seen(cells) == {
        (GLIBC, "native"): PASS,
        (GLIBC, "other"): ("start-failed", Cause.LIBC_FAMILY),
        (GLIBC, "foreign"): ("start-failed", Cause.WRONG_MACHINE),
    }
    assert {cell["agreement"] for cell in cells.values()} == {"agrees"}


def test_repro_opens_and_starts(tmp_path: Path) -> None:
    """The line ends as the cell does, with the loader's own words."""
    library = of_library(tmp_path, "lacks")
    crashes = program(PROGRAMS["segfaults"], tmp_path / "x.out", machine=HERE)
    wheels = [library, of_program(tmp_path, "segfaults", crashes),
              of_program(tmp_path, "ends", program(PROGRAMS["ends"], tmp_path / "y.out",
                                                   machine=HERE)),
              of_command(tmp_path, "uncallable", "")]  # fmt: skip
    checked(wheels, tmp_path / "grid", f"{GLIBC}/{HERE}")
    ended = {}
    for name in ("lacks", "segfaults", "ends", "uncallable"):
        printed = wheelgrid(
            "repro", f"{GLIBC}/{HERE}/{name}-1.0", "--run", tmp_path / "grid" / "run.json",
            "--images", "local",
        )  # fmt: skip
        ended[name] = run_command("sh", "-c", printed.out)
    assert {name: each.status for name, each in ended.items()} == {
        "lacks": 1, "segfaults": 1, "ends": 0, "uncallable": 1
    }  # fmt: skip
    assert "libmine.so: undefined symbol: nowhere" in ended["lacks"].err
    assert "module 'uncallable' has no attribute 'main'" in ended["uncallable"].err


def test_data_of_the_environment(tmp_path: Path) -> None:
    """What pip puts into ``lib`` beside site-packages is found there, a dependency's too.

    Natively, on musl, where the dependency is installed without the target's pip, and in `repro`.
    """
    reads = "import pathlib\nassert (pathlib.Path(__file__).parents[2] / '{0}').read_text() == 'x'"
    links = tmp_path / "links"
    links.mkdir()
    make_wheel(links, "brings", "", files={"brings-1.0.data/data/lib/theirs.txt": "x"})
    code = "\n".join(map(reads.format, ("ours/a.txt", "theirs.txt")))
    ours = {"finds-1.0.data/data/lib/ours/a.txt": "x"}
    wheel = make_wheel(tmp_path, "finds", code, files=ours, requires=("brings",))
    places = (f"{GLIBC}/{HERE}", f"{MUSL}/{HERE}", f"{GLIBC}/s390x")
    targets = [word for place in places for word in ("--target", place)]
    ended = wheelgrid(
        "check", wheel, "--find-links", links, "--images", "local", *targets,
        "--store", tmp_path / "runs.db", "--out", tmp_path / "grid", timeout=600,
    )  # fmt: skip
    assert ended.status == 0, ended.said
    assert "3 of 3 cells as expected, 3 of 3 as predicted" in ended.said
    printed = wheelgrid(
        "repro", f"{GLIBC}/{HERE}/finds-1.0", "--run", tmp_path / "grid" / "run.json",
        "--images", "local",
    )  # fmt: skip
    repeated = run_command("sh", "-c", printed.out)
    assert repeated.status == 0, repeated.said
