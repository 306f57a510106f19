"""An engine that stores images, runs nothing and records requests."""

import json
import tarfile
from collections.abc import Callable
from pathlib import Path

from harness.core.arches import Arch
from harness.core.errors import EngineError, ImageError
from harness.host.engine import (
    Channel,
    Completed,
    ContainerSpec,
    EngineImage,
    EngineInfo,
    PreparedImage,
)


class ImageEngine:
    """``Engine`` without containers; pulls return or raise ``pulls`` in turn, then the last."""

    def __init__(self, *pulls: EngineImage | ImageError) -> None:
        self.pulls = list(pulls)
        self.images: dict[str, EngineImage] = {}
        self.asked: list[str] = []

    def ping(self) -> None:
        pass

    def close(self) -> None:
        pass

    def info(self) -> EngineInfo:
        raise EngineError("an engine for images tells nothing about itself")

    def find_image(self, reference: str) -> EngineImage | None:
        return self.images.get(reference)

    def list_images(self, prefix: str) -> tuple[EngineImage, ...]:
        return tuple(i for name, i in self.images.items() if name.startswith(prefix))

    def remove_image(self, name: str) -> None:
        self.asked.append(f"remove {name}")
        del self.images[name]

    def load_image(self, archive: Path, reference: str) -> EngineImage:
        self.asked.append(f"load {reference}")
        image = read_image(archive)
        self.images[reference] = image
        return image

    def export_image(self, image: str, arch: Arch, path: Path) -> None:
        raise EngineError(f"{image} for {arch.name}: an engine for images exports nothing ({path})")

    def registry_digest(self, reference: str) -> str:
        raise ImageError(f"{reference}: an engine for images asks no registry")

    def pull_image(self, reference: str, arch: Arch) -> EngineImage:
        self.asked.append(f"pull {reference} {arch.name}")
        answer = self.pulls.pop(0) if len(self.pulls) > 1 else self.pulls[0]
        if isinstance(answer, ImageError):
            raise answer
        return answer

    def prepare_image(self, wanted: PreparedImage, announce: Callable[[str], None]) -> EngineImage:
        self.asked.append(f"prepare {wanted.reference}")
        announce(" && ".join(wanted.commands))
        image = EngineImage(
            id=f"{wanted.base}+prepared", platform=wanted.arch.platform, labels=wanted.labels
        )
        self.images[wanted.reference] = image
        return image

    def run(self, spec: ContainerSpec, *, stdin: bytes = b"", timeout: float) -> Completed:
        given = f"{len(stdin)} bytes of input, {timeout} s"
        raise EngineError(f"{spec.image}: an engine for images runs nothing ({given})")

    def open(self, spec: ContainerSpec) -> Channel:
        raise EngineError(f"{spec.image}: an engine for images runs nothing")

    def reap(self) -> int:
        return 0


class StockedEngine(ImageEngine):
    """Has the image ``every`` under each name that begins with ``prefix``."""

    def __init__(
        self, every: EngineImage, *pulls: EngineImage | ImageError, prefix: str = "wheelgrid/"
    ) -> None:
        super().__init__(*pulls)
        self.every = every
        self.prefix = prefix
        self.names: list[str] = []
        """Those that were looked up."""

    def find_image(self, reference: str) -> EngineImage | None:
        self.names.append(reference)
        return self.every if reference.startswith(self.prefix) else None


def read_image(archive: Path) -> EngineImage:
    """Return the image of an archive as an engine shows it after loading."""
    with tarfile.open(archive) as tar:
        (image,) = json.loads(_read(tar, "manifest.json"))
        config = json.loads(_read(tar, image["Config"]))
    parts = (config["os"], config["architecture"], config.get("variant", ""))
    return EngineImage(
        id=f"sha256:{image['Config'].removesuffix('.json')}",
        platform="/".join(part for part in parts if part),
        labels=config["config"]["Labels"],
    )


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    stream = tar.extractfile(name)
    assert stream is not None
    return stream.read()
