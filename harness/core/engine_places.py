"""Where container engines are, and which of them serves an arch (pure)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import SplitResult, parse_qsl, urlsplit

from harness.core.arches import Arch, find_arch
from harness.core.errors import UsageError

HERE = ""
"""Address of this machine's engine: the one at ``DOCKER_HOST``, or at the default socket."""
SCHEMES = ("unix", "tcp", "ssh")
CERTIFICATES = "certs"
"""Key of an address's query: the folder with ``ca.pem``, ``cert.pem`` and ``key.pem``."""
_CONTEXT = re.compile(r"[A-Za-z0-9][\w.+-]*")
"""Name of a Docker context (docker/cli, cli/context/store)."""
_WORD = re.compile(r"(?!-)[\w.%:+-]+")
"""User and host that no program takes for an option."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EnginePlace:
    """An engine that serves cells of one arch."""

    arch: str
    address: str
    """``unix:///run/d.sock``, ``tcp://host:2376?certs=DIR``, ``ssh://user@host``, or the name of
    a Docker context."""

    def __str__(self) -> str:
        return f"{self.arch}={self.address}"


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownEngine:
    """An engine that answered."""

    address: str
    native: bool
    """Whether it runs the cell's arch without an emulator."""
    processors: int = 1


def parse_place(text: str) -> EnginePlace:
    """Return the engine of ``ARCH=ADDRESS``. Raises ``UsageError``."""
    spelled, equals, address = text.partition("=")
    if not equals or not address:
        raise UsageError(
            f"--engine {text}: write ARCH=ADDRESS, like aarch64=ssh://builder@arm1, "
            "s390x=tcp://host:2376 or ppc64le=CONTEXT"
        )
    try:
        arch = find_arch(spelled.strip()).name
    except KeyError as error:
        raise UsageError(f"--engine {text}: {error.args[0]}") from error
    check_address(address)
    return EnginePlace(arch=arch, address=address)


def declared_places(table: Mapping[str, str | Sequence[str]]) -> tuple[EnginePlace, ...]:
    """Return the engines of a table: arch → address, or a list of addresses.

    Nothing is checked.
    """
    lists = {arch: [at] if isinstance(at, str) else at for arch, at in table.items()}
    return tuple(EnginePlace(arch=arch, address=at) for arch in lists for at in lists[arch])


def check_address(address: str) -> None:
    """Raise ``UsageError`` unless this is the address of an engine, or a context's name."""
    if "://" not in address:
        if not _CONTEXT.fullmatch(address):
            raise UsageError(
                f"engine {address}: this is no address (unix://PATH, tcp://HOST:PORT, ssh://HOST) "
                "and no name of a Docker context"
            )
        return
    parts = split_address(address)
    known = ", ".join(f"{scheme}://" for scheme in SCHEMES)
    if parts.scheme not in SCHEMES:
        raise UsageError(f"engine {address}: its address must begin with one of {known}")
    if parts.scheme == "unix":
        _require(address, fits=not parts.netloc and len(parts.path) > 1, shape="unix:///PATH")
        return
    _require(address, fits=_is_host(parts), shape=f"{parts.scheme}://HOST, without a password")
    keys = {key for key, _ in parse_qsl(parts.query, keep_blank_values=True)}
    allowed = {CERTIFICATES} if parts.scheme == "tcp" else set()
    _require(address, fits=keys <= allowed, shape="tcp://HOST:PORT?certs=DIR")


def split_address(address: str) -> SplitResult:
    """Return the parts of an address with a scheme. Raises ``UsageError``."""
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises for a wrong one
    except ValueError as error:
        raise UsageError(f"engine {address}: {error}") from error
    return parts


def certificates_of(address: str) -> str:
    """Return the folder of certificates in an address; empty if it names none."""
    return dict(parse_qsl(urlsplit(address).query)).get(CERTIFICATES, "")


def shown_address(address: str) -> str:
    """Return an address without its query, as results have it."""
    return address.partition("?")[0]


def engine_title(address: str) -> str:
    """Return how messages name an engine."""
    return f"engine {shown_address(address)}" if address != HERE else "this machine's engine"


def login_words(address: str) -> str:
    """Return the command that logs in where ``ssh://…`` does."""
    parts = split_address(address)
    port = f"-p {parts.port} " if parts.port else ""
    user = f"{parts.username}@" if parts.username else ""
    return f"ssh {port}{user}{parts.hostname}"


def is_native(machine: str, arch: Arch) -> bool:
    """Whether an engine on that machine runs the arch without an emulator."""
    return machine in arch.machines


def wrong_machine(machine: str, arch: Arch, emulator: str) -> str:
    """Return what is wrong with an engine that emulates the arch of its machine; empty if not.

    ``emulator`` is the version that runs programs of the arch there; empty for none.
    """
    if not (emulator and is_native(machine, arch)):
        return ""
    return f"it says that its machine is {machine}, but it runs {arch.name} with QEMU {emulator}"


def addresses_for(places: Iterable[EnginePlace], arch: Arch) -> tuple[str, ...]:
    """Return the addresses that are declared for an arch, each once, then this machine's."""
    declared = [place.address for place in places if place.arch == arch.name]
    return tuple(dict.fromkeys((*declared, HERE)))


def rank_engines(engines: Iterable[KnownEngine], turn: int = 0) -> tuple[KnownEngine, ...]:
    """Return the engines in the order in which a cell tries them.

    A native one comes before one that emulates, and among these a declared one before this
    machine's. Equal ones are balanced by their processors: of as many workers as they have
    together, each engine is the first one of as many as it has itself.
    """
    ranked: list[KnownEngine] = []
    for _, equal in groupby(sorted(engines, key=_rank), key=_rank):
        group = list(equal)
        places = sorted(
            ((number + 0.5) / engine.processors, place)
            for place, engine in enumerate(group)
            for number in range(engine.processors)
        )
        first = places[turn % len(places)][1]
        ranked += [*group[first:], *group[:first]]
    return tuple(ranked)


def best_engines(engines: Iterable[KnownEngine]) -> tuple[KnownEngine, ...]:
    """Return the equal engines that a cell tries first."""
    return tuple(next(groupby(sorted(engines, key=_rank), key=_rank))[1])


def _rank(engine: KnownEngine) -> tuple[bool, bool]:
    return not engine.native, engine.address == HERE


def _is_host(parts: SplitResult) -> bool:
    words = [parts.hostname or "", *([parts.username] if parts.username is not None else [])]
    return parts.password is None and all(_WORD.fullmatch(word) for word in words)


def _require(address: str, *, fits: bool, shape: str) -> None:
    if not fits:
        raise UsageError(f"engine {address}: its address is not of the form {shape}")
