"""``Engine`` over docker-py, whose errors become ``EngineError``."""

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import docker.errors

from harness.core.arches import Arch
from harness.core.engine_places import HERE
from harness.core.errors import EngineError, HarnessError, ImageError, UsageError
from harness.host.engine.api import (
    ChannelTimeoutError,
    Completed,
    ContainerEnd,
    ContainerSpec,
    EngineImage,
    EngineInfo,
    PreparedImage,
    StillRunningError,
)
from harness.host.engine.engine_errors import ADVICE, not_understood, start_error
from harness.host.engine.engine_images import EngineImages
from harness.host.engine.hardening import TMP
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
from harness.host.engine.request_limits import Ask
from harness.host.engine.streams import Streams
from harness.host.engine.timed_client import TimedClient, asking, open_client

REMOVAL_PAUSES = (0.1, 1.0, 3.0)
"""Seconds between attempts to remove a container."""
_CONNECTION_LABEL = "wheelgrid.connection"
_STARTED = (204, 304)
"""HTTP statuses of a start that was done (Docker Engine API, ``ContainerStart``)."""
_FEW_EVENTS = 64
"""An engine that remembers fewer events than this has forgotten none (moby's ``eventsLimit``)."""


def connect(runtime: str = "", address: str = HERE) -> "DockerEngine":
    """Return the engine at ``address``; by default that at ``DOCKER_HOST`` or the default socket.

    ``runtime`` is the OCI runtime of its containers; by default the engine's own. Raises
    ``EngineError`` within seconds if it does not answer, and ``UsageError`` if it has no such
    runtime, or for an unknown Docker context.
    """
    engine = DockerEngine(open_client(address), runtime)
    try:
        engine.ping()
        engine.check_runtime()
    except HarnessError:
        engine.close()
        raise
    return engine


