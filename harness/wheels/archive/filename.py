"""Parse wheel file names; expand and rank their tags."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from packaging.tags import parse_tag
from packaging.utils import parse_wheel_filename

from harness.core.arches import ARCHES, Arch, linux_arch
from harness.core.errors import WheelError

SHAPE = "NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl"
EXAMPLE = "demo-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"
_PARTS = (5, 6)
_BEFORE_PEP_600 = {"2.5": "manylinux1", "2.12": "manylinux2010", "2.17": "manylinux2014"}


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelName:
    """A parsed wheel file name (binary distribution format, "File name convention")."""

    filename: str
    distribution: str
    """Normalised project name (PEP 503)."""
    version: str
    """Normalised version (PEP 440)."""
    build: tuple[()] | tuple[int, str] = ()
    tags: tuple[str, ...]
    """Every tag of the compressed set, sorted: ``cp311-cp311-manylinux_2_17_x86_64``."""

    @property
    def release(self) -> str:
        """``markupsafe 3.0.2``, for messages."""
        return f"{self.distribution} {self.version}"

    @property
    def tag_part(self) -> str:
        """The tags as the file name has them, compressed: ``cp311-abi3-manylinux1_i686.any``."""
        return "-".join(self.filename.removesuffix(".whl").split("-")[-3:])


def arch_of(name: WheelName) -> Arch | None:
    """Return the wheel's arch; None for any platform and for an unknown arch."""
    named = {linux_arch(tag.split("-")[2]) for tag in name.tags}
    return next((arch for arch in ARCHES if arch.name in named), None)


def expand_tags(tags: str) -> tuple[str, ...]:
    """Return every tag of a compressed set (PEP 425), sorted: ``py2.py3-none-any`` is two."""
    return tuple(sorted(map(str, parse_tag(tags))))


def tag_rank(name: WheelName, accepted: Sequence[str]) -> int:
    """Return the index of the wheel's best tag in an installer's list, which is best first.

    The length of the list if the installer accepts none of the wheel's tags.
    """
    ranks = _ranks(tuple(accepted))
    return min(ranks.get(tag, len(accepted)) for tag in name.tags)


@lru_cache(maxsize=256)
def _ranks(accepted: tuple[str, ...]) -> dict[str, int]:
    return {tag: rank for rank, tag in enumerate(accepted)}


def platform_tag(libc: str, promise: str, arch: str) -> str:
    """Return the platform tag for that version of ``libc``, with its older alias.

    Source: PEP 600 and PEP 656. Without a promised version it is ``linux_<arch>``.
    """
    if not promise:
        return f"linux_{arch}"
    family = "musllinux" if libc == "musl" else "manylinux"
    tag = f"{family}_{promise.replace('.', '_')}_{arch}"
    alias = _BEFORE_PEP_600.get(promise) if libc == "glibc" else None
    return f"{tag}.{alias}_{arch}" if alias else tag


def parse_wheel_name(filename: str) -> WheelName:
    """Parse a wheel's file name. Raises ``WheelError``."""
    try:
        distribution, version, build, tags = parse_wheel_filename(filename)
    except ValueError as error:  # also of a number of more digits than int() reads
        raise WheelError(
            f"{filename}: {_fault(filename, error)}; a wheel is called {SHAPE}, like {EXAMPLE}"
        ) from error
    return WheelName(
        filename=filename,
        distribution=distribution,
        version=str(version),
        build=build,
        tags=tuple(sorted(map(str, tags))),
    )


def _fault(filename: str, error: ValueError) -> str:
    if not filename.endswith(".whl"):
        return "the file name does not end in .whl"
    found = filename.count("-") + 1
    if found not in _PARTS:
        return f"the file name has {found} parts between hyphens where a wheel's has 5 or 6"
    return str(error).removeprefix("Invalid wheel filename ").removesuffix(f": {filename!r}")
