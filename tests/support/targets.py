"""Targets for tests of images: one suite, any arch."""

from harness.model import AssembledWay, RegistryWay, Target


def debian_12(
    arch: str = "x86_64", *, registry: RegistryWay | None = None, assembled: bool = True
) -> Target:
    """Return Debian 12 on ``arch``, with the ways asked for."""
    way = AssembledWay(suite="bookworm", packages=("python3", "python3-pip"))
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
