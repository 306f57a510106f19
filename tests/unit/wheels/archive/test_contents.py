"""The facts of a wheel."""

import contextlib
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wheel.wheelfile import WheelFile

from harness.core.errors import WheelError
from harness.wheels.archive import contents
from harness.wheels.archive.contents import WheelFacts, read_contents, read_wheel
from harness.wheels.archive.elf import ElfFacts, UnreadableElf
from harness.wheels.archive.zip_reader import Member
from tests.support.elves import golden
from tests.support.wheels import verify_record

MakeWheel = Callable[..., bytes]
FILENAME = "demo-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"
GOLDEN = golden("x86_64.so")
SUFFIX = "cpython-311-x86_64-linux-gnu.so"
FILES = {
    "demo/__init__.py": b"",
    f"demo/_inner.{SUFFIX}": GOLDEN,
    f"_demo.{SUFFIX}": GOLDEN,
    "demo.libs/libgolden-1234.so.1": GOLDEN,
    "demo/broken.so": b"\x7fELF\x02",
    "demo/data.bin": b"\x7fEL",
    "demo/generated.abi3.so": GOLDEN + b"\0_cffi_backend\0",
    "demo/looks_native.py": GOLDEN,
    "demo-1.0.data/platlib/extra/__init__.py": b"",
    "demo-1.0.data/scripts/demo": GOLDEN,
    "share/readme.txt": b"",
    "single.py": b"",
}
METADATA = """\
Metadata-Version: 2.1
Name: demo
Version: 1.0
Requires-Python: >=3.9
Requires-Dist: companion (==1.0)
Requires-Dist: typing-extensions>=4; python_version < "3.12"

A description with Name: nonsense
"""


def test_top_level_txt(make_wheel: MakeWheel) -> None:
    """Names that cannot be imported, and a file that is too large, are left out."""
    file = "demo-1.0.dist-info/top_level.txt"
    for text, names in (
        (b"demo\r\n_demo\na/b\n\n\xff", ("demo", "_demo")),
        (b"a " * (64 << 10), ()),
    ):
        facts = read_contents(FILENAME, io.BytesIO(make_wheel({**FILES, file: text})))
        assert facts.top_level == names


def test_facts(make_wheel: MakeWheel) -> None:
    """Metadata, members, native members by their bytes, and top-level modules are read."""
    facts = read_contents(FILENAME, io.BytesIO(make_wheel(FILES, metadata=METADATA)))
    assert facts.name.release == "demo 1.0"
    assert (facts.pure, facts.generator, facts.requires_python) == (False, "by hand", ">=3.9")
    assert facts.requires_dist == (
        "companion (==1.0)",
        'typing-extensions>=4; python_version < "3.12"',
    )
    assert facts.top_level == ()
    assert Member(name="demo/__init__.py", size=0) in facts.members
    assert len(facts.members) == len(FILES) + 3
    assert facts.modules == ("_demo", "demo", "extra", "single")
    natives = {native.name: native.elf for native in facts.native}
    assert set(natives) == {
        f"demo/_inner.{SUFFIX}",
        f"_demo.{SUFFIX}",
        "demo.libs/libgolden-1234.so.1",
        "demo/broken.so",
        "demo/generated.abi3.so",
        "demo-1.0.data/scripts/demo",
    }
    imports = {native.name: native.imports for native in facts.native if native.imports}
    assert imports == {"demo/generated.abi3.so": ("_cffi_backend",)}
    inner = natives[f"demo/_inner.{SUFFIX}"]
    assert isinstance(inner, ElfFacts)
    assert inner.soname == "libgolden.so.1"
    assert isinstance(natives["demo/broken.so"], UnreadableElf)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xcf\xfa\xed\xfe\x07\0\0\1", "it is a file of macOS (Mach-O)"),
        (b"\xca\xfe\xba\xbe\0\0\0\2", "it is a file of macOS (Mach-O)"),
        (b"MZ\x90\0", "it is a file of Windows (PE)"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:",
            "it is a pointer of Git LFS, and not the file",
        ),
        (b"INPUT(-lmine)", "it does not begin with the ELF magic"),
        (b"", "it is empty"),
    ],
)
def test_file_named_like_a_library(make_wheel: MakeWheel, data: bytes, reason: str) -> None:
    """A loader opens it by its name and refuses it; Python here looks for no name of macOS."""
    names = ("demo/lib/libmine.so.1", "demo/_core.abi3.so", f"demo/_inner.{SUFFIX}")
    others = ("demo/_inner.cpython-311-darwin.so", "demo/table.bin", "demo/libmine.so.txt")
    facts = read_contents(FILENAME, io.BytesIO(make_wheel(dict.fromkeys((*names, *others), data))))
    assert {native.name: native.elf for native in facts.native} == dict.fromkeys(
        names, UnreadableElf(reason=reason, foreign=True)
    )


