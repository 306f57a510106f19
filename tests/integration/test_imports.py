"""What is imported of a wheel, and which cause is seen, on real targets of both loaders.

Natively and under emulation. The extension modules are machine code for x86_64: elsewhere both
loaders refuse them as such.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.core.causes import Cause
from harness.images.debian_root import native_arch
from tests.support.commands import wheelgrid
from tests.support.elves import compiled, with_executable_stack
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.integration

GLIBC, MUSL = "debian-12", "python-3.11-alpine3.18"
INIT = "__thread int own; void *PyInit_{}(void) {{ own++; return 0; }}"
SHARED = "from multiprocessing.shared_memory import SharedMemory as S; S('mine', True, 9)"
HELD = {
    "unloadable": "_inner.so",
    "misnamed": "_inner.cpython-39-x86_64-linux-gnu.so",
    "helper": "_inner.so",
    "local": "_inner.so",
}
"""Project → the ELF file in its package. It needs a library that is missing; has the name of
another Python; is no module, since it exports another one's function; has a thread-local variable
of the initial-exec model."""


def compile_modules(folder: Path) -> dict[str, bytes]:
    """Return the ELF files by project."""
    away = folder / "libnowhere.so.1"
    away.write_bytes(compiled("int away(void) { return 1; }", folder, f"-Wl,-soname,{away.name}"))
    calls = "extern int away(void);" + INIT.format("_inner").replace("own++", "own = away()")
    plain = compiled(INIT.format("_inner"), folder)
    return {
        "unloadable": compiled(calls, folder, str(away)),
        "misnamed": plain,
        "helper": compiled(INIT.format("other"), folder),
        "local": compiled(INIT.format("_inner"), folder, "-ftls-model=initial-exec"),
    }


def make_wheels(folder: Path) -> list[Path]:
    """Write a wheel of every kind."""
    loose = {"room/a.py": "import nowhere_at_all", "room/b.py": ""}
    wheels = [
        make_wheel(folder, "undeclared", "import nowhere_at_all"),
        make_wheel(folder, "loose", "", files=loose),
        make_wheel(folder, "stray", "", files={"tests/__init__.py": "raise ValueError"}),
        make_wheel(folder, "spaced", "", files={"ns/one/__init__.py": "", "ns/two/x.py": ""}),
        make_wheel(folder, "raising", "raise ValueError('on purpose')"),
        make_wheel(folder, "empty", None),
        make_wheel(folder, "pooled", "import multiprocessing.pool as p; p.ThreadPool(1)"),
        make_wheel(folder, "shared", SHARED),
        make_wheel(folder, "online", "import urllib.request as r; r.urlopen('http://example.org')"),
        make_wheel(folder, "writing", "open('/var/log/demo.log', 'w')"),
        make_wheel(folder, "pinned", "import os; os.sched_setaffinity(os.getpid(), {0})"),
    ]
    for name, data in compile_modules(folder).items():
        files = {f"{name}_pack/__init__.py": b"", f"{name}_pack/{HELD[name]}": data}
        wheels.append(make_wheel(folder, name, "", tag="py3-none-linux_x86_64", files=files))
    return wheels


COMMON = {
    "undeclared": ("import-failed", Cause.MISSING_DEPENDENCY),
    "loose": ("pass", ""),
    "stray": ("pass", ""),
    "spaced": ("pass", ""),
    "raising": ("import-failed", ""),
    "empty": ("import-failed", Cause.NO_MODULE),
    "pooled": ("miss", Cause.SANDBOX),
    "shared": ("miss", Cause.SANDBOX),
    "online": ("miss", Cause.SANDBOX),
    "writing": ("miss", Cause.SANDBOX),
    "pinned": ("miss", Cause.SANDBOX),
}
ON_X86_64 = {
    "unloadable": ("import-failed", Cause.MISSING_LIBRARY),
    "misnamed": ("import-failed", Cause.SUFFIX_MISMATCH),
    "helper": ("pass", ""),
    "local": ("pass", ""),
}
ON_MUSL = {"local": ("import-failed", Cause.STATIC_TLS)}
"""On glibc its init function fails in Python, which is a finding."""


def checked(wheels: list[Path], arch: str, folder: Path) -> dict[tuple[str, str], Any]:
    """Check the wheels on both targets; return the cells of ``run.json``."""
    ended = wheelgrid(
        "check", *wheels, "--images", "local", "--target", GLIBC, "--target", MUSL,
        "--arch", arch, "--store", folder / "store.db", "--out", folder, timeout=600,
    )  # fmt: skip
    assert ended.status == 1, ended.said
    assert "imported of spaced-1.0: ns.one, spaced, ns.two.x" in ended.said
    run = json.loads((folder / "run.json").read_bytes())
    return {(cell["target"].partition("/")[0], cell["subject"].removesuffix("-1.0")): cell
            for cell in run["cells"]}  # fmt: skip


@pytest.mark.parametrize("arch", [native_arch().name, "s390x"])
def test_imports_and_causes(tmp_path: Path, arch: str) -> None:
    """Outcome and cause are right on both libcs, and as predicted or beyond a known limit."""
    cells = checked(make_wheels(tmp_path), arch, tmp_path / "grid")
    wanted = {GLIBC: COMMON, MUSL: COMMON}
    if arch == "x86_64":
        wanted = {GLIBC: COMMON | ON_X86_64, MUSL: COMMON | ON_X86_64 | ON_MUSL}
    seen = {key: (c["observation"]["outcome"], c["observation"]["cause"])
            for key, c in cells.items()}  # fmt: skip
    assert seen == {(t, name): each for t, rows in wanted.items() for name, each in rows.items()}
    assert {c["agreement"] for c in cells.values()} == {"agrees", "limit", "unknown"}
    for target in (GLIBC, MUSL):
        (finding,) = cells[target, "loose"]["observation"]["findings"]
        assert (finding["code"], finding["file"]) == ("submodule-import", "room.a")
        assert "No module named 'nowhere_at_all'" in finding["message"]
        assert cells[target, "stray"]["observation"]["imports"] == ["stray"]


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_executable_stack(tmp_path: Path, arch: str) -> None:
    """From 2.41 on glibc refuses it to a library that is loaded late, as in Debian 13."""
    module = with_executable_stack(compiled(INIT.format("_inner"), tmp_path, machine=arch))
    files = {"pack/__init__.py": b"", "pack/_inner.so": module}
    wheel = make_wheel(tmp_path, "stacked", "", tag=f"py3-none-linux_{arch}", files=files)
    ended = wheelgrid(
        "check", wheel, "--images", "local", "--target", "debian-1[23]", "--arch", arch,
        "--strict-prediction", "--store", tmp_path / "store.db", "--out", tmp_path / "grid",
        timeout=300,
    )  # fmt: skip
    cells = json.loads((tmp_path / "grid" / "run.json").read_bytes())["cells"]
    seen = {c["target"]: (c["observation"]["outcome"], c["observation"]["cause"]) for c in cells}
    assert seen == {
        f"debian-12/{arch}": ("pass", ""),
        f"debian-13/{arch}": ("import-failed", Cause.EXEC_STACK),
    }
    assert "--strict-prediction" not in ended.said


def test_machine_code_for_another_machine(tmp_path: Path) -> None:
    """Glibc says that it cannot open the file, which is there; musl refuses its relocations."""
    files = {"pack/__init__.py": b"", "pack/_inner.so": compiled(INIT.format("_inner"), tmp_path)}
    wheel = make_wheel(tmp_path, "foreign", "", files=files)
    ended = wheelgrid(
        "check", wheel, "--images", "local", "--target", GLIBC, "--arch", "s390x",
        "--strict-prediction", "--store", tmp_path / "store.db", "--out", tmp_path / "grid",
        timeout=300,
    )  # fmt: skip
    (cell,) = json.loads((tmp_path / "grid" / "run.json").read_bytes())["cells"]
    assert ended.status == 1, ended.said
    assert (cell["observation"]["cause"], cell["agreement"]) == (Cause.WRONG_MACHINE, "agrees")
    assert "cannot open shared object file" in cell["observation"]["evidence"]
    assert "--strict-prediction" not in ended.said
