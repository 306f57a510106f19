"""Containers of ``prepare`` commands: package managers run in them as root, with network.

They are less confined than those of wheels, since they must change their root file system.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from harness.core.causes import Cause
from harness.core.errors import ImageError
from harness.host.engine.api import ChannelTimeoutError, PreparedImage
from harness.host.engine.hardening import ContainerLimits
from harness.host.engine.owner import own_label
from harness.host.engine.streams import Streams

PREPARE_SECONDS = 1800
"""A package manager takes minutes under emulation."""
PREPARE_LIMITS = ContainerLimits(memory=2 << 30, pids=512, cpus=2.0)
CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETFCAP", "SETGID", "SETUID")
"""What apt, apk and dnf need: files of other users, and their own unprivileged user to download
as (``_apt``). SETFCAP is for packages with file capabilities (``setcap`` of iputils-ping)."""
_LINES_KEPT = 15

Network = dict[str, str]
"""Arguments of docker-py's ``create_host_config``."""


def possible_networks(names: Sequence[str]) -> tuple[Network, ...]:
    """Return the networks to try in turn on an engine whose networks have these names.

    Engines without a bridge exist (``dockerd --bridge none``). One that remaps users refuses its
    own network to a remapped container (dockerd(8), ``--userns-remap``).
    """
    bridge: tuple[Network, ...] = ({"network_mode": "bridge"},) if "bridge" in names else ()
    return (*bridge, {"network_mode": "host"}, {"network_mode": "host", "userns_mode": "host"})


def container_options(wanted: PreparedImage) -> dict[str, Any]:
    """Return the arguments of docker-py's ``create_container``, without the host's part."""
    return {
        "image": wanted.base,
        "entrypoint": ["sh", "-exc"],
        "command": ["\n".join(("exec 2>&1", *wanted.commands))],
        "user": "0",
        "labels": own_label(),
        "environment": dict(wanted.arch.qemu_env),
        "platform": wanted.arch.platform,
    }


def host_options(network: Network) -> dict[str, Any]:
    """Return the arguments of docker-py's ``create_host_config``."""
    return {
        **network,
        "cap_drop": ["ALL"],
        "cap_add": list(CAPABILITIES),
        "security_opt": ["no-new-privileges"],
        "mem_limit": PREPARE_LIMITS.memory,
        "memswap_limit": PREPARE_LIMITS.memory,
        "pids_limit": PREPARE_LIMITS.pids,
        "nano_cpus": int(PREPARE_LIMITS.cpus * 1e9),
        "log_config": {"type": "none"},
    }


def label_changes(wanted: PreparedImage) -> str:
    """Return the changes of a commit as lines of a Dockerfile."""
    labels = [f"LABEL {name}={value}" for name, value in sorted(wanted.labels.items())]
    return "\n".join([*labels, "ENTRYPOINT []"])


def follow(streams: Streams, announce: Callable[[str], None]) -> str:
    """Announce the output of a preparing container to its end; return its last lines.

    Raises ``ImageError`` if it takes longer than ``PREPARE_SECONDS``.
    """
    tail: list[str] = []
    try:
        for line in _lines(streams):
            tail = [*tail, line][-_LINES_KEPT:]
            announce(line)
    except ChannelTimeoutError:
        raise ImageError(
            f"prepare: still running after {PREPARE_SECONDS} s:\n" + "\n".join(tail),
            cause=Cause.PREPARE,
        ) from None
    return "\n".join(tail)


def _lines(streams: Streams) -> Iterator[str]:
    return streams.lines(deadline=time.monotonic() + PREPARE_SECONDS)


def prepare_failed(status: int, output: str, *, out_of_memory: bool) -> ImageError:
    """Return the error for commands that ended with a status other than 0."""
    reason = f" (it needs more than {PREPARE_LIMITS.memory >> 20} MiB)" if out_of_memory else ""
    return ImageError(
        f"prepare: a command ended with status {status}{reason}:\n{output}", cause=Cause.PREPARE
    )


def no_shell(error: ImageError) -> ImageError:
    """Return the error for an image without ``sh``."""
    why = str(error).partition("\n")[0]
    return ImageError(
        f"prepare: the image has no shell, which its commands need ({why})\n"
        "leave `prepare` out in matrix/targets.yaml, or choose another way with --images",
        cause=Cause.PREPARE,
    )


def not_prepared(why: Sequence[str]) -> ImageError:
    """Return the error for an engine on which no container with network starts."""
    lines = "\n".join(dict.fromkeys(why))
    return ImageError(
        f"prepare: no container with network starts on this engine:\n{lines}\n"
        "give it a bridge network, or choose another way with --images",
        cause=Cause.PREPARE,
    )
