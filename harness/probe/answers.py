"""Schemas of the agent's answers.

The agent runs beside untrusted code. An answer that does not match its schema ends the session and
causes no other error.
"""

import json
from typing import Annotated, Literal, NoReturn, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
)

from harness.core.causes import Cause
from harness.core.cells import Outcome, Stage

MAX_FRAME = 1 << 20
"""Bytes of an answer's JSON."""
MAX_BLOB = 256 << 20
EVIDENCE_KEPT = 2000
"""Characters."""
LOG_KEPT = 64 << 10

Model = TypeVar("Model", bound="AgentAnswer")


class AnswerError(Exception):
    """An answer that does not match its schema; the message names the field."""


def storable(text: object) -> object:
    """Escape the lone surrogates in text, so that it can be encoded."""
    if isinstance(text, str):
        return text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text


def _cut(length: int) -> AfterValidator:
    return AfterValidator(lambda text: text[:length])


Text = Annotated[str, BeforeValidator(storable), Field(max_length=MAX_FRAME)]
Word = Annotated[str, BeforeValidator(storable), Field(max_length=500)]
Words = Annotated[tuple[Word, ...], Field(max_length=10_000)]
Error = Annotated[str, BeforeValidator(storable), Field(max_length=2000)]
Pairs = Annotated[tuple[tuple[Error, Error], ...], Field(max_length=1000)]
Seconds = Annotated[float, Field(strict=True, ge=0, le=1e6, allow_inf_nan=False)]
Mask = Annotated[int, Field(strict=True, ge=0, lt=1 << 64)]
Number = Annotated[int, Field(strict=True, ge=0, le=1 << 40)]


class AgentAnswer(BaseModel):
    """The fields of every answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: Word
    """The session's token, which no cell knows."""
    turn: Number
    """Number of earlier answers."""
    blobs: Annotated[tuple[Annotated[Number, Field(le=MAX_BLOB)], ...], Field(max_length=1)] = ()


class Fault(BaseModel):
    """The instruction that ended a cell by SIGILL, as the cell's process reported it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: Mask
    code: Annotated[Word, Field(pattern="^[0-9a-f]*$")]
    """Hexadecimal digits of the bytes from there on."""
    file: Word
    """Path of the file that is mapped there; empty if none is."""
    offset: Mask
    """The place in the file."""
    unknown: Word
    """Why the instruction could not be found; empty if it could."""


class CellReport(BaseModel):
    """The result of a cell."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    outcome: Outcome
    stage: Stage
    cause: Cause | Literal[""]
    evidence: Annotated[Text, _cut(EVIDENCE_KEPT)]
    log: Annotated[Text, _cut(LOG_KEPT)]
    failures: Pairs = ()
    """Submodules that do not import, and what each raised."""
    fault: Fault | None = None
    gil: Word = ""
    """The module whose import switched the GIL of a free-threaded interpreter on."""
    tried: Number | None = None
    """Number of submodules whose import was tried."""
    loads: Pairs = ()
    """Libraries that do not load, and the error of each."""
    entries: Pairs = ()
    """Entry points that cannot be resolved, and the error of each."""
    starts: Pairs = ()
    """Programs that do not start, and what was seen of each."""
    untried: Number = 0
    """Number of libraries, entry points and programs that there was no time for."""


class ProgressAnswer(AgentAnswer):
    """What comes before the answer to ``probe``, any number of times."""

    progress: Word
    """The last line that the tests printed; empty when they start."""


class ProbeAnswer(CellReport, AgentAnswer):
    """The answer to ``probe``: the tests' JUnit report as its blob, or no blob."""

    clean: StrictBool
    """Whether the agent could restore everything that a cell may change."""
    seconds: Seconds


class InstallAnswer(AgentAnswer):
    """The answer to ``install``: a site directory as its blob, or the failure."""

    report: CellReport | None = None
    clean: StrictBool
    seconds: Seconds


class CompileAnswer(AgentAnswer):
    """The answer to ``compile``: bytecode as its blob, or no blob."""

    clean: StrictBool
    seconds: Seconds


class ElfHeader(BaseModel):
    """The interpreter's ELF header."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    machine: Number
    bits: Number
    little: StrictBool


class Enforced(BaseModel):
    """The limits that a process in the container sees (``enforcement``)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: dict[Word, Word]
    """``/proc/self/status``: ``NoNewPrivs`` → ``1``."""
    mounts: dict[Word, Word]
    """Mount point → file system and options (proc_pid_mountinfo(5))."""
    interfaces: Words
    """Network interfaces that have a route."""
    files: dict[Word, Word]
    """Path of a cgroup's file → its first line."""
    core: Word
    """Limit on core files: bytes, or ``unlimited``."""
    errors: dict[Word, Word]
    """Operation that must fail → name of its error (errno(3)); empty if it works."""


class HelloAnswer(AgentAnswer):
    """The answer to ``hello``: the facts of a passport."""

    sealed: StrictBool
    """Whether no cell can read or trace the agent."""
    failed: Text = ""
    """Why the installer does not start, if so."""
    python: Word
    implementation: Word
    soabi: Word
    ext_suffix: Word
    extension_suffixes: Words
    multiarch: Word
    platform: Word
    libc: Word
    machine: Word
    elf: ElfHeader
    page_size: Number
    hwcap: Mask
    hwcap2: Mask
    hw_platform: Word
    kernel: Word
    externally_managed: StrictBool
    lacks: Words
    installer: Word
    tags: Words
    enforced: Enforced


def read_answer(model: type[Model], data: bytes) -> Model:
    """Return the answer in a frame's JSON. Raises ``AnswerError``."""
    try:
        return model.model_validate(json.loads(data, parse_constant=_refuse))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise AnswerError(f"{place}: {first['msg']}") from None
    except (ValueError, RecursionError) as error:
        raise AnswerError(str(error)[:EVIDENCE_KEPT]) from None


def is_progress(data: bytes) -> bool:
    """Whether a frame's JSON reports progress, and is no answer yet."""
    return data.startswith(b'{"progress": ')


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")
