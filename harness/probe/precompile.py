"""Compile Python sources for emulated interpreters with the native target of the same release.

Half of the time of a large import under emulation is compilation; bytecode is the same on every
arch. The native target compiles in a container and runs no code of the wheels. Bytecode is cached
by the content of the sources. Without a native image the target compiles.
"""

import hashlib
import io
import zipfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path, PurePosixPath

from harness.core.causes import Cause
from harness.core.errors import EngineError, ImageError, WheelError
from harness.core.subjects import WheelRef
from harness.core.targets import Target
from harness.host.cache import Cache, content_key
from harness.host.code_key import code_key
from harness.probe.agent_payload import agent_payload, agent_sources
from harness.probe.native_installer import NativeInstaller
from harness.probe.session import SessionLostError
from harness.wheels.archive.zip_reader import open_sound_archive

KIND = "bytecode"
WORTH_IT = 32 << 10
"""Bytes of source. Compiling less takes no longer than unpacking its bytecode."""
TOO_LARGE = 64 << 20
_SOURCES = "sources-1-py3-none-any.whl"


class Precompiler:
    """Provides bytecode from native targets whose image is in the engine.

    ``seconds`` is the limit of one compilation; what takes longer is left to the target.
    """

    def __init__(self, installer: NativeInstaller, cache: Cache, *, seconds: float) -> None:
        self._installer = installer
        self._cache = cache
        self._seconds = seconds
        self._unavailable: set[str] = set()
        self._agents: dict[str, tuple[tuple[str, bytes], ...]] = {}

    def bytecode(self, target: Target, python: str, wheels: tuple[WheelRef, ...]) -> bytes:
        """Return the bytecode of the wheels for release ``python`` (``3.9.2``), or no bytes.

        Raises ``CacheError``.
        """
        digest = _digest(wheels) if self._installer.has(target) else ""
        if not digest:
            return b""
        key = content_key(python, digest, code_key("harness.probe.agent.compiler"))
        return self._compiled(target, key, lambda: _sources(wheels), python)

    def agent(self, target: Target) -> tuple[tuple[str, bytes], ...]:
        """Return the agent's modules as ``.pyc`` files; empty without a native target.

        All patch releases of one 3.x have the same bytecode. Raises ``CacheError``.
        """
        if target.python not in self._agents:
            key = content_key("agent", target.python, agent_payload().decode())
            has_native = self._installer.has(target)
            zipped = self._compiled(target, key, _agent_sources) if has_native else b""
            if not zipped:
                return ()
            self._agents[target.python] = _modules(zipped)
        return self._agents[target.python]

    def _compiled(
        self, target: Target, key: str, sources: Callable[[], bytes], python: str = ""
    ) -> bytes:
        if key in self._unavailable:
            return b""

        def make(path: Path) -> None:
            path.write_bytes(self._compile(target, sources(), python))

        try:
            return self._cache.get(KIND, f"{target.python}-{key}.zip", make).read_bytes()
        except (EngineError, SessionLostError):
            self._unavailable.add(key)
            return b""

    def _compile(self, target: Target, sources: bytes, python: str) -> bytes:
        session, native = self._installer.at(target)
        if python not in ("", native.python):
            raise ImageError(
                f"the native {target.id} has Python {native.python}, not {python}",
                cause=Cause.NO_WAY,
            )
        compiled = session.compile(_SOURCES, sources, seconds=self._seconds)
        if not compiled:
            raise ImageError(f"the native {target.id} does not compile", cause=Cause.NO_WAY)
        return compiled


@lru_cache(maxsize=1024)
def _digest(wheels: tuple[WheelRef, ...]) -> str:
    """Return a key of the wheels' sources; empty if precompiling is not worth it."""
    sources = _sources(wheels)
    worth_it = WORTH_IT <= len(sources) <= TOO_LARGE
    return hashlib.sha256(sources).hexdigest() if worth_it else ""


def _sources(wheels: tuple[WheelRef, ...]) -> bytes:
    """Return a reproducible zip of all Python files in the wheels."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as sources:
        for wheel in wheels:
            try:
                _copy_sources(wheel, sources)
            except WheelError:
                return b""  # the probe reports the error
    return out.getvalue()


def _agent_sources() -> bytes:
    """Return a reproducible zip of the agent's modules."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as sources:
        for name, source in agent_sources():
            sources.writestr(zipfile.ZipInfo(f"{name}.py"), source)
    return out.getvalue()


def _modules(compiled: bytes) -> tuple[tuple[str, bytes], ...]:
    """Return module names and ``.pyc`` files of ``__pycache__/<name>.cpython-3x.pyc`` in a zip."""
    with zipfile.ZipFile(io.BytesIO(compiled)) as files:
        return tuple(
            (PurePosixPath(path).name.partition(".")[0], files.read(path))
            for path in files.namelist()
        )


def _copy_sources(wheel: WheelRef, sources: zipfile.ZipFile) -> None:
    with (
        Path(wheel.path).open("rb") as stream,
        open_sound_archive(wheel.filename, stream) as archive,
    ):
        members = [member for member in archive.members if member.name.endswith(".py")]
        if sum(member.size for member in members) > TOO_LARGE:
            raise WheelError(f"{wheel.filename}: too much Python source to precompile")
        for member in members:
            source = archive.read(member.name, at_most=TOO_LARGE)
            sources.writestr(zipfile.ZipInfo(member.name), source)
