"""What an extension module is called: a builder, a Python, an arch in, suffixes out."""

from packaging.version import Version

from harness.core.arches import Arch
from harness.core.errors import BuildError
from harness.core.subjects import Builder, ModuleName
from harness.core.targets import Naming

_MUSL_TRIPLET_SINCE = Version("3.11")
"""From 3.11.0a5 on upstream's configure tells musl from glibc (bpo-43112)."""


def module_suffixes(builder: Builder, python: str, arch: Arch, *, limited: bool) -> tuple[str, ...]:
    """Return every suffix that the builder stores a module under: ``.cpython-39-….so``.

    A module in the limited API has upstream's one name up to 3.14, whatever the builder's.
    Raises ``BuildError`` where a naming has no triplet for the arch.
    """
    if limited:
        return (".abi3.so",)
    suffixes = (_suffix(name, builder.libc, python, arch) for name in builder.names)
    return tuple(dict.fromkeys(suffixes))


def upstream_triplet(libc: str, python: str, arch: Arch) -> str:
    """Return CPython's PLATFORM_TRIPLET, as the builder images' interpreters have it."""
    if libc == "musl" and Version(python) >= _MUSL_TRIPLET_SINCE:
        return arch.musl_triplet
    return arch.gnu_triplet


def _suffix(name: ModuleName | Naming, libc: str, python: str, arch: Arch) -> str:
    match name:
        case ModuleName.BARE:
            return ".so"
        case ModuleName.UPSTREAM:
            triplet = upstream_triplet(libc, python, arch)
        case Naming(builds=builds):
            if arch.name not in builds:
                raise BuildError(
                    f"naming {name.id} has no triplet for {arch.name}; "
                    "add it in matrix/namings.yaml"
                )
            triplet = builds[arch.name]
    return f".cpython-{python.replace('.', '')}-{triplet}.so"
