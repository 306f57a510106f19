"""What a registry has under a name now: an image reference in, its digest out."""

import docker
from docker.errors import APIError, DockerException

from harness.core.errors import EngineError, ImageError


def newest_digest(reference: str) -> str:
    """Return the digest ``sha256:…`` that ``reference`` stands for in its registry now.

    Of an image for several platforms it is that of the list, which serves all of them.
    Nothing is pulled. Raises ``ImageError`` where the registry does not say, ``EngineError``
    where no engine answers.
    """
    try:
        client = docker.from_env()
    except DockerException as error:
        raise EngineError(
            f"no container engine answers: {error}; run `wheelgrid doctor`"
        ) from error
    try:
        return str(client.api.inspect_distribution(reference)["Descriptor"]["digest"])
    except (APIError, KeyError) as error:
        raise ImageError(
            f"{reference}: its registry does not say what it is now: {error}"
        ) from error
    finally:
        client.close()
