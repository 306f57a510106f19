"""Sample targets."""

from dataclasses import fields
from pathlib import Path

from harness.core.machines import Machine, MachineTarget
from harness.core.targets import AssembledWay, Interpreter, Naming, RegistryWay, ReplicaWay, Target


def make_target(key: str, **more: object) -> Target:
    """Return Python 3.11 on glibc as ``<target>/<arch>``; ``more`` are its fields."""
    name, arch = key.split("/")
    given = {"title": name, "python": "3.11", "libc": "glibc", "interpreter": "python3", **more}
    return Target(id=name, arch_name=arch, **given)  # type: ignore[arg-type]


def debian_12(
    arch: str = "x86_64", *, registry: RegistryWay | None = None, assembled: bool = True
) -> Target:
    """Return Debian 12 on ``arch`` with the given ways."""
    way = AssembledWay(suite="bookworm", packages=("libstdc++6", "python3", "python3-pip"))
    return make_target(
        f"debian-12/{arch}",
        title="Debian 12",
        registry=registry,
        assembled=way if assembled else None,
    )


CPYTHON_39 = Interpreter(id="cpython-3.9", python="3.9", suite="bullseye", source="python3.9")
MUSL = Naming(
    id="musl", builds={"x86_64": "x86_64-linux-musl", "ppc64le": "powerpc64le-linux-musl"}
)


def alpine_replica(
    arch: str = "x86_64", *, pip: str = "21.3.1", naming: Naming = MUSL, suite: str = "bookworm"
) -> Target:
    """Return a replica of CPython 3.9 on musl with Alpine's module names."""
    return make_target(
        f"alpine-3.14-replica/{arch}",
        title="Alpine 3.14",
        python="3.9",
        libc="musl",
        replica=ReplicaWay(
            interpreter=CPYTHON_39, naming=naming, suite=suite, pip=pip, replicates="alpine-3.14"
        ),
    )


def no_pip(version: str) -> Path:
    """Replace the download of pip; a call is an error."""
    raise AssertionError(f"pip {version} was asked for")


def make_machine_target(key: str, machine: Machine, **more: object) -> MachineTarget:
    """Return what ``make_target`` returns, on a machine."""
    plain = make_target(key, **more)
    return MachineTarget(**{f.name: getattr(plain, f.name) for f in fields(plain)}, machine=machine)
