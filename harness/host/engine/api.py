"""What the harness asks of a container engine, and the values that pass between them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from harness.core.arches import Arch
from harness.host.engine.hardening import HARDENING, LIMITS, Hardening, Limits


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineInfo:
    """The engine that answered."""

    version: str
    api_version: str
    storage_driver: str
    arch: str
    """Machine the engine runs on, as ``uname -m`` spells it."""
    kernel: str
    limits: frozenset[str]
    """Those of ``memory``, ``pids``, ``cpu`` that it can enforce."""
    rootless: bool
    data_root: str = ""
    """Directory of its images, on the machine it runs on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineImage:
    """An image as the engine has it."""

    id: str
    """``sha256:…`` of its config."""
    platform: str
    """``linux/arm/v7``, as its config says."""
    digests: tuple[str, ...] = ()
    """Repository digests, ``debian@sha256:…``; empty for an image that was loaded."""
    labels: dict[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    """As it is called here: ``debian:12``."""
    size: int = 0
    """Bytes, with the layers that it shares with others."""
    named_at: float = 0.0
    """Seconds since the epoch when it last got a name; 0 where the engine does not tell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerSpec:
    """A hardened container: no network, read-only root, nobody, no capability, one tmpfs."""

    image: str
    """Image id."""
    arch: Arch
    command: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    limits: Limits = LIMITS
    hardening: Hardening = HARDENING


@dataclass(frozen=True, kw_only=True, slots=True)
class Completed:
    """A container that ran to its end."""

    status: int
    output: bytes
    """Standard output."""
    errors: str = ""
    """Tail of standard error."""


class Channel(Protocol):
    """The standard streams of one running container."""

    def send(self, data: bytes) -> None:
        """Write to its standard input. Raises ``ChannelClosedError`` when it is gone."""

    def receive(self, size: int, *, deadline: float) -> bytes:
        """Return exactly ``size`` bytes of its standard output.

        ``deadline`` is on the ``time.monotonic`` clock. Raises ``ChannelTimeoutError`` past it and
        ``ChannelClosedError`` when the container ended first.
        """

    def errors(self) -> str:
        """Return the tail of its standard error so far."""

    def memory_exceeded(self) -> bool:
        """Whether the engine says that the container ran out of memory."""

    def close(self) -> None:
        """Kill and remove the container; idempotent, never raises for one that is gone."""


class ChannelClosedError(Exception):
    """The container at the other end is gone."""


class ChannelTimeoutError(Exception):
    """Nothing came within the deadline."""


class Engine(Protocol):
    """A container engine. Every method raises ``EngineError`` when the engine cannot be reached."""

    def ping(self) -> None:
        """Return when the engine answers."""

    def close(self) -> None:
        """Close the connections to the engine."""

    def info(self) -> EngineInfo: ...

    def find_image(self, reference: str) -> EngineImage | None:
        """Return the image of that name or id, or None."""

    def list_images(self, prefix: str) -> tuple[EngineImage, ...]:
        """Return the images that have a name which begins with ``prefix``."""

    def remove_image(self, name: str) -> None:
        """Take the name from its image, and the image away where it has no other name.

        Raises ``ImageError`` where a container still uses it.
        """

    def load_image(self, archive: Path, reference: str) -> EngineImage:
        """Load an image archive that holds one image, named ``reference``."""

    def export_image(self, image: str, arch: Arch, path: Path) -> None:
        """Write the files of an image as a tar file at ``path``. Nothing in the image runs."""

    def registry_digest(self, reference: str) -> str:
        """Return the digest ``sha256:…`` that ``reference`` has in its registry now.

        For a multi-platform image it is the digest of the list. Nothing is pulled. Raises
        ``ImageError`` if the registry does not answer with one.
        """

    def pull_image(self, reference: str, arch: Arch) -> EngineImage:
        """Pull for that platform; the image's one digest is the one that was pulled.

        Raises ``ImageError``: ``infra:not-found`` for what will not appear by trying again,
        ``infra:pull`` for what may.
        """

    def prepare_image(
        self,
        base: str,
        reference: str,
        *,
        arch: Arch,
        commands: tuple[str, ...],
        labels: dict[str, str],
        announce: Callable[[str], None],
    ) -> EngineImage:
        """Run ``commands`` in ``base`` as root with network, keep the result as ``reference``."""

    def run(self, spec: ContainerSpec, *, stdin: bytes = b"", timeout: float) -> Completed:
        """Run a hardened container to its end; it is removed whatever happens."""

    def open(self, spec: ContainerSpec) -> Channel:
        """Start a hardened container and return its streams."""

    def reap(self) -> int:
        """Remove the containers of runs whose process is gone; return how many there were."""
