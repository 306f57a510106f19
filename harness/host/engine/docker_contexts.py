"""Docker contexts by name: engines that the user has described to the ``docker`` command.

docker-py reads them only beside a ``config.json``, which ``docker context create`` does not write.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import UsageError
from harness.core.matching import did_you_mean


@dataclass(frozen=True, kw_only=True, slots=True)
class DockerContext:
    """The endpoint of a context."""

    host: str
    certificates: Path | None
    """Folder with ``ca.pem`` and perhaps ``cert.pem`` and ``key.pem``; None without TLS."""
    verifies: bool
    """Whether the engine's own certificate is checked."""


def find_context(name: str) -> DockerContext:
    """Return the context of that name. Raises ``UsageError`` if there is none."""
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "contexts"
    key = hashlib.sha256(name.encode()).hexdigest()
    try:
        meta = json.loads((folder / "meta" / key / "meta.json").read_bytes())
        endpoint = meta["Endpoints"]["docker"]
        host, verifies = str(endpoint["Host"]), not endpoint.get("SkipTLSVerify", False)
    except FileNotFoundError:
        hint = did_you_mean(name, _names(folder))
        raise UsageError(f"engine {name}: no Docker context has this name{hint}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"engine {name}: its Docker context is damaged: {error}") from error
    tls = folder / "tls" / key / "docker"
    return DockerContext(host=host, certificates=tls if tls.is_dir() else None, verifies=verifies)


def _names(folder: Path) -> list[str]:
    names = []
    for file in folder.glob("meta/*/meta.json"):
        try:
            names.append(str(json.loads(file.read_bytes())["Name"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return names
