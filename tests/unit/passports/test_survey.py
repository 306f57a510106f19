"""Surveys of images."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.arches import Arch
from harness.core.observations import ImageRef
from harness.core.passport import ExecStack, exec_stack_of
from harness.core.targets import ImageWay
from harness.host.cache import Cache
from harness.passports.survey import Surveyor
from tests.support.elves import golden
from tests.support.forecasts import GLIBC
from tests.support.image_engine import ImageEngine
from tests.support.rootfs import write_rootfs
from tests.support.targets import debian_12

BARE = replace(GLIBC, loader="", linked=(), exports="", libraries=())
ENTRIES: dict[str, bytes | str] = {
    "usr/bin/python3": golden("x86_64-glibc.exe"),
    "usr/lib/libdemo.so.1": golden("x86_64-versions.so"),
}


class FakeEngine(ImageEngine):
    """An engine whose every image has the same files."""

    def __init__(self, entries: dict[str, bytes | str]) -> None:
        super().__init__()
        self.entries = entries

    def export_image(self, image: str, arch: Arch, path: Path) -> None:
        self.asked.append(f"{image} {arch.name}")
        write_rootfs(path, self.entries)


def image(image_id: str) -> ImageRef:
    return ImageRef(id=image_id, way=ImageWay.ASSEMBLED, origin="tests")


@pytest.mark.parametrize(
    ("way", "lacks"), [(ImageWay.ASSEMBLED, ("tkinter",)), (ImageWay.REPLICA, ())]
)
def test_what_a_replica_lacks_its_original_may_have(
    way: ImageWay, lacks: tuple[str, ...], tmp_path: Path
) -> None:
    surveyor = Surveyor(FakeEngine(ENTRIES), Cache(tmp_path), print)
    bare, made = replace(BARE, lacks=("tkinter",)), replace(image("sha256:1"), way=way)
    assert surveyor.complete(bare, debian_12(), made).lacks == lacks


def test_a_passport_is_completed(tmp_path: Path) -> None:
    """The loader, its libraries and what it does with executable stacks are added."""
    surveyor = Surveyor(FakeEngine(ENTRIES), Cache(tmp_path), print)
    seen = surveyor.complete(BARE, debian_12(), image("sha256:1"))
    assert seen.loader == "/lib64/ld-linux-x86-64.so.2"
    assert [library.path for library in seen.libraries] == ["/usr/lib/libdemo.so.1"]
    assert "answer@DEMO_2" in surveyor.symbols(seen.libraries[0].symbols)
    assert "PyAnswer" in surveyor.symbols(seen.exports)
    assert seen.exec_stack is ExecStack.GRANTED
    assert seen.tags == BARE.tags


def test_image_is_surveyed_once(tmp_path: Path) -> None:
    """Another process finds the cached survey with its symbols."""
    engine = FakeEngine(ENTRIES)
    first = Surveyor(engine, Cache(tmp_path), print)
    seen = first.complete(BARE, debian_12(), image("sha256:1"))
    second = Surveyor(engine, Cache(tmp_path), print)
    assert second.complete(BARE, debian_12(), image("sha256:1")) == seen
    assert second.symbols(seen.exports) == first.symbols(seen.exports)
    assert engine.asked == ["sha256:1 x86_64"]
    second.complete(BARE, debian_12(), image("sha256:2"))
    assert engine.asked == ["sha256:1 x86_64", "sha256:2 x86_64"]


def test_a_script_has_no_libraries(tmp_path: Path) -> None:
    """If the interpreter is no ELF file, no libraries are recorded."""
    engine = FakeEngine({"usr/bin/python3": b"#!/bin/sh\n"})
    seen = Surveyor(engine, Cache(tmp_path), print).complete(BARE, debian_12(), image("sha256:1"))
    assert seen == replace(BARE, exec_stack=ExecStack.GRANTED)


@pytest.mark.parametrize(
    ("libc", "exec_stack"),
    [
        ("glibc 2.40", ExecStack.GRANTED),
        ("glibc 2.41", ExecStack.REFUSED),
        ("glibc 3.0", ExecStack.REFUSED),
        ("glibc", ExecStack.UNKNOWN),
        ("musl 1.2.5", ExecStack.IGNORED),
        ("", ExecStack.UNKNOWN),
    ],
)
def test_executable_stacks(libc: str, exec_stack: ExecStack) -> None:
    """Glibc grants them up to 2.40; musl reads only their size."""
    assert exec_stack_of(libc) is exec_stack
