"""Write image archives for ``docker load``, reproducibly.

``docker import --platform`` is no alternative: Docker 20.10 records the engine's architecture in
the image's config, which breaks ``--platform``. The layout is that of ``docker save`` (moby,
image/spec/v1.2), which every engine reads.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.core.arches import Arch
from harness.host.cache import file_sha256

CREATED = "2020-01-01T00:00:00Z"
"""Creation time of every image and file. Zip files cannot hold dates before 1980."""
ENVIRONMENT = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8")


def write_archive(
    layers: Sequence[Path], archive: Path, *, reference: str, arch: Arch, labels: Mapping[str, str]
) -> str:
    """Write an archive with the image ``reference`` and return the image's id.

    ``layers`` are uncompressed tar files, the lowest first. They are read twice (digest, copy) and
    never held in memory.
    """
    names = [f"layer-{number}.tar" for number in range(len(layers))]
    config = _json(_config([f"sha256:{file_sha256(layer)}" for layer in layers], arch, labels))
    digest = hashlib.sha256(config).hexdigest()
    manifest = [{"Config": f"{digest}.json", "RepoTags": [reference], "Layers": names}]
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
        _add(tar, "manifest.json", _json(manifest))
        _add(tar, f"{digest}.json", config)
        for name, layer in zip(names, layers, strict=True):
            with layer.open("rb") as stream:
                tar.addfile(_member(name, layer.stat().st_size), stream)
    return f"sha256:{digest}"


def _config(diff_ids: list[str], arch: Arch, labels: Mapping[str, str]) -> dict[str, object]:
    variant = {"variant": arch.oci_variant} if arch.oci_variant else {}
    return {
        "architecture": arch.oci,
        **variant,
        "os": "linux",
        "created": CREATED,
        "config": {"Env": list(ENVIRONMENT), "Cmd": ["sh"], "Labels": dict(labels)},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [{"created": CREATED, "created_by": "wheelgrid"}] * len(diff_ids),
    }


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    tar.addfile(_member(name, len(data)), io.BytesIO(data))


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = size
    return member
