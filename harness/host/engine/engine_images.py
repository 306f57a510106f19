"""Images of an engine over docker-py: found, loaded, pulled, removed."""

import contextlib
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import docker.errors

from harness.core.arches import Arch
from harness.core.errors import ImageError
from harness.host.engine.api import EngineImage
from harness.host.engine.engine_errors import ADVICE, REFUSES, hanging_pull, pull_error, refusal
from harness.host.engine.request_limits import REQUEST_LIMITS, Ask
from harness.host.engine.timed_client import EngineTimeoutError, TimedClient, asking


class EngineImages:
    """The part of ``Engine`` that is about images."""

    def __init__(self, client: TimedClient) -> None:
        self._api = client

    def ping(self) -> None:
        with asking(Ask.PING):
            self._api.ping()

    def find_image(self, reference: str) -> EngineImage | None:
        with asking(Ask.QUERY):
            try:
                return engine_image(self._api.inspect_image(reference))
            except docker.errors.ImageNotFound:
                return None

    def list_images(self, prefix: str) -> tuple[EngineImage, ...]:
        with asking(Ask.QUERY):
            listed = self._api.images(filters={"dangling": False})
            ids = [
                i["Id"] for i in listed if any(n.startswith(prefix) for n in i["RepoTags"] or ())
            ]
        found = map(self.find_image, ids)
        return tuple(image for image in found if image is not None)

    def remove_image(self, name: str) -> None:
        def used(why: str) -> ImageError:
            return ImageError(f"{name}: {REFUSES}{why}; does a container use it?")

        with asking(Ask.REMOVE, refused=used), contextlib.suppress(docker.errors.ImageNotFound):
            self._api.remove_image(name)

    def load_image(self, archive: Path, reference: str) -> EngineImage:
        def unfit(why: str) -> ImageError:
            return ImageError(f"{archive}: the engine cannot load it: {why}\n{ADVICE}")

        with archive.open("rb") as stream, asking(Ask.LOAD, refused=unfit) as deadline:
            for event in deadline.each(self._api.load_image(stream)):
                if "error" in event:
                    raise refusal(event["error"], unfit)
        with asking(Ask.QUERY, refused=unfit):
            # The engine records the time of a tag, but not that of a load.
            self._api.tag(reference, *split_reference(reference))
        return self._existing(reference)

    def registry_digest(self, reference: str) -> str:
        what = f"{reference}: its registry reports no digest: {REFUSES}"
        with asking(Ask.DIGEST, refused=lambda why: ImageError(what + why)):
            found = self._api.inspect_distribution(reference)
            return str(found["Descriptor"]["digest"])

    def pull_image(self, reference: str, arch: Arch) -> EngineImage:
        name, _ = split_reference(reference)
        try:
            digest = self._pull(reference, arch)
        except EngineTimeoutError as error:
            self.ping()  # if it answers, the registry is the one that is silent
            raise hanging_pull(reference, arch, REQUEST_LIMITS[Ask.PULL]) from error
        # The engine itself records a digest only for the first platform that is pulled by it.
        return replace(self._existing(reference), digests=(f"{name}@{digest}",))

    def _pull(self, reference: str, arch: Arch) -> str:
        """Pull an image and return its digest."""
        name, tag = split_reference(reference)
        digest = ""
        failed = partial(pull_error, reference, arch)
        with asking(Ask.PULL, refused=failed) as deadline:
            events = self._api.pull(name, tag=tag, platform=arch.platform, stream=True, decode=True)
            for event in deadline.each(events):
                if "error" in event:
                    raise refusal(event["error"], failed)
                if event.get("status", "").startswith("Digest: "):
                    digest = event["status"].removeprefix("Digest: ")
        return digest

    def _existing(self, reference: str) -> EngineImage:
        image = self.find_image(reference)
        if image is None:
            raise ImageError(
                f"{reference}: the engine accepted the image but does not have it; "
                "check that nothing else removes its images, then run again"
            )
        return image


def split_reference(reference: str) -> tuple[str, str]:
    """Return name and tag (or digest) of an image reference; the tag is ``latest`` by default."""
    path, _, digest = reference.partition("@")
    folder, slash, last = path.rpartition("/")
    name, _, tag = last.partition(":")
    return f"{folder}{slash}{name}", digest or tag or "latest"


def engine_image(found: dict[str, Any]) -> EngineImage:
    """Return the image of an answer to `docker image inspect`."""
    parts = (found["Os"], found["Architecture"], found.get("Variant", ""))
    return EngineImage(
        id=found["Id"],
        platform="/".join(part for part in parts if part),
        digests=tuple(found.get("RepoDigests") or ()),
        labels=dict((found.get("Config") or {}).get("Labels") or {}),
        names=tuple(found.get("RepoTags") or ()),
        size=found.get("Size", 0),
        named_at=_seconds((found.get("Metadata") or {}).get("LastTagTime") or ""),
    )


def _seconds(text: str) -> float:
    """Return a timestamp of the engine as seconds since the epoch, 0 for its zero time."""
    with contextlib.suppress(ValueError):
        return max(0.0, datetime.fromisoformat(text).timestamp())
    return 0.0
