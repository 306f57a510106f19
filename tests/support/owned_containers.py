"""The containers of an engine by the process that owns them."""

import os
from collections.abc import Collection

import docker

from harness.host.engine.owner import OWNER_LABEL


def containers_of(api: docker.APIClient, pids: Collection[int]) -> list[str]:
    """Return the containers that those processes own."""
    listed = api.containers(all=True, filters={"label": OWNER_LABEL})
    owners = [(each["Id"], each["Labels"][OWNER_LABEL].split()[-1]) for each in listed]
    return [each for each, owner in owners if int(owner.partition(":")[0]) in pids]


def own_containers(api: docker.APIClient) -> list[str]:
    """Return the containers of this process."""
    return containers_of(api, [os.getpid()])
