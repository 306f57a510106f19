"""Limits that a process in a container sees, compared with the hardening."""

from dataclasses import replace
from typing import Any

import pytest

from harness.host.engine.hardening import CONTAINER_LIMITS, HARDENING
from harness.probe.answers import Enforced
from harness.probe.enforcement import unenforced

NO_CAPABILITIES = dict.fromkeys(("CapEff", "CapPrm", "CapBnd", "CapAmb"), "0" * 16)
STATUS = {"Uid": "65534 65534", "Gid": "65534 65534", "NoNewPrivs": "1", "Seccomp": "2"}
MOUNTS = {"/": "overlay ro,relatime ", "/tmp": "tmpfs rw,nosuid,nodev rw,size=524288k"}
FILES = {"memory": "1073741824", "swap": "0", "pids": "128", "cpu": "100000 100000"}
WHOLE = Enforced(
    status=STATUS | NO_CAPABILITIES,
    mounts=MOUNTS,
    interfaces=("lo",),
    files=FILES,
    core="0",
    own_profile=True,
)


def test_full_hardening() -> None:
    """A container with all limits lacks none."""
    assert unenforced(WHOLE, HARDENING, CONTAINER_LIMITS) == ()


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("user", "status", WHOLE.status | {"Uid": "0 0"}),
        ("group", "status", WHOLE.status | {"Gid": "0 0"}),
        ("no_network", "interfaces", ("eth0", "lo")),
        ("read_only", "mounts", MOUNTS | {"/": "overlay rw,relatime "}),
        ("no_ipc", "mounts", MOUNTS | {"/dev/shm": "tmpfs rw,nosuid size=65536k"}),
        ("no_capabilities", "status", WHOLE.status | {"CapBnd": "00000000a80425fb"}),
        ("no_new_privileges", "status", WHOLE.status | {"NoNewPrivs": "0"}),
        ("no_core", "core", "unlimited"),
        ("seccomp", "status", WHOLE.status | {"Seccomp": "0"}),
        ("seccomp", "own_profile", False),
        ("tmpfs", "mounts", MOUNTS | {"/tmp": "tmpfs rw,nosuid,nodev rw"}),
        ("tmpfs", "mounts", {"/": MOUNTS["/"]}),
        ("memory", "files", FILES | {"memory": "max"}),
        ("memory", "files", FILES | {"memory": ""}),
        ("pids", "files", FILES | {"pids": "max"}),
        ("cpus", "files", FILES | {"cpu": "max 100000"}),
        ("cpus", "files", FILES | {"cpu": "-1"}),
    ],
)
def test_missing_limit_is_named(name: str, field: str, value: Any) -> None:  # noqa: ANN401 - of any field
    """Only the missing limit is named."""
    assert unenforced(WHOLE.model_copy(update={field: value}), HARDENING, CONTAINER_LIMITS) == (
        name,
    )


def test_limit_must_equal_the_requested_one() -> None:
    """A limit that is larger than requested counts as not enforced."""
    assert unenforced(WHOLE, HARDENING, replace(CONTAINER_LIMITS, pids=64)) == ("pids",)
