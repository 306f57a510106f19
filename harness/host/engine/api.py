"""The protocol of a container engine, and its values."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from harness.core.arches import Arch
from harness.core.errors import EngineError
from harness.host.engine.hardening import CONTAINER_LIMITS, HARDENING, ContainerLimits, Hardening


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineInfo:
    """Properties of the engine."""

    version: str
    api_version: str
    storage_driver: str
    arch: str
    """Machine the engine runs on, as ``uname -m`` spells it."""
    kernel: str
    limits: frozenset[str]
    """Which of ``memory``, ``pids`` and ``cpu`` it can enforce."""
    rootless: bool
    runtime: str = ""
    """OCI runtime of its containers; empty for its own choice."""
    data_root: str = ""
    """Directory of its images, on the engine's machine."""
    host: str = ""
    """Name of the engine's machine."""
    processors: int = 0
    memory: int = 0
    """Bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineImage:
    """An image in the engine."""

    id: str
    """``sha256:…`` of its config."""
    platform: str
    """``linux/arm/v7``, from its config."""
    digests: tuple[str, ...] = ()
    """Repository digests, ``debian@sha256:…``; empty for a loaded image."""
    labels: dict[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    """Its tags: ``debian:12``."""
    size: int = 0
    """Bytes, including the layers shared with other images."""
    named_at: float = 0.0
    """Seconds since the epoch of its last tag; 0 if unknown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerSpec:
    """A hardened container: no network, read-only root, user nobody, no capabilities, one tmpfs."""

    image: str
    """Image id."""
    arch: Arch
    command: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    limits: ContainerLimits = CONTAINER_LIMITS
    hardening: Hardening = HARDENING


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedImage:
    """An image to be made of another one by commands that run as root, with network."""

    reference: str
    """Its name, with a tag."""
    base: str
    """Id of the other image."""
    arch: Arch
    commands: tuple[str, ...]
    """Lines of a shell script."""
    labels: dict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Completed:
    """The result of a container that ran to its end."""

    status: int
    output: bytes
    """Standard output."""
    errors: str = ""
    """Tail of standard error."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineRun:
    """The result of a program that describes the machine that it runs on."""

    machine: str = ""
    """Its ``uname -m``; empty if it did not run."""
    emulator: str = ""
    """Version of the emulator that ran it; empty on a native CPU."""
    error: str = ""
    room: int = 0
    """Free bytes of its root: in a container, of the engine's images. 0 if unknown."""
    page_size: int = 0
    """Bytes; 0 if unknown."""
    cpuinfo: str = ""
    """``/proc/cpuinfo``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerEnd:
    """How a container ended."""

    out_of_memory: bool = False
    status: int = 0
    """Exit status of its first process, or 128 plus the number of the signal that killed it."""


class Channel(Protocol):
    """The standard streams of one running container."""

    def send(self, data: bytes) -> None:
        """Write to standard input. Raises ``ChannelClosedError`` if the container is gone."""

    def receive(self, size: int, *, deadline: float) -> bytes:
        """Return exactly ``size`` bytes of standard output.

        ``deadline`` is on the ``time.monotonic`` clock. Raises ``ChannelTimeoutError`` past it and
        ``ChannelClosedError`` if the container ends first.
        """

    def errors(self) -> str:
        """Return the tail of standard error so far."""

    def ending(self) -> ContainerEnd:
        """Return how the container ended, as the engine reports it.

        Raises ``EngineError`` if the engine does not answer, or was restarted since.
        """

    def check_engine(self) -> None:
        """Raise ``EngineError`` if the engine does not answer."""

    def close(self) -> None:
        """Kill and remove the container. Idempotent."""


class ChannelClosedError(Exception):
    """The container is gone."""


class ChannelTimeoutError(Exception):
    """The deadline passed."""


class StillRunningError(EngineError):
    """A container did not end in time."""


class Engine(Protocol):
    """A container engine. Every method raises ``EngineError`` if the engine cannot be reached."""

    def ping(self) -> None:
        """Check that the engine answers."""

    def close(self) -> None:
        """Close the connections to the engine."""

    def info(self) -> EngineInfo: ...

    def find_image(self, reference: str) -> EngineImage | None:
        """Return the image of that name or id, or None."""

    def list_images(self, prefix: str) -> tuple[EngineImage, ...]:
        """Return the images with a name that begins with ``prefix``."""

    def remove_image(self, name: str) -> None:
        """Remove the name, and the image if it has no other name.

        Raises ``ImageError`` if a container uses the image.
        """

    def load_image(self, archive: Path, reference: str) -> EngineImage:
        """Load an archive that holds one image named ``reference``."""

    def export_image(self, image: str, arch: Arch, path: Path) -> None:
        """Write the files of an image as a tar file at ``path``. Nothing in the image runs."""

    def registry_digest(self, reference: str) -> str:
        """Return the digest ``sha256:…`` that ``reference`` has in its registry now.

        For a multi-platform image it is the digest of the list. Nothing is pulled. Raises
        ``ImageError`` if the registry does not answer with one.
        """

    def pull_image(self, reference: str, arch: Arch) -> EngineImage:
        """Pull the image for the platform of ``arch``; its only digest is the pulled one.

        Raises ``ImageError``: ``infra:not-found`` if the registry lacks the image, ``infra:pull``
        for errors that another try may solve.
        """

    def prepare_image(self, wanted: PreparedImage, announce: Callable[[str], None]) -> EngineImage:
        """Run the commands in the base, and commit the result. ``announce`` gets their output.

        Raises ``ImageError`` (``infra:prepare``) if a command fails.
        """

    def run(self, spec: ContainerSpec, *, stdin: bytes = b"", timeout: float) -> Completed:
        """Run a hardened container to its end and remove it.

        Raises ``StillRunningError`` after ``timeout`` seconds.
        """

    def open(self, spec: ContainerSpec) -> Channel:
        """Start a hardened container and return its streams."""

    def reap(self) -> int:
        """Remove the containers of killed runs and return their number.

        Also removes those that this engine made and nobody uses: it did not remove them when it
        was asked to, or made them after its answer was given up.
        """