@pytest.mark.parametrize(
    ("text", "abi"),
    [
        (b"module compiled against API version 0x%x but this version of numpy is 0x%x", 1),
        (b"module was compiled against NumPy C-API version 0x%x (NumPy 1.23)", 2),
        (b"module compiled against something else", 0),
    ],
)
def test_version_of_the_array_api(make_wheel: MakeWheel, text: bytes, abi: int) -> None:
    """The words of ``import_array`` are in the headers that a module is compiled with.

    Modules that Cython did not generate need not call it in their init function.
    """
    for generator, found in ((b"cython_runtime", abi), (b"pybind11", 0)):
        data = make_wheel({"demo/x.abi3.so": GOLDEN + generator + text})
        (native,) = read_contents(FILENAME, io.BytesIO(data)).native
        assert native.array_abi == found


def test_commands(make_wheel: MakeWheel) -> None:
    """Console and GUI scripts name what they call; one of an extra, and a file too large, not."""
    file = "demo-1.0.dist-info/entry_points.txt"
    text = b"""[console_scripts]
demo = demo.cli:main
 spaced=demo.cli : Tool.run
of-extra = demo.web:main [web]
# demo = demo.old:main
broken
[demo.plugins]
one = demo.one:plugin

[gui_scripts]
window = demo.window:main
"""
    for data, commands in (
        (text, ("demo.cli:main", "demo.cli:Tool.run", "demo.window:main")),
        (b"[console_scripts]\n" + b"a = b:c\n" * (64 << 10), ()),
    ):
        facts = read_contents(FILENAME, io.BytesIO(make_wheel({**FILES, file: data})))
        assert facts.commands == commands


def test_bytecode_without_source(make_wheel: MakeWheel) -> None:
    """Bytecode in a cache folder or beside its source is left out, and what is none."""
    head = (3439).to_bytes(2, "little") + b"\r\n"
    files = {
        "demo/__init__.pyc": head + bytes(12),
        "demo/both.py": b"",
        "demo/both.pyc": head,
        "demo/__pycache__/old.cpython-310.pyc": head,
        "demo/short.pyc": head[:3],
        "demo/text.pyc": b"text",
    }
    facts = read_contents(FILENAME, io.BytesIO(make_wheel(files)))
    assert facts.bytecode == (("demo/__init__.pyc", 3439),)


def test_scripts(make_wheel: MakeWheel) -> None:
    """Those for an interpreter other than Python are reported; an installer writes Python's."""
    scripts = {
        "a": b"#!/bin/sh\nexit 1\n",
        "b": b"#!python\nprint(1)\n",
        "c": b"#!/usr/bin/env python3\n",
        "d": b"no script",
        "e": b"#!/usr/bin/env perl\n",
    }
    members = {f"demo-1.0.data/scripts/{name}": text for name, text in scripts.items()}
    facts = read_contents(FILENAME, io.BytesIO(make_wheel({**FILES, **members})))
    assert [name[-1] for name in facts.scripts] == ["a", "e"]


def test_libraries_that_a_native_member_names(make_wheel: MakeWheel) -> None:
    """The file names of the wheel's own libraries, but for its own, wherever they are in it."""
    held = GOLDEN + b"\0libplug.so\0x/libother.so.1\0libaway.so\0a.so\0.so"
    files = {"a.so": held, "b/libplug.so": GOLDEN, "libother.so.1": GOLDEN}
    facts = read_contents(FILENAME, io.BytesIO(make_wheel(files)))
    names = {native.name: native.names for native in facts.native}
    assert names["a.so"] == ("libother.so.1", "libplug.so")


def test_executable_members(tmp_path: Path) -> None:
    """A member's mode in the archive decides, as for pip."""
    path = tmp_path / FILENAME
    with WheelFile(path, "w") as wheel:
        for name, mode in (("demo/a", 0o100755), ("demo/b", 0o100644), ("demo/c", 0o755)):
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            wheel.writestr(info, GOLDEN)
    assert [native.executable for native in read_wheel(path).native] == [True, False, False]


