"""``Engine`` over docker-py, whose errors become ``EngineError``."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import docker.errors

from harness.core.arches import Arch
from harness.core.errors import EngineError, HarnessError, ImageError, UsageError
from harness.host.engine.api import (
    ChannelTimeoutError,
    Completed,
    ContainerSpec,
    EngineImage,
    EngineInfo,
    PreparedImage,
)
from harness.host.engine.engine_answers import engine_image
from harness.host.engine.engine_errors import (
    ADVICE,
    REFUSES,
    hanging_pull,
    pull_error,
    refusal,
    start_error,
)
from harness.host.engine.hardening import TMP
from harness.host.engine.image_names import split_reference
from harness.host.engine.owner import OWNER_LABEL, is_orphan, own_label
from harness.host.engine.preparation import (
    container_options,
    follow,
    host_options,
    label_changes,
    no_shell,
    not_prepared,
    possible_networks,
    prepare_failed,
)
from harness.host.engine.request_limits import REQUEST_LIMITS, Ask
from harness.host.engine.streams import Streams
from harness.host.engine.timed_client import (
    EngineTimeoutError,
    TimedClient,
    asking,
    client_of_environment,
)

REMOVAL_PAUSES = (0.1, 1.0, 3.0)
"""Seconds between attempts to remove a container."""
_FEW_EVENTS = 64
"""An engine that remembers fewer events than this has forgotten none (moby's ``eventsLimit``)."""


def connect(runtime: str = "") -> "DockerEngine":
    """Return the engine at ``DOCKER_HOST``, else at the default socket.

    ``runtime`` is the OCI runtime of its containers; by default the engine's own. Raises
    ``EngineError`` within a few seconds if it does not answer, and ``UsageError`` if it has no
    such runtime.
    """
    engine = DockerEngine(client_of_environment(), runtime)
    try:
        engine.ping()
        engine.check_runtime()
    except HarnessError:
        engine.close()
        raise
    return engine


class DockerEngine:
    """``Engine`` over one docker-py client."""

    def __init__(self, client: TimedClient, runtime: str = "") -> None:
        self._api = client
        self._runtime = runtime
        self._left = set[str]()
        """Containers that the engine did not remove when it was asked to."""

    def ping(self) -> None:
        with asking(Ask.PING):
            self._api.ping()

    def check_runtime(self) -> None:
        """Raise ``UsageError`` if the engine does not have the runtime that was chosen."""
        if not self._runtime:
            return
        with asking(Ask.QUERY):
            known = sorted(self._api.info()["Runtimes"])
        if self._runtime not in known:
            raise UsageError(
                f"--runtime {self._runtime}: the container engine has no such runtime; it has "
                f"{', '.join(known)} (dockerd(8), --add-runtime)"
            )

    def close(self) -> None:
        self._api.close()

    def info(self) -> EngineInfo:
        with asking(Ask.QUERY):
            info = self._api.info()
            version = self._api.version()
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
            runtime=self._runtime,
        )

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

    def export_image(self, image: str, arch: Arch, path: Path) -> None:
        with asking(Ask.CREATE):
            container = self._api.create_container(
                image, command=["none"], labels=own_label(), platform=arch.platform
            )["Id"]
        try:
            with path.open("wb") as stream:
                for chunk in self._exported(container):
                    stream.write(chunk)
        finally:
            self._remove(container)

    def _exported(self, container: str) -> Iterator[bytes]:
        with asking(Ask.EXPORT) as deadline:
            yield from deadline.each(self._api.export(container))

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

    def prepare_image(self, wanted: PreparedImage, announce: Callable[[str], None]) -> EngineImage:
        with contextlib.closing(self._start_preparation(wanted)) as streams:
            output = follow(streams, announce)
            status = self._status(streams.container)
            if status != 0:
                killed = streams.memory_exceeded()
                raise prepare_failed(status, output, out_of_memory=killed)
            repository, _, tag = wanted.reference.rpartition(":")
            with asking(Ask.COMMIT):
                self._api.commit(streams.container, repository, tag, changes=label_changes(wanted))
        return self._existing(wanted.reference)

    def _start_preparation(self, wanted: PreparedImage) -> Streams:
        """Start a container in the first network that the engine has for it."""
        with asking(Ask.QUERY):
            names = [network["Name"] for network in self._api.networks()]
        refused = []
        for network in possible_networks(names):
            try:
                return self._begin(container_options(wanted), host_options(network))
            except ImageError as error:
                raise no_shell(error) from error
            except EngineError as error:
                if not isinstance(error.__cause__, docker.errors.APIError):
                    raise
                refused.append(str(error))
        raise not_prepared(refused)

    def run(self, spec: ContainerSpec, *, stdin: bytes = b"", timeout: float) -> Completed:
        deadline = time.monotonic() + timeout
        with contextlib.closing(self._start(spec, auto_remove=False)) as streams:
            try:
                output = streams.exchange(stdin, deadline=deadline)
            except ChannelTimeoutError:
                raise EngineError(
                    f"{spec.command[0]}: still running in its container after {timeout:.0f} s"
                ) from None
            status = self._status(streams.container, seconds=max(5, deadline - time.monotonic()))
            return Completed(status=status, output=output, errors=streams.errors())

    def open(self, spec: ContainerSpec) -> Streams:
        return self._start(spec, auto_remove=True)

    def _start(self, spec: ContainerSpec, *, auto_remove: bool) -> Streams:
        options = {
            "image": spec.image,
            "entrypoint": list(spec.command[:1]),
            "command": list(spec.command[1:]),
            "user": spec.hardening.user,
            "working_dir": TMP,
            "stdin_open": True,
            "environment": {**dict(spec.arch.qemu_env), **dict(spec.env)},
            "labels": own_label(),
            "network_disabled": spec.hardening.no_network,
            "platform": spec.arch.platform,
        }
        host = spec.hardening.host_config(spec.limits)
        return self._begin(options, {"auto_remove": auto_remove, **host})

    def _begin(self, options: dict[str, Any], host: dict[str, Any]) -> Streams:
        """Create a container, attach to it, and start it."""
        since = int(time.time())
        with asking(Ask.CREATE):
            host = self._api.create_host_config(runtime=self._runtime or None, **host)
            container = self._api.create_container(**options, host_config=host)["Id"]
        attached = None
        try:
            parameters = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            with asking(Ask.ATTACH) as deadline:
                attached = self._api.attach_socket(container, params=parameters)
                # Cut short, a header still parses: without its last lines.
                _ = deadline.answers[-1].headers["Content-Type"]
            with asking(Ask.START, refused=partial(start_error, options["entrypoint"][0])):
                self._api.start(container)
        except BaseException:
            if attached is not None:
                attached.close()
            with contextlib.suppress(EngineError):
                self._remove(container)
            raise
        return Streams(
            container,
            attached,
            remove=lambda: self._remove(container),
            out_of_memory=lambda: self._ran_out_of_memory(container, since),
            check_engine=self.ping,
        )

    def _status(self, container: str, *, seconds: float | None = None) -> int:
        """Return the exit status of a container that is about to end."""
        with asking(Ask.WAIT, seconds=seconds):
            return int(self._api.wait(container)["StatusCode"])

    def _ran_out_of_memory(self, container: str, since: int) -> bool:
        """Search the engine's recent events, since the container may be gone already.

        Raises ``EngineError`` if the engine was restarted: its events are kept in memory.
        """
        with asking(Ask.QUERY) as deadline:
            events = self._api.events(
                since=since,
                until=int(time.time()) + 1,
                filters={"type": "container"},
                decode=True,
            )
            seen = [(event["Actor"]["ID"], event["Action"]) for event in deadline.each(events)]
        own = [action for where, action in seen if where == container]
        if not own and len(seen) < _FEW_EVENTS:
            raise EngineError(
                f"the container engine was restarted and lost its containers; {ADVICE}"
            )
        return "oom" in own

    def reap(self) -> int:
        with asking(Ask.QUERY):
            containers = self._api.containers(all=True, filters={"label": OWNER_LABEL})
            orphans = [
                c["Id"]
                for c in containers
                if is_orphan(c["Labels"][OWNER_LABEL], running=c["State"] == "running")
            ]
        for container in (*orphans, *self._left):
            self._remove(container)
        return len(orphans)

    def _remove(self, container: str) -> None:
        """Remove a container; try again while the engine fails to kill it or is removing it.

        ``reap`` tries those again that stay.
        """
        self._left.add(container)
        for pause in REMOVAL_PAUSES:
            try:
                with asking(Ask.REMOVE):
                    self._api.remove_container(container, force=True, v=True)
            except EngineError as error:
                if isinstance(error.__cause__, docker.errors.NotFound):
                    self._left.discard(container)
                    return
                if not isinstance(error.__cause__, docker.errors.APIError):
                    raise
                time.sleep(pause)
            else:
                self._left.discard(container)
                return

    def _existing(self, reference: str) -> EngineImage:
        image = self.find_image(reference)
        if image is None:
            raise ImageError(
                f"{reference}: the engine accepted the image but does not have it; "
                "check that nothing else removes its images, then run again"
            )
        return image
