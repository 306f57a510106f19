"""Docker contexts as `docker context create` writes them."""

import hashlib
import json
from pathlib import Path


def write_context(folder: Path, name: str, endpoint: object, *files: str) -> Path:
    """Write a context as `docker context create` does; return its folder of certificates."""
    key = hashlib.sha256(name.encode()).hexdigest()
    meta, tls = folder / "contexts/meta" / key, folder / "contexts/tls" / key / "docker"
    meta.mkdir(parents=True)
    document = {"Name": name, "Metadata": {}, "Endpoints": {"docker": endpoint}}
    (meta / "meta.json").write_text(json.dumps(document))
    for file in files:
        tls.mkdir(parents=True, exist_ok=True)
        (tls / file).write_text("")
    return tls
