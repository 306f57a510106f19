"""ContainerLimits that a process in a container sees, compared with the hardening."""

from dataclasses import fields, replace
from typing import Any

import pytest

from harness.host.engine.hardening import CONTAINER_LIMITS, HARDENING
from harness.probe.answers import Enforced
from harness.probe.enforcement import unenforced

NO_CAPABILITIES = dict.fromkeys(("CapEff", "CapPrm", "CapBnd", "CapAmb"), "0" * 16)
STATUS = {"Uid": "65534 65534", "Gid": "65534 65534", "NoNewPrivs": "1", "Seccomp": "2"}
MOUNTS = {"/": "overlay ro,relatime ", "/tmp": "tmpfs rw,nosuid,nodev rw,size=524288k"}
FILES = {"memory": "1073741824", "swap": "0", "pids": "128", "cpu": "100000 100000"}
ERRORS = {"connect": "ENETUNREACH", "write": "EROFS", "ptrace": "EPERM", "schedule": "EPERM"}
WHOLE = Enforced(
    status=STATUS | NO_CAPABILITIES,
    mounts=MOUNTS,
    interfaces=("lo",),
    files=FILES,
    core="0",
    errors=ERRORS,
)


_PARTS = {field.name for value in (HARDENING, CONTAINER_LIMITS) for field in fields(value)} | {
    "group"
}


def test_full_hardening() -> None:
    """A container with all limits lacks none."""
    assert unenforced(WHOLE, HARDENING, CONTAINER_LIMITS) == ()


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("user", "status", WHOLE.status | {"Uid": "0 0"}),
        ("group", "status", WHOLE.status | {"Gid": "0 0"}),
        ("no_network", "interfaces", ("eth0", "lo")),
        ("no_network", "errors", ERRORS | {"connect": ""}),
        ("read_only", "mounts", MOUNTS | {"/": "overlay rw,relatime "}),
        ("read_only", "errors", ERRORS | {"write": "ENOENT"}),
        ("no_ipc", "mounts", MOUNTS | {"/dev/shm": "tmpfs rw,nosuid size=65536k"}),
        ("no_capabilities", "status", WHOLE.status | {"CapBnd": "00000000a80425fb"}),
        ("no_new_privileges", "status", WHOLE.status | {"NoNewPrivs": "0"}),
        ("no_core", "core", "unlimited"),
        ("seccomp", "status", WHOLE.status | {"Seccomp": "0"}),
        ("seccomp", "errors", ERRORS | {"ptrace": "ESRCH"}),
        ("seccomp", "errors", ERRORS | {"ptrace": ""}),
        ("seccomp", "errors", ERRORS | {"schedule": ""}),
        ("tmpfs", "mounts", MOUNTS | {"/tmp": "tmpfs rw,nosuid,nodev rw"}),
        ("tmpfs", "mounts", {"/": MOUNTS["/"]}),
        ("memory", "files", FILES | {"memory": "max"}),
        ("memory", "files", FILES | {"memory": ""}),
        ("memory", "files", FILES | {"swap": "max"}),
        ("pids", "files", FILES | {"pids": "max"}),
        ("cpus", "files", FILES | {"cpu": "max 100000"}),
        ("cpus", "files", FILES | {"cpu": "-1"}),
        ("cpus", "files", FILES | {"cpu": "100000 50000"}),
        ("cpus", "files", FILES | {"cpu": "200000 100000"}),
    ],
)
def test_missing_limit_is_named(name: str, field: str, value: Any) -> None:  # noqa: ANN401 - of any field
    """Only the missing limit is named."""
    assert unenforced(WHOLE.model_copy(update={field: value}), HARDENING, CONTAINER_LIMITS) == (
        name,
    )


@pytest.mark.parametrize("limit", ["memory", "pids", "cpus", "tmpfs"])
def test_limit_must_equal_the_requested_one(limit: str) -> None:
    """Another limit than the requested one is not in effect."""
    other = replace(CONTAINER_LIMITS, **{limit: 2 * getattr(CONTAINER_LIMITS, limit)})
    assert unenforced(WHOLE, HARDENING, other) == (limit,)


def test_limits_of_cgroup_version_1() -> None:
    """It has one limit for memory with swap, and the quota without its period."""
    files = FILES | {"swap": FILES["memory"], "cpu": "100000"}
    assert unenforced(WHOLE.model_copy(update={"files": files}), HARDENING, CONTAINER_LIMITS) == ()


def test_emulator_that_traces_nothing() -> None:
    """Under emulation ptrace is not implemented; the other call shows that the filter works."""
    seen = WHOLE.model_copy(update={"errors": ERRORS | {"ptrace": "ENOSYS"}})
    assert unenforced(seen, HARDENING, CONTAINER_LIMITS) == ()


def test_container_that_answers_nothing() -> None:
    """Every part is missing, whatever is not a number."""
    nothing = Enforced(status={}, mounts={}, interfaces=(), files={}, core="", errors={})
    odd = nothing.model_copy(update={"files": dict.fromkeys(FILES, "\u00b2 x")})
    for seen in (nothing, odd):
        assert set(unenforced(seen, HARDENING, CONTAINER_LIMITS)) == {
            name for name in _PARTS if name not in {"no_ipc", "shm"}
        }


def test_shared_memory_that_was_asked_for() -> None:
    """It is there in the size that was asked for."""
    asked = replace(CONTAINER_LIMITS, shm=1 << 20)
    assert unenforced(WHOLE, HARDENING, asked) == ("shm",)
    for size, missing in ((1024, ()), (65536, ("shm",))):
        mounts = MOUNTS | {"/dev/shm": f"tmpfs rw,nosuid,nodev rw,size={size}k"}
        seen = WHOLE.model_copy(update={"mounts": mounts})
        assert unenforced(seen, HARDENING, asked) == missing
