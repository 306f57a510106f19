"""An engine without containers: this interpreter runs the real agent in a process.

It isolates nothing, so it is only for trusted wheels.
"""

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness.host.engine import Completed, ContainerSpec, EngineImage, EngineInfo
from harness.host.engine.api import ChannelClosedError, ChannelTimeoutError, ContainerEnd
from tests.support.image_engine import ImageEngine


class LocalChannel:
    """The standard streams of a local process."""

    def __init__(self, command: tuple[str, ...], env: dict[str, str]) -> None:
        self.work = Path(tempfile.mkdtemp(prefix="wheelgrid-agent-"))
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the channel
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={"PATH": os.environ["PATH"], **env, "WHEELGRID_WORK": str(self.work)},
            start_new_session=True,
            bufsize=0,
        )

    def send(self, data: bytes) -> None:
        assert self.process.stdin is not None
        view = memoryview(data)
        try:
            while view:
                view = view[self.process.stdin.write(view) :]
        except BrokenPipeError as error:
            raise ChannelClosedError from error

    def receive(self, size: int, *, deadline: float) -> bytes:
        assert self.process.stdout is not None
        data = b""
        while len(data) < size:
            left = deadline - time.monotonic()
            if not select.select([self.process.stdout], [], [], max(left, 0))[0]:
                raise ChannelTimeoutError
            chunk = self.process.stdout.read(size - len(data))
            if not chunk:
                raise ChannelClosedError
            data += chunk
        return data

    def errors(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode("utf-8", "replace")

    def ending(self) -> ContainerEnd:
        status = self.process.wait()
        return ContainerEnd(status=status if status >= 0 else 128 - status)

    def check_engine(self) -> None:
        """Answer: this machine is the engine."""

    def close(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self._errors):
            if stream is not None:
                stream.close()
        shutil.rmtree(self.work, ignore_errors=True)


class LocalEngine(ImageEngine):
    """An engine whose images are all this interpreter, and whose containers are processes."""

    def __init__(self, interpreter: str = sys.executable) -> None:
        super().__init__()
        self.interpreter = interpreter
        self.details = EngineInfo(
            version="local",
            api_version="0",
            storage_driver="none",
            arch=os.uname().machine,
            kernel=os.uname().release,
            limits=frozenset(),
            rootless=True,
        )
        self.opened: list[LocalChannel] = []

    def info(self) -> EngineInfo:
        return self.details

    def find_image(self, reference: str) -> EngineImage | None:
        return EngineImage(id=reference, platform="linux/amd64")

    def run(self, spec: ContainerSpec, *, stdin: bytes = b"", timeout: float) -> Completed:
        done = subprocess.run(
            spec.command, input=stdin, timeout=timeout, capture_output=True, check=False
        )
        return Completed(
            status=done.returncode,
            output=done.stdout,
            errors=done.stderr.decode("utf-8", "replace"),
        )

    def open(self, spec: ContainerSpec) -> LocalChannel:
        channel = LocalChannel((self.interpreter, *spec.command[1:]), dict(spec.env))
        self.opened.append(channel)
        return channel
