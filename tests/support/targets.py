"""Targets for tests of images: one suite or one replica, any arch."""

from pathlib import Path

from harness.core.targets import AssembledWay, Interpreter, Naming, RegistryWay, ReplicaWay, Target


def debian_12(
    arch: str = "x86_64", *, registry: RegistryWay | None = None, assembled: bool = True
) -> Target:
    """Return Debian 12 on ``arch``, with the ways asked for."""
    way = AssembledWay(suite="bookworm", packages=("libstdc++6", "python3", "python3-pip"))
    return Target(
        id="debian-12",
        arch_name=arch,
        title="Debian 12",
        python="3.11",
        libc="glibc",
        interpreter="python3",
        registry=registry,
        assembled=way if assembled else None,
    )


CPYTHON_39 = Interpreter(id="cpython-3.9", python="3.9", suite="bullseye", source="python3.9")
MUSL = Naming(
    id="musl",
    builds={"x86_64": "x86_64-linux-musl", "ppc64le": "powerpc64le-linux-musl"},
)


def alpine_replica(
    arch: str = "x86_64", *, pip: str = "21.3.1", naming: Naming = MUSL, suite: str = "bookworm"
) -> Target:
    """Return a CPython 3.9 that names its modules as Alpine's did, on musl."""
    return Target(
        id="alpine-3.14-replica",
        arch_name=arch,
        title="Alpine 3.14",
        python="3.9",
        libc="musl",
        interpreter="python3",
        replica=ReplicaWay(
            interpreter=CPYTHON_39,
            naming=naming,
            suite=suite,
            pip=pip,
            replicates="alpine-3.14",
        ),
    )


def no_pip(version: str) -> Path:
    """Stand where nobody fetches an installer."""
    raise AssertionError(f"pip {version} was asked for")