def test_native_member_too_large(make_wheel: MakeWheel, monkeypatch: pytest.MonkeyPatch) -> None:
    """A native member above the limit is listed without facts."""
    monkeypatch.setattr(contents, "MOST_NATIVE", 100)
    facts = read_contents(FILENAME, io.BytesIO(make_wheel({"demo.so": GOLDEN})))
    assert [native.elf for native in facts.native] == [
        UnreadableElf(reason=f"it has {len(GOLDEN)} bytes; the limit is 100")
    ]


@pytest.mark.parametrize(
    ("limit", "most", "what"),
    [
        ("MOST_NATIVE_TOGETHER", len(GOLDEN), "bytes"),
        ("MOST_SYMBOLS_TOGETHER", 5, "symbols"),
    ],
)
def test_native_members_are_limited_together(
    make_wheel: MakeWheel, monkeypatch: pytest.MonkeyPatch, limit: str, most: int, what: str
) -> None:
    """Those beyond the limit are unreadable, with the reason."""
    monkeypatch.setattr(contents, limit, most)
    facts = read_contents(FILENAME, io.BytesIO(make_wheel({"a.so": GOLDEN, "b.so": GOLDEN})))
    reason = f"the wheel's native files have more than {most} {what} together"
    assert facts.native[-1].elf == UnreadableElf(reason=reason)


def test_no_file(tmp_path: Path) -> None:
    """A missing path or a directory is an error with the reason."""
    missing = tmp_path / FILENAME
    with pytest.raises(WheelError) as caught:
        read_wheel(missing)
    assert str(caught.value) == (
        f"{missing}: No such file or directory; give the path of a wheel file"
    )
    missing.mkdir()
    os.mkfifo(pipe := missing / "pipe-1.0-py3-none-any.whl")
    for path in (missing, pipe):
        with pytest.raises(WheelError, match="not a regular file"):
            read_wheel(path)


names = st.text("abcdefghijklmnopqrstuvwxyz_0123456789", min_size=1, max_size=12)
trees = st.dictionaries(
    st.tuples(names, names).map(lambda parts: f"{parts[0]}/{parts[1]}.py"),
    st.binary(max_size=200),
    max_size=8,
)


@given(files=trees, native=st.booleans())
@settings(max_examples=60)
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], native: bool
) -> None:
    """A wheel written by the wheel package reads back: members, sizes, digests, modules."""
    path = tmp_path_factory.mktemp("wheel") / FILENAME
    tree = {**files, **({f"ext.{SUFFIX}": GOLDEN} if native else {})}
    with WheelFile(path, "w") as wheel:
        for name, data in tree.items():
            wheel.writestr(name, data)
        wheel.writestr("demo-1.0.dist-info/METADATA", "Name: demo\nVersion: 1.0\n")
        wheel.writestr(
            "demo-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp311-cp311-manylinux_2_17_x86_64\n",
        )
    facts = read_wheel(path)
    verify_record(path)
    sizes = {member.name: member.size for member in facts.members}
    assert {name: sizes[name] for name in tree} == {name: len(data) for name, data in tree.items()}
    assert len(facts.native) == native
    tops = {name.split("/")[0] for name in files}
    assert set(facts.modules) - {"ext"} == {top for top in tops if top.isidentifier()} - {"ext"}


@given(
    changes=st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=8),
    cut=st.integers(0, 40),
)
@settings(max_examples=400)
def test_any_damage(changes: list[tuple[int, int]], cut: int) -> None:
    """With any bytes changed or missing the result is facts or a WheelError."""
    data = bytearray(SOUND[: len(SOUND) - cut])
    for at, value in changes:
        data[at % len(data)] = value
    with contextlib.suppress(WheelError):
        assert isinstance(read_contents(FILENAME, io.BytesIO(bytes(data))), WheelFacts)


def _undamaged() -> bytes:
    stream = io.BytesIO()
    info = "demo-1.0.dist-info"
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("demo.py", b"")
        archive.writestr("demo.so", GOLDEN)
        archive.writestr(f"{info}/METADATA", "Name: demo\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp311-cp311-manylinux_2_17_x86_64\n",
        )
        lines = [f"{name},,\n" for name in (*archive.namelist(), f"{info}/RECORD")]
        archive.writestr(f"{info}/RECORD", "".join(lines))
    return stream.getvalue()


SOUND = _undamaged()


def test_undamaged_wheel_reads() -> None:
    """The wheel that the damage test starts from is well-formed."""
    assert read_contents(FILENAME, io.BytesIO(SOUND)).modules == ("demo",)
