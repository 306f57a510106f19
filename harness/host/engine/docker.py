"""``Engine`` over docker-py, whose errors become ``EngineError``."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import docker
import docker.errors
import requests.exceptions

from harness.core.arches import Arch
from harness.core.causes import Cause
from harness.core.errors import EngineError, ImageError
from harness.host.engine.api import (
    ChannelTimeoutError,
    Completed,
    ContainerSpec,
    EngineImage,
    EngineInfo,
    PreparedImage,
)
from harness.host.engine.engine_errors import ADVICE, pull_error, unreachable
from harness.host.engine.hardening import TMP
from harness.host.engine.image_names import split_reference
from harness.host.engine.owner import OWNER_LABEL, is_orphan, own_label
from harness.host.engine.streams import Streams

PING_SECONDS = 5
REQUEST_SECONDS = 600
"""Read timeout of a request: loading an image of some 100 MB onto a slow disk."""
REMOVAL_PAUSES = (0.1, 1.0, 3.0)
"""Seconds between attempts to remove a container."""
PREPARE_SECONDS = 1800
"""A package manager takes minutes under emulation."""
_REFUSES = "the container engine refuses: "


def connect() -> "DockerEngine":
    """Return the engine at ``DOCKER_HOST``, else at the default socket.

    Raises ``EngineError`` within a few seconds if it does not answer.
    """
    with _translated():
        client = docker.from_env(timeout=PING_SECONDS)
    engine = DockerEngine(client)
    try:
        engine.ping()
    except EngineError:
        engine.close()
        raise
    client.api.timeout = REQUEST_SECONDS
    return engine


class DockerEngine:
    """``Engine`` over one docker-py client."""

    def __init__(self, client: docker.DockerClient) -> None:
        self._client = client
        self._api = client.api

    def ping(self) -> None:
        with _translated():
            self._api.ping()

    def close(self) -> None:
        self._client.close()

    def info(self) -> EngineInfo:
        with _translated():
            info = self._client.info()
            version = self._client.version()
        enforced = {"memory": "MemoryLimit", "pids": "PidsLimit", "cpu": "CpuCfsQuota"}
        return EngineInfo(
            version=version["Version"],
            api_version=version["ApiVersion"],
            storage_driver=info["Driver"],
            data_root=info.get("DockerRootDir", ""),
            arch=info["Architecture"],
            kernel=info["KernelVersion"],
            limits=frozenset(name for name, key in enforced.items() if info.get(key)),
            rootless=any("rootless" in option for option in info.get("SecurityOptions") or ()),
        )

    def find_image(self, reference: str) -> EngineImage | None:
        with _translated():
            try:
                return _engine_image(self._api.inspect_image(reference))
            except docker.errors.ImageNotFound:
                return None

    def list_images(self, prefix: str) -> tuple[EngineImage, ...]:
        with _translated():
            listed = self._api.images(filters={"dangling": False})
        ids = [i["Id"] for i in listed if any(n.startswith(prefix) for n in i["RepoTags"] or ())]
        found = map(self.find_image, ids)
        return tuple(image for image in found if image is not None)

    def remove_image(self, name: str) -> None:
        with (
            _refused(lambda why: ImageError(f"{name}: {_REFUSES}{why}; does a container use it?")),
            contextlib.suppress(docker.errors.ImageNotFound),
        ):
            self._api.remove_image(name)

    def load_image(self, archive: Path, reference: str) -> EngineImage:
        with _translated(), archive.open("rb") as stream:
            for event in self._api.load_image(stream):
                if "error" in event:
                    raise ImageError(
                        f"{archive}: the engine cannot load it: {event['error']}\n{ADVICE}"
                    )
        with _translated():
            # The engine records the time of a tag, but not that of a load.
            self._api.tag(reference, *split_reference(reference))
        return self._existing(reference)

    def export_image(self, image: str, arch: Arch, path: Path) -> None:
        with _translated():
            container = self._api.create_container(
                image, command=["none"], labels=own_label(), platform=arch.platform
            )["Id"]
            try:
                with path.open("wb") as stream:
                    for chunk in self._api.export(container):
                        stream.write(chunk)
            finally:
                self._remove(container)

    def registry_digest(self, reference: str) -> str:
        what = f"{reference}: its registry reports no digest: {_REFUSES}"
        with _refused(lambda why: ImageError(what + why)):
            found = self._api.inspect_distribution(reference)
        return str(found["Descriptor"]["digest"])

    def pull_image(self, reference: str, arch: Arch) -> EngineImage:
        name, tag = split_reference(reference)
        digest = ""
        with _refused(lambda why: pull_error(reference, arch, why)):
            events = self._api.pull(name, tag=tag, platform=arch.platform, stream=True, decode=True)
            for event in events:
                if "error" in event:
                    raise pull_error(reference, arch, event["error"])
                if event.get("status", "").startswith("Digest: "):
                    digest = event["status"].removeprefix("Digest: ")
        # The engine itself records a digest only for the first platform that is pulled by it.
        return replace(self._existing(reference), digests=(f"{name}@{digest}",))

    def prepare_image(self, wanted: PreparedImage, announce: Callable[[str], None]) -> EngineImage:
        with _translated():
            container = self._api.create_container(
                wanted.base,
                entrypoint=["sh", "-exc"],
                command=["\n".join(wanted.commands)],
                user="0",
                labels=own_label(),
                environment=dict(wanted.arch.qemu_env),
                platform=wanted.arch.platform,
                # Serves as well as a bridge, and works for engines without one.
                host_config=self._api.create_host_config(network_mode="host"),
            )["Id"]
            try:
                self._api.start(container)
                self._follow(container, announce)
                repository, _, tag = wanted.reference.rpartition(":")
                changes = [f"LABEL {name}={value}" for name, value in sorted(wanted.labels.items())]
                self._api.commit(
                    container, repository, tag, changes="\n".join([*changes, "ENTRYPOINT []"])
                )
            finally:
                self._remove(container)
        return self._existing(wanted.reference)

    def _follow(self, container: str, announce: Callable[[str], None]) -> None:
        """Announce the output of a preparing container; raise ``ImageError`` if it fails."""
        deadline = time.monotonic() + PREPARE_SECONDS
        tail: list[str] = []
        for chunk in self._api.logs(container, stdout=True, stderr=True, stream=True):
            lines = chunk.decode("utf-8", "replace").splitlines()
            tail = [*tail, *lines][-15:]
            if lines:
                announce(lines[-1])
            if time.monotonic() > deadline:
                raise ImageError(
                    f"prepare: still running after {PREPARE_SECONDS} s", cause=Cause.PREPARE
                )
        status = self._api.wait(container)["StatusCode"]
        if status != 0:
            output = "\n".join(tail)
            raise ImageError(
                f"prepare: a command ended with status {status}:\n{output}", cause=Cause.PREPARE
            )

    def run(self, spec: ContainerSpec, *, stdin: bytes = b"", timeout: float) -> Completed:
        deadline = time.monotonic() + timeout
        with contextlib.closing(self._start(spec, auto_remove=False)) as streams:
            try:
                output = streams.exchange(stdin, deadline=deadline)
            except ChannelTimeoutError:
                raise EngineError(
                    f"{spec.command[0]}: still running in its container after {timeout:.0f} s"
                ) from None
            with _translated():
                status = self._api.wait(streams.container)["StatusCode"]
            return Completed(status=status, output=output, errors=streams.errors())

    def open(self, spec: ContainerSpec) -> Streams:
        return self._start(spec, auto_remove=True)

    def _start(self, spec: ContainerSpec, *, auto_remove: bool) -> Streams:
        """Start a container, with the engine's own seccomp profile if it takes no other."""
        try:
            return self._start_with(spec, auto_remove=auto_remove)
        except EngineError as error:
            if not spec.hardening.seccomp or "seccomp" not in str(error).lower():
                raise
        weaker = replace(spec.hardening, seccomp=None)
        return self._start_with(replace(spec, hardening=weaker), auto_remove=auto_remove)

    def _start_with(self, spec: ContainerSpec, *, auto_remove: bool) -> Streams:
        with _translated():
            since = int(time.time())
            container = self._api.create_container(
                spec.image,
                entrypoint=list(spec.command[:1]),
                command=list(spec.command[1:]),
                user=spec.hardening.user,
                working_dir=TMP,
                stdin_open=True,
                environment={**dict(spec.arch.qemu_env), **dict(spec.env)},
                labels=own_label(),
                network_disabled=spec.hardening.no_network,
                platform=spec.arch.platform,
                host_config=self._api.create_host_config(
                    auto_remove=auto_remove, **spec.hardening.host_config(spec.limits)
                ),
            )["Id"]
            try:
                parameters = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
                socket = self._api.attach_socket(container, params=parameters)
                self._api.start(container)
            except BaseException:
                self._remove(container)
                raise
        return Streams(
            container,
            socket,
            remove=lambda: self._remove(container),
            out_of_memory=lambda: self._ran_out_of_memory(container, since),
        )

    def _ran_out_of_memory(self, container: str, since: int) -> bool:
        """Search the engine's recent events, since the container may be gone already."""
        with _translated():
            events = self._api.events(
                since=since,
                until=int(time.time()) + 1,
                filters={"container": container, "event": "oom"},
                decode=True,
            )
            return any(True for _ in events)

    def reap(self) -> int:
        with _translated():
            containers = self._api.containers(all=True, filters={"label": OWNER_LABEL})
            orphans = [c["Id"] for c in containers if is_orphan(c["Labels"][OWNER_LABEL])]
            for container in orphans:
                self._remove(container)
        return len(orphans)

    def _remove(self, container: str) -> None:
        """Remove a container; try again while the engine fails to kill it or is removing it."""
        for pause in REMOVAL_PAUSES:
            try:
                with _translated():
                    self._api.remove_container(container, force=True, v=True)
            except EngineError as error:
                if isinstance(error.__cause__, docker.errors.NotFound):
                    return
                if not isinstance(error.__cause__, docker.errors.APIError):
                    raise
                time.sleep(pause)
            else:
                return

    def _existing(self, reference: str) -> EngineImage:
        image = self.find_image(reference)
        if image is None:
            raise ImageError(
                f"{reference}: the engine accepted the image but does not have it; "
                "check that nothing else removes its images, then run again"
            )
        return image


def _engine_image(found: dict[str, Any]) -> EngineImage:
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


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turn errors of docker-py into ``EngineError`` with the next step."""
    try:
        yield
    except docker.errors.APIError as error:
        raise EngineError(f"{_REFUSES}{error.explanation or error}") from error
    except (docker.errors.DockerException, requests.exceptions.RequestException, OSError) as error:
        raise EngineError(unreachable(error)) from error


@contextlib.contextmanager
def _refused(make: Callable[[str], ImageError]) -> Iterator[None]:
    """Turn a refusal of the engine into the error that ``make`` returns for its reason."""
    with _translated():
        try:
            yield
        except docker.errors.APIError as error:
            raise make(str(error.explanation or error)) from error
