"""Sample answers of the agent, and a container that gives them."""

import json
import struct
from collections.abc import Callable
from typing import Any

from harness.host.engine.api import ChannelClosedError, ContainerEnd

Frame = dict[str, Any]

HELLO: Frame = {
    **dict.fromkeys(
        ("python", "implementation", "soabi", "ext_suffix", "multiarch", "platform", "libc"), "x"
    ),
    **dict.fromkeys(("token", "machine", "kernel", "installer"), "x"),
    "turn": 0,
    "sealed": True,
    "extension_suffixes": [".so"],
    "tags": ["py3-none-any"],
    "elf": {"machine": 62, "bits": 64, "little": True},
    "page_size": 4096,
    "hwcap": 0xFFFFFFFFFFFFFFFF,
    "hwcap2": 0,
    "hw_platform": "",
    "externally_managed": False,
    "lacks": ["tkinter"],
    "enforced": {
        "status": {},
        "mounts": {},
        "interfaces": [],
        "files": {},
        "core": "0",
        "errors": {},
    },
}


def pack(frame: Frame) -> bytes:
    data = json.dumps(frame).encode()
    return struct.pack(">I", len(data)) + data


class AnsweringChannel:
    """A channel whose agent says hello properly and answers each later frame with ``reply``."""

    def __init__(
        self, reply: Callable[[Frame], bytes], end: type[Exception] = ChannelClosedError
    ) -> None:
        self.closed = False
        self._reply = reply
        self._end = end
        self._token = ""
        self._turn = 0
        self._output = b""

    def send(self, data: bytes) -> None:
        if data[4:6] != b'{"':  # the agent's sources, or a blob
            return
        frame = json.loads(data[4:])
        self._token = frame.get("token", self._token)
        signed = {"token": self._token, "turn": self._turn}
        self._turn += 1
        if frame["op"] == "hello":
            self._output += pack({**HELLO, "machine": "x86_64", **signed})
        else:
            self._output += self._reply({**signed, "clean": True, "seconds": 0.1})

    def receive(self, size: int, *, deadline: float) -> bytes:  # noqa: ARG002 - the protocol's
        if len(self._output) < size:
            raise self._end
        data, self._output = self._output[:size], self._output[size:]
        return data

    def errors(self) -> str:
        return "Killed\n"

    def ending(self) -> ContainerEnd:
        return ContainerEnd()

    def check_engine(self) -> None:
        """Answer."""

    def close(self) -> None:
        self.closed = True
