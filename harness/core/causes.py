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
    SHARD = "infra:shard"

    # Shown by the observation itself.
    MEMORY_LIMIT = "memory-limit"
    PIDS_LIMIT = "pids-limit"
    SIGNAL = "signal"
    ENDLESS_OUTPUT = "endless-output"
    QUIET = "quiet"
    TIMEOUT = "timeout"
    REQUIRES_PYTHON = "requires-python"

    # Found by the prediction rules from wheel and passport.
    TAG_REFUSED = "tag-refused"
    PYTHON_TOO_OLD = "python-too-old"
    PYTHON_TOO_NEW = "python-too-new"
    FREE_THREADED = "free-threaded"
    SUFFIX_MISMATCH = "suffix-mismatch"
    NO_EXTENSION = "no-extension"
    UNREADABLE = "unreadable"
    WRONG_MACHINE = "wrong-machine"
    LIBC_FAMILY = "libc-family"
    MISSING_LIBRARY = "missing-library"
    LIBC_TOO_OLD = "libc-too-old"
    LIBRARY_TOO_OLD = "library-too-old"
    UNDEFINED_SYMBOL = "undefined-symbol"
    ABI3_FLOOR = "abi3-floor"
    EXEC_STACK = "exec-stack"
    PAGE_SIZE = "page-size"
    PACKED_RELOCATIONS = "packed-relocations"