class DockerEngine(EngineImages):
    """``Engine`` over one docker-py client."""

    def __init__(self, client: TimedClient, runtime: str = "") -> None:
        super().__init__(client)
        self._runtime = runtime
        self._token = secrets.token_hex(8)
        self._held = set[str]()
        """Containers that are in use."""

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
            host=info.get("Name", ""),
            processors=info.get("NCPU", 0),
            memory=info.get("MemTotal", 0),
            kernel=info["KernelVersion"],
            limits=frozenset(name for name, key in enforced.items() if info.get(key)),
            rootless=any("rootless" in option for option in info.get("SecurityOptions") or ()),
            runtime=self._runtime,
        )

    def export_image(self, image: str, arch: Arch, path: Path) -> None:
        with asking(Ask.CREATE):
            container = self._api.create_container(
                image, command=["none"], labels=self._labels(), platform=arch.platform
            )["Id"]
            self._held.add(container)
        try:
            with path.open("wb") as stream:
                for chunk in self._exported(container):
                    stream.write(chunk)
        finally:
            self._remove(container)

    def _exported(self, container: str) -> Iterator[bytes]:
        with asking(Ask.EXPORT) as deadline:
            yield from deadline.each(self._api.export(container))

    def prepare_image(self, wanted: PreparedImage, announce: Callable[[str], None]) -> EngineImage:
        with contextlib.closing(self._start_preparation(wanted)) as streams:
            output = follow(streams, announce)
            status = self._status(streams.container)
            if status != 0:
                killed = streams.ending().out_of_memory
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
                raise StillRunningError(
                    f"{spec.command[0]}: still running in its container after {timeout:.0f} s"
                ) from None
            status = self._status(streams.container, seconds=max(5, deadline - time.monotonic()))
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
        options = {
            "image": spec.image,
            "entrypoint": list(spec.command[:1]),
            "command": list(spec.command[1:]),
            "user": spec.hardening.user,
            "working_dir": TMP,
            "stdin_open": True,
            "environment": {**dict(spec.arch.qemu_env), **dict(spec.env)},
            "platform": spec.arch.platform,
        }
        host = spec.hardening.host_config(spec.limits)
        return self._begin(options, {"auto_remove": auto_remove, **host})

    def _begin(self, options: dict[str, Any], host: dict[str, Any]) -> Streams:
        """Create a container, attach to it, and start it."""
        with asking(Ask.CREATE) as deadline:
            host = self._api.create_host_config(runtime=self._runtime or None, **host)
            container = self._api.create_container(
                **options, labels=self._labels(), host_config=host
            )["Id"]
            self._held.add(container)
            since = deadline.engine_time()
        attached = None
        try:
            parameters = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            with asking(Ask.ATTACH) as deadline:
                attached = self._api.attach_socket(container, params=parameters)
                # Cut short, a header still parses: without its last lines.
                _ = deadline.answers[-1].headers["Content-Type"]
            refused = partial(start_error, options["entrypoint"][0])
            with asking(Ask.START, refused=refused) as deadline:
                self._api.start(container)
                _require_started(deadline.answers[-1].status_code)
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
            ending=lambda: self._ending(container, since),
            check_engine=self.ping,
        )

    def _status(self, container: str, *, seconds: float | None = None) -> int:
        """Return the exit status of a container that is about to end."""
        with asking(Ask.WAIT, seconds=seconds):
            return int(self._api.wait(container)["StatusCode"])

    def _ending(self, container: str, since: int) -> ContainerEnd:
        """Search the engine's recent events, since the container may be gone already.

        Raises ``EngineError`` if the engine was restarted: its events are kept in memory.
        """
        with asking(Ask.QUERY) as deadline:
            self._api.ping()
            now = deadline.engine_time()  # before ``since`` if its clock was set back
            events = self._api.events(
                since=min(since, now),
                until=now + 1,
                filters={"type": "container"},
                decode=True,
            )
            seen = [(event["Actor"], event["Action"]) for event in deadline.each(events)]
        own = {action: actor["Attributes"] for actor, action in seen if actor["ID"] == container}
        if not own and len(seen) < _FEW_EVENTS:
            raise EngineError(
                f"the container engine was restarted and lost its containers; {ADVICE}"
            )
        status = int(own.get("die", {}).get("exitCode", 0))
        return ContainerEnd(out_of_memory="oom" in own, status=status)

    def reap(self) -> int:
        with asking(Ask.QUERY):
            containers = self._api.containers(all=True, filters={"label": OWNER_LABEL})
            orphans = [each["Id"] for each in containers if self._is_left(each)]
        for container in orphans:
            self._remove(container)
        return len(orphans)

    def _labels(self) -> dict[str, str]:
        return {**own_label(), _CONNECTION_LABEL: self._token}

    def _is_left(self, container: dict[str, Any]) -> bool:
        """Whether nobody uses a container.

        Its owner ended, or it is of this client and could not be removed before, or its creation
        was answered too late.
        """
        labels = container["Labels"]
        if labels.get(_CONNECTION_LABEL) == self._token:
            return container["Id"] not in self._held
        return is_orphan(labels[OWNER_LABEL], running=container["State"] == "running")

    def _remove(self, container: str) -> None:
        """Remove a container; try again while the engine fails to kill it or is removing it.

        ``reap`` tries those again that stay.
        """
        self._held.discard(container)
        for pause in REMOVAL_PAUSES:
            try:
                with asking(Ask.REMOVE):
                    self._api.remove_container(container, force=True, v=True)
            except EngineError as error:
                if isinstance(error.__cause__, docker.errors.NotFound):
                    return
                if not isinstance(error.__cause__, docker.errors.APIError):
                    raise
                time.sleep(pause)
            else:
                return


def _require_started(status: int) -> None:
    """Raise ``EngineError`` for a success that is none of this request: a proxy answered."""
    if status not in _STARTED:
        raise EngineError(not_understood(Ask.START, f"status {status}"))
