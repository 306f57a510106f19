"""The file name suffixes that a builder gives to extension modules."""

from packaging.version import Version

from harness.core.arches import Arch
from harness.core.errors import BuildError
from harness.core.subjects import Builder, ModuleName
from harness.core.targets import Naming
from harness.wheels.build.project import ModuleFiles

_MUSL_TRIPLET_SINCE = Version("3.11")
"""From 3.11.0a5 on upstream's configure distinguishes musl from glibc (bpo-43112)."""


def module_suffixes(
    builder: Builder,
    python: str,
    arch: Arch,
    *,
    limited: bool,
    files: ModuleFiles = ModuleFiles.AS_TAGGED,
) -> tuple[str, ...]:
    """Return every suffix that the builder stores a module under: ``.cpython-39-….so``.

    A limited-API module has upstream's suffix up to 3.14, ``.abi3.so``, unless the project asks
    for other ``files``. Raises ``BuildError`` if a naming has no triplet for the arch.
    """
    match files:
        case ModuleFiles.ABSENT:
            return ()
        case ModuleFiles.TRIPLET:
            return (f".abi3-{upstream_triplet(builder.libc, python, arch)}.so",)
        case ModuleFiles.BOTH_BUILDS:
            return (".abi3t.so",)
        case ModuleFiles.AS_TAGGED if limited:
            return (".abi3.so",)
    suffixes = (_suffix(name, builder.libc, python, arch) for name in builder.names)
    return tuple(dict.fromkeys(suffixes))


def upstream_triplet(libc: str, python: str, arch: Arch) -> str:
    """Return the PLATFORM_TRIPLET of upstream's CPython."""
    if libc == "musl" and Version(python.removesuffix("t")) >= _MUSL_TRIPLET_SINCE:
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
