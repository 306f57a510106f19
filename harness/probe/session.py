"""The host's side of a probe: one container, many cells.

In: a target image and jobs (wheels, what to import, what to call). Out: a passport and
verdicts. The agent enforces the limits of a cell; the session's own deadline behind it
catches an agent, a container or an engine that no longer answers.
"""

import json
import struct
import time
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache as once
from functools import lru_cache
from importlib.resources import files
from typing import Any, Self

from elftools.elf.enums import ENUM_E_MACHINE

from harness.core.arches import Arch
from harness.core.causes import Cause
from harness.core.cells import Outcome, Stage
from harness.core.errors import ImageError
from harness.core.observations import AttemptMode
from harness.core.passport import Passport
from harness.core.targets import Target
from harness.host.engine import Channel, ContainerSpec, Engine, Limits
from harness.host.engine.api import ChannelClosedError, ChannelTimeoutError
from harness.probe import agent
from harness.probe.agent.importer import BESIDE, BYTECODE, SITE

HELLO_SECONDS = 180
"""An interpreter and its pip, starting under emulation on a busy machine."""
WATCHDOG_SECONDS = 30
"""How much longer than the agent's own limits the host waits before it kills the container."""
MAX_FRAME = 1 << 20
MAX_BLOB = 256 << 20
EVIDENCE_KEPT = 500
"""Characters; a key line is a line."""

_BOOTSTRAP = (
    "import json, sys; f = sys.stdin.buffer; p = f.read(int(f.readline())).decode();"
    " exec(json.loads(p)['loader']); load(p).main.main()"
)


@once
def agent_sources() -> tuple[tuple[str, str], ...]:
    """Return names and sources of the modules that the agent is made of, in their order."""
    folder = files(agent)
    return tuple((name, folder.joinpath(f"{name}.py").read_text()) for name in agent.MODULES)


@lru_cache(maxsize=16)
def agent_payload(compiled: tuple[tuple[str, bytes], ...] = ()) -> bytes:
    """Return the agent as the JSON that its loader makes modules of.

    ``compiled`` are names and ``.pyc`` files of modules, for some release of Python.
    """
    payload = {
        "loader": files(agent).joinpath("loader.py").read_text(),
        "modules": agent_sources(),
        "compiled": [(name, b64encode(pyc).decode()) for name, pyc in compiled],
    }
    return json.dumps(payload).encode()


class SessionLostError(Exception):
    """The container ended or hung: ``cause`` says which, ``detail`` what it said last."""

    def __init__(self, cause: str, detail: str) -> None:
        super().__init__(f"{cause}: {detail}")
        self.cause = cause
        self.detail = detail


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What to do for one cell."""

    wheels: tuple[tuple[str, bytes], ...]
    """File name and bytes; the subject is the last one, its companions stand before it."""
    imports: tuple[str, ...]
    call: str
    timeout: float
    """Seconds of wall clock for each of install and import-with-call."""
    quiet: float
    """Seconds without output after which a stage is taken for hung."""
    site: bytes = b""
    """What ``Session.install`` gave for the subject on another arch; for ``session`` alone, which
    then installs nothing."""
    beside: bytes = b""
    """What ``install_layout.companion_archive`` returns, for ``session`` alone: where
    there are none, the installer installs the companions."""
    bytecode: bytes = b""
    """What ``Session.compile`` gave for the same wheels on another arch; for ``session`` alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeResult:
    """What the agent saw of one cell."""

    outcome: Outcome
    stage: Stage
    cause: str
    evidence: str
    log: str
    seconds: float


