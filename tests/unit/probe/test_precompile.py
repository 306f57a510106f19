"""Bytecode from the native target, with the real agent in a local process."""

import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from harness.core.arches import find_arch
from harness.core.errors import ImageError
from harness.core.subjects import WheelRef
from harness.core.targets import Target
from harness.host.cache import Cache, file_sha256
from harness.images.source import ImageStorage
from harness.probe.agent import MODULES
from harness.probe.native_installer import NativeInstaller
from harness.probe.precompile import KIND, WORTH_IT, Precompiler
from harness.probe.session import open_session
from tests.support.local_engine import LocalEngine
from tests.support.local_prober import THIS_MACHINE
from tests.support.wheels import make_wheel

LONG = "answer = 42\n" + "# words\n" * (WORTH_IT // 8)
FOREIGN = replace(THIS_MACHINE, arch_name=find_arch("s390x").name)


class Images:
    """The image of the native target; the engine has it if ``there``."""

    def __init__(self, *, there: bool) -> None:
        self._there = there

    def uses(self, target: Target) -> tuple[ImageStorage, ...]:
        assert target == THIS_MACHINE
        return (ImageStorage(image="", entries=frozenset()),) * (not self._there) or (
            ImageStorage(image="image", entries=frozenset()),
        )


@pytest.fixture
def python() -> str:
    """Return the version of the interpreter that the local engine starts."""
    with open_session(LocalEngine(), "image", THIS_MACHINE) as session:
        return session.start(warm=False).python


@contextmanager
def _precompiler(
    cache: Cache, engine: LocalEngine, *, there: bool = True, seconds: float = 60
) -> Iterator[Precompiler]:
    with closing(
        NativeInstaller(engine, Images(there=there), [THIS_MACHINE, FOREIGN])
    ) as installer:
        yield Precompiler(installer, cache, seconds=seconds)
    assert all(channel.process.poll() is not None for channel in engine.opened)


def _wheels(
    folder: Path, code: str = LONG, tag: str = "py3-none-any", **files: str
) -> tuple[WheelRef, ...]:
    path = make_wheel(folder, "good", code, tag=tag, files=files)
    sha256 = file_sha256(path)
    return (WheelRef(filename=path.name, sha256=sha256, size=1, path=str(path)),)


def test_native_target_compiles_once(tmp_path: Path, cache: Cache, python: str) -> None:
    """The sources of a wheel are compiled once and cached."""
    engine = LocalEngine()
    for _ in range(2):
        with _precompiler(cache, engine) as precompiler:
            bytecode = precompiler.bytecode(FOREIGN, python, _wheels(tmp_path))
        (name,) = zipfile.ZipFile(BytesIO(bytecode)).namelist()
        assert name.startswith("__pycache__/good.")
    assert len(engine.opened) == 1


def test_compilation_past_its_limit_is_not_cached(
    tmp_path: Path, cache: Cache, python: str
) -> None:
    """The target compiles instead; another run tries again."""
    slow = _wheels(tmp_path, f"answer = [{'1 + 1, ' * 100_000}]")
    with _precompiler(cache, LocalEngine(), seconds=0) as precompiler:
        assert precompiler.bytecode(FOREIGN, python, slow) == b""
    assert cache.entries(KIND) == ()


def test_wheels_with_the_same_sources_share_bytecode(
    tmp_path: Path, cache: Cache, python: str
) -> None:
    """Only the Python files of a wheel decide about its bytecode."""
    engine = LocalEngine()
    for tag in ("py3-none-any", "cp311-cp311-linux_s390x"):
        wheels = _wheels(tmp_path, tag=tag, binary=tag)
        with _precompiler(cache, engine) as precompiler:
            assert precompiler.bytecode(FOREIGN, python, wheels)
    assert len(engine.opened) == 1


def test_short_sources_are_not_precompiled(tmp_path: Path, cache: Cache, python: str) -> None:
    """A few lines take longer to unpack than to compile."""
    engine = LocalEngine()
    wheels = _wheels(tmp_path, "answer = 42")
    with _precompiler(cache, engine) as precompiler:
        assert precompiler.bytecode(FOREIGN, python, wheels) == b""
    assert engine.opened == []


@pytest.mark.parametrize("there", [False, True], ids=["no image", "another Python"])
def test_no_bytecode_without_image_and_release(tmp_path: Path, cache: Cache, there: bool) -> None:
    """Without an image of the same release there is no bytecode, and nothing is cached."""
    with _precompiler(cache, LocalEngine(), there=there) as precompiler:
        for _ in range(2):
            assert precompiler.bytecode(FOREIGN, "3.6.0", _wheels(tmp_path)) == b""
    assert cache.entries(KIND) == ()


def test_target_without_a_native_target(tmp_path: Path, cache: Cache, python: str) -> None:
    """A target that the matrix has only on foreign arches compiles its sources."""
    alone = replace(FOREIGN, id="alone")
    with _precompiler(cache, LocalEngine()) as precompiler:
        assert precompiler.bytecode(alone, python, _wheels(tmp_path)) == b""


def test_agent_is_compiled_once_per_release(cache: Cache, python: str) -> None:
    """A session starts with all compiled modules, and ignores those of another release."""
    engine = LocalEngine()
    for _ in range(2):
        with _precompiler(cache, engine) as precompiler:
            compiled = precompiler.agent(FOREIGN)
        assert sorted(name for name, _ in compiled) == sorted(MODULES)
    assert len(engine.opened) == 1
    broken = tuple((name, pyc[:16]) for name, pyc in compiled)
    other = tuple((name, b"none" + pyc[4:]) for name, pyc in broken)
    for given in (compiled, other):
        with open_session(engine, "image", THIS_MACHINE) as session:
            assert session.start(warm=False, compiled=given).python == python
    with open_session(engine, "image", THIS_MACHINE) as session, pytest.raises(ImageError):
        session.start(warm=False, compiled=broken)  # bytecode of this release is used


def test_agent_is_not_precompiled_without_a_native_image(cache: Cache) -> None:
    """Without a native target or its image there are no compiled modules."""
    for target, there in ((FOREIGN, False), (replace(FOREIGN, id="alone"), True)):
        with _precompiler(cache, LocalEngine(), there=there) as precompiler:
            assert precompiler.agent(target) == ()


def _no_zip(data: bytes) -> bytes:
    return data[:10]


def _name_of_no_encoding(data: bytes) -> bytes:
    return data.replace("\u00e9.py".encode(), b"\xff\xff.py")


@pytest.mark.parametrize("damage", [_no_zip, _name_of_no_encoding])
def test_unreadable_wheel(
    tmp_path: Path, cache: Cache, python: str, damage: Callable[[bytes], bytes]
) -> None:
    """An unreadable wheel has no bytecode; the probe reports its error."""
    (wheel,) = _wheels(tmp_path, **{"\u00e9.py": LONG})
    path = Path(wheel.path)
    path.write_bytes(damage(path.read_bytes()))
    with _precompiler(cache, LocalEngine()) as precompiler:
        assert precompiler.bytecode(FOREIGN, python, (wheel,)) == b""
