"""Causes: the machine-readable reasons for outcomes, as stored in ``run.json``."""

from enum import StrEnum


class Cause(StrEnum):
    """Why a cell did not pass. ``infra:`` causes are those of a miss: the wheel is not at fault."""

    # The machine, the engine, the network or the harness.
    ENGINE = "infra:engine"
    IMAGE = "infra:image"
    NO_WAY = "infra:no-way"
    NOT_FOUND = "infra:not-found"
    PULL = "infra:pull"
    PREPARE = "infra:prepare"
    ASSEMBLE = "infra:assemble"
    WRONG_ARCH = "infra:wrong-arch"
    INTERPRETER = "infra:interpreter"
    INSTALLER = "infra:installer"
    COMPANION = "infra:companion"
    AGENT = "infra:agent"
    AGENT_GONE = "infra:agent-gone"
    AGENT_SILENT = "infra:agent-silent"
    BUILD = "infra:build"
    INDEX = "infra:index"
    UPSTREAM = "infra:upstream"
    DISK = "infra:disk"
    SPACE = "infra:space"
    """The container's disk is too small for the wheel; a larger ``--cell-disk`` helps."""
    MEMORY = "infra:memory"
    """The container's memory is too small to install it; a larger ``--cell-memory`` helps."""
    PROCESSES = "infra:processes"
    """The container allows fewer processes than the tests start; a larger ``--cell-processes``
    helps."""
    SANDBOX = "infra:sandbox"
    """The import needs a network, privileges or a place to write, which a cell does not have."""
    TEST_COMMAND = "infra:test-command"
    """The test command does not exist there, or cannot be started."""
    HARDENING = "infra:hardening"
    """The engine does not enforce what ``--require-hardening`` asks for."""
    MACHINE = "infra:machine"
    """A session is not on the CPU, or has not the page size, that was asked for."""
    HARNESS = "infra:harness"
    """A defect of this program."""
    SHARD = "infra:shard"

    # Shown by the observation itself.
    MEMORY_LIMIT = "memory-limit"
    PIDS_LIMIT = "pids-limit"
    SIGNAL = "signal"
    ILLEGAL_INSTRUCTION = "illegal-instruction"
    """An instruction that the CPU lacks."""
    EMULATOR_SUSPECT = "emulator-suspect"
    """A signal under emulation that another CPU model, or this machine's own, does not give."""
    ENDLESS_OUTPUT = "endless-output"
    QUIET = "quiet"
    TIMEOUT = "timeout"
    REQUIRES_PYTHON = "requires-python"

    # Found by the prediction rules from wheel and passport.
    TAG_REFUSED = "tag-refused"
    DEPENDENCY_REFUSED = "dependency-refused"
    """No wheel of a dependency can be installed there."""
    CORRUPT_MEMBER = "corrupt-member"
    MALFORMED_WHEEL = "malformed-wheel"
    PYTHON_TOO_OLD = "python-too-old"
    PYTHON_TOO_NEW = "python-too-new"
    FREE_THREADED = "free-threaded"
    OTHER_IMPLEMENTATION = "other-implementation"
    """A wheel for CPython on PyPy, or the other way round."""
    SUFFIX_MISMATCH = "suffix-mismatch"
    NO_EXTENSION = "no-extension"
    NO_MODULE = "no-module"
    INVALID_METADATA = "invalid-metadata"
    UNREADABLE = "unreadable"
    WRONG_MACHINE = "wrong-machine"
    LIBC_FAMILY = "libc-family"
    MISSING_LIBRARY = "missing-library"
    MISSING_LOADER = "missing-loader"
    """The loader that a program names is not there."""
    LIBC_TOO_OLD = "libc-too-old"
    LIBRARY_TOO_OLD = "library-too-old"
    UNDEFINED_SYMBOL = "undefined-symbol"
    EXEC_STACK = "exec-stack"
    STATIC_TLS = "static-tls"
    PAGE_SIZE = "page-size"
    PACKED_RELOCATIONS = "packed-relocations"

    # Of an import that ``--require-nogil`` forbids.
    GIL_ENABLED = "gil-enabled"
    """It switched the GIL of a free-threaded interpreter on."""

    # Found in messages only.
    NO_INIT_FUNCTION = "no-init-function"
    ABI_MISMATCH = "abi-mismatch"
    """Compiled for another version of Python or numpy than the one that loads it."""
    BYTECODE = "bytecode"
    """Compiled Python files of another version, without their source."""
    CPU_BASELINE = "cpu-baseline"
    INCOMPLETE_PYTHON = "incomplete-python"
    """The interpreter lacks a module of the standard library."""
    MISSING_DEPENDENCY = "missing-dependency"
    """A module of another project. Predicted where it is imported in any case."""


_COARSE: dict[str, frozenset[Cause]] = {
    Cause.TAG_REFUSED: frozenset(
        {
            Cause.PYTHON_TOO_OLD,
            Cause.PYTHON_TOO_NEW,
            Cause.FREE_THREADED,
            Cause.OTHER_IMPLEMENTATION,
        }
    ),
    Cause.SIGNAL: frozenset({Cause.PACKED_RELOCATIONS, Cause.STATIC_TLS}),
    Cause.ILLEGAL_INSTRUCTION: frozenset({Cause.CPU_BASELINE, Cause.PACKED_RELOCATIONS}),
    Cause.CORRUPT_MEMBER: frozenset({Cause.MALFORMED_WHEEL}),
    Cause.MALFORMED_WHEEL: frozenset({Cause.CORRUPT_MEMBER}),
}
"""Seen cause → predicted causes that look the same: installers have one message for all of them,
and a signal says nothing."""


def same_reason(seen: str, predicted: str) -> bool:
    """Whether a predicted cause fits the one that was seen; an unknown cause fits every one."""
    return not seen or seen == predicted or predicted in _COARSE.get(seen, ())