class Session:
    """One open container of a target; a context manager that always removes it."""

    def __init__(self, engine: Engine, image: str, target: Target, limits: Limits) -> None:
        self._arch = target.arch
        command = (target.interpreter, "-I", "-B", "-u", "-c", _BOOTSTRAP)
        env = (("LANG", "C.UTF-8"), ("PIP_CONFIG_FILE", "/dev/null"), ("HOME", "/tmp"))  # noqa: S108
        spec = ContainerSpec(image=image, arch=target.arch, command=command, env=env, limits=limits)
        self._channel: Channel = engine.open(spec)
        self.usable = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill and remove the container; idempotent."""
        self.usable = False
        self._channel.close()

    def start(
        self,
        *,
        warm: bool = True,
        sealed: bool = True,
        compiled: tuple[tuple[str, bytes], ...] = (),
    ) -> Passport:
        """Send the agent and return the passport that it writes.

        Without ``warm`` the installer is not loaded for what is to come, which takes most of the
        time, and the passport tells neither it nor its tags: for one fresh probe. Without
        ``sealed`` the agent loads nothing to protect itself from the cell with: for a probe
        whose result is believed only where it says what another said before. ``compiled`` are
        modules of the agent that need not be compiled, as ``agent_payload`` takes them.
        Raises ``ImageError`` for an image that is of another architecture than asked for, or
        whose interpreter or installer does not start.
        """
        payload = agent_payload(compiled)
        try:
            self._channel.send(b"%d\n%b" % (len(payload), payload))
            facts = self._ask({"op": "hello", "warm": warm, "seal": sealed}, (), HELLO_SECONDS)
        except SessionLostError as lost:
            raise ImageError(
                f"the image's interpreter does not start: {lost.detail}", cause=Cause.INTERPRETER
            ) from lost
        except ChannelClosedError:
            detail = self._channel.errors().strip() or "it ended at once"
            raise ImageError(
                f"the image's interpreter does not start: {detail}", cause=Cause.INTERPRETER
            ) from None
        if "failed" in facts:
            raise ImageError(
                f"the image's installer does not start: {facts['failed']}", cause=Cause.INSTALLER
            )
        passport = _passport(facts)
        _assert_arch(passport, self._arch)
        return passport

    def probe(self, job: Job, mode: AttemptMode = AttemptMode.SESSION) -> ProbeResult:
        """Install, import and call.

        ``session``: both in forks of processes that are ready for it. ``unpacked``: import in a
        fork what was unpacked without pip, in a session that does nothing else. ``fresh``: new
        interpreters for both, the slow way. Raises ``SessionLostError`` when the container ends
        or no longer answers.
        """
        wheels, more = job.wheels, []
        if mode is AttemptMode.SESSION:
            wheels = () if job.site else job.wheels[-1:] if job.beside else job.wheels
            more = [(SITE, job.site), (BESIDE, job.beside), (BYTECODE, job.bytecode)]
        files = [*wheels, *((name, data) for name, data in more if data)]
        frame = {
            "op": "probe",
            "files": [name for name, _ in files],
            "wheels": len(wheels),
            "imports": job.imports,
            "call": job.call,
            "timeout": job.timeout,
            "quiet": job.quiet,
            "way": mode,
        }
        stages = 4 if len(wheels) > 1 else 2
        answer = self._ask(
            frame, [data for _, data in files], stages * job.timeout + WATCHDOG_SECONDS
        )
        self.usable = bool(answer["clean"])
        return _probe_result(answer)

    def install(
        self, name: str, wheel: bytes, tags: Sequence[str], job: Job
    ) -> tuple[ProbeResult | None, bytes, float]:
        """Install a wheel as the same pip does on a machine where it accepts ``tags``.

        Returns what pip failed with, the site directory as a zip and the seconds that it took.
        The limits are those of ``job``. Raises ``SessionLostError`` as ``probe`` does.
        """
        frame = {
            "op": "install",
            "files": [name],
            "tags": list(tags),
            "timeout": job.timeout,
            "quiet": job.quiet,
        }
        answer = self._ask(frame, [wheel], job.timeout + WATCHDOG_SECONDS)
        self.usable = bool(answer["clean"])
        failure = _probe_result(answer) if "outcome" in answer else None
        return failure, bytes(answer["blob"]), float(answer["seconds"])

    def compile(self, name: str, wheel: bytes, *, seconds: float) -> bytes:
        """Return the bytecode of a wheel for interpreters of this release, zipped.

        Nothing of it is run. Empty where there is nothing to compile, or where it takes longer
        than ``seconds``. Raises ``SessionLostError`` as ``probe`` does.
        """
        frame = {"op": "compile", "files": [name], "timeout": seconds, "quiet": seconds}
        answer = self._ask(frame, [wheel], 2 * seconds + WATCHDOG_SECONDS)
        self.usable = bool(answer["clean"])
        return bytes(answer["blob"])

    def _ask(self, frame: dict[str, Any], blobs: Sequence[bytes], seconds: float) -> dict[str, Any]:
        header = json.dumps({**frame, "blobs": [len(blob) for blob in blobs]}).encode()
        deadline = time.monotonic() + seconds
        try:
            self._channel.send(struct.pack(">I", len(header)) + header + b"".join(blobs))
            (size,) = struct.unpack(">I", self._channel.receive(4, deadline=deadline))
            if size > MAX_FRAME:
                raise self._lost(Cause.AGENT, f"it answers with a frame of {size} bytes")
            answer: dict[str, Any] = json.loads(self._channel.receive(size, deadline=deadline))
            answer["blob"] = self._blob(sum(answer.get("blobs", ())), deadline)
        except ChannelTimeoutError:
            raise self._lost(Cause.AGENT_SILENT, f"no answer within {seconds:.0f} s") from None
        except ChannelClosedError:
            cause = Cause.MEMORY_LIMIT if self._channel.memory_exceeded() else Cause.AGENT_GONE
            raise self._lost(cause, self._channel.errors().strip()) from None
        except (ValueError, TypeError, AttributeError) as error:
            raise self._lost(Cause.AGENT, f"it does not answer in frames: {error}") from error
        return answer

    def _blob(self, size: int, deadline: float) -> bytes:
        if size > MAX_BLOB:
            raise self._lost(Cause.AGENT, f"it answers with {size} bytes")
        return self._channel.receive(size, deadline=deadline) if size else b""

    def _lost(self, cause: str, detail: str) -> SessionLostError:
        self.close()
        return SessionLostError(cause, detail[-EVIDENCE_KEPT:])


def _probe_result(answer: dict[str, Any]) -> ProbeResult:
    return ProbeResult(
        outcome=Outcome(answer["outcome"]),
        stage=Stage(answer["stage"]),
        cause=str(answer.get("cause", "")),
        evidence=str(answer.get("evidence", ""))[:EVIDENCE_KEPT],
        log=str(answer.get("log", "")),
        seconds=float(answer["seconds"]),
    )


_MACHINE_NAMES = {
    number: name for name, number in ENUM_E_MACHINE.items() if isinstance(number, int)
}


def _passport(facts: dict[str, Any]) -> Passport:
    elf = facts["elf"]
    return Passport(
        python=facts["python"],
        implementation=facts["implementation"],
        soabi=facts["soabi"],
        ext_suffix=facts["ext_suffix"],
        extension_suffixes=tuple(facts["extension_suffixes"]),
        multiarch=facts["multiarch"],
        platform=facts["platform"],
        tags=tuple(facts["tags"]),
        installer=facts["installer"],
        libc=facts["libc"],
        machine=facts["machine"],
        elf_machine=_MACHINE_NAMES.get(elf["machine"], str(elf["machine"])),
        elf_bits=elf["bits"],
        elf_little=elf["little"],
        page_size=facts["page_size"],
        kernel=facts["kernel"],
        externally_managed=facts["externally_managed"],
    )


def _assert_arch(passport: Passport, arch: Arch) -> None:
    """Raise ``ImageError`` unless both the kernel's answer and the interpreter's ELF file fit.

    An engine silently reuses a cached image of another architecture than it was asked for.
    """
    elf = (passport.elf_machine, passport.elf_bits, passport.elf_little)
    if elf != (arch.elf_machine, arch.elf_bits, arch.elf_little):
        raise ImageError(
            f"wanted {arch.name}, got an image whose interpreter is "
            f"{passport.elf_machine} ({passport.elf_bits} bit); remove that image and try again",
            cause=Cause.WRONG_ARCH,
        )
    if passport.machine not in arch.machines:
        raise ImageError(
            f"wanted {arch.name}, but `uname -m` in the container says {passport.machine}",
            cause=Cause.WRONG_ARCH,
        )
