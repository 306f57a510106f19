"""The bytecode that an emulated import need not compile, made by the target's native twin.

In: wheels. Out: a zip for ``Job.bytecode``, kept by the content of their sources. Half of a
large import under emulation is compiling, and bytecode is the same on every arch: the same
target on this machine's own arch compiles it, in a container like any other, and runs
nothing of the wheels. Where there is no such image, the target compiles for itself.
"""

import hashlib
import io
import zipfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from harness.cache import Cache, content_key
from harness.engine import Engine, Limits
from harness.errors import EngineError, ImageError, WheelError
from harness.images.debian import native_arch
from harness.images.source import Use
from harness.model import Target, WheelRef
from harness.probe.session import Session, SessionLostError, agent_payload
from harness.wheel.archive import open_archive

KIND = "bytecode"
WORTH_IT = 32 << 10
"""Bytes of source: less is compiled in the time that it takes to unpack."""
TOO_LARGE = 64 << 20
SECONDS = 120.0
_SOURCES = "sources-1-py3-none-any.whl"


class Images(Protocol):
    """Where targets' images are (``harness.images.ImageStore``)."""

    def uses(self, target: Target) -> tuple[Use, ...]: ...


class Precompiler:
    """Bytecode by sources and release; asks native twins that the engine has images of."""

    def __init__(
        self,
        engine: Engine,
        images: Images,
        targets: Sequence[Target],
        *,
        cache: Cache,
        limits: Limits,
    ) -> None:
        self._engine = engine
        self._images = images
        here = native_arch().name
        self._twins = {target.id: target for target in targets if target.arch_name == here}
        self._cache = cache
        self._limits = limits
        self._not_had: set[str] = set()

    def bytecode(self, target: Target, python: str, wheels: tuple[WheelRef, ...]) -> bytes:
        """Return the bytecode of the wheels for ``python``, empty where there is none.

        ``python`` is the release that the target runs, ``3.9.2``. Raises ``CacheError``.
        """
        twin = self._twins.get(target.id)
        digest = _digest(wheels) if twin else ""
        key = content_key(python, digest, agent_payload().decode())
        if twin is None or not digest or key in self._not_had:
            return b""

        def make(path: Path) -> None:
            path.write_bytes(self._compile(twin, python, wheels))

        try:
            return self._cache.get(KIND, f"{target.python}-{key}.zip", make).read_bytes()
        except (EngineError, SessionLostError):
            self._not_had.add(key)
            return b""

    def _compile(self, twin: Target, python: str, wheels: tuple[WheelRef, ...]) -> bytes:
        with Session(self._engine, self._image(twin), twin, self._limits) as session:
            if session.start(warm=False).python != python:
                raise ImageError(f"{twin.key} runs another Python", cause="infra:no-way")
            return session.compile(_SOURCES, _sources(wheels), seconds=SECONDS)

    def _image(self, twin: Target) -> str:
        """Return the id of an image that the engine has: none is made or pulled for this."""
        for use in self._images.uses(twin):
            if use.image and (found := self._engine.find_image(use.image)):
                return found.id
        raise ImageError(f"no image of {twin.key} here", cause="infra:no-way")


@lru_cache(maxsize=1024)
def _digest(wheels: tuple[WheelRef, ...]) -> str:
    """Return what stands for the sources of the wheels; empty where they are not worth it."""
    sources = _sources(wheels)
    worth_it = WORTH_IT <= len(sources) <= TOO_LARGE
    return hashlib.sha256(sources).hexdigest() if worth_it else ""


def _sources(wheels: tuple[WheelRef, ...]) -> bytes:
    """Return a zip of all Python files of the wheels, always the same for the same files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as sources:
        for wheel in wheels:
            try:
                _copy_sources(wheel, sources)
            except WheelError:
                return b""  # the probe will say what is the matter with it
    return out.getvalue()


def _copy_sources(wheel: WheelRef, sources: zipfile.ZipFile) -> None:
    with Path(wheel.path).open("rb") as stream, open_archive(wheel.filename, stream) as archive:
        members = [member for member in archive.members if member.name.endswith(".py")]
        if sum(member.size for member in members) > TOO_LARGE:
            raise WheelError(f"{wheel.filename}: more Python than is worth compiling twice")
        for member in members:
            source = archive.read(member.name, at_most=TOO_LARGE)
            sources.writestr(zipfile.ZipInfo(member.name), source)
