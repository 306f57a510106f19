"""What the hardening of a cell keeps from a wheel, as messages show it (pure).

Most machines and containers have these things. A failure for lack of them says nothing about the
wheel.
"""

import re

_LACKS = (
    # getaddrinfo(3) in the words of glibc and of musl; connect(2).
    (
        re.compile(
            "gaierror|Temporary failure in name resolution|Name or service not known"
            "|Name does not resolve|Could not resolve host|NameResolutionError"
            "|Network (?:is )?unreachable"
        ),
        "no network",
    ),
    (re.compile("Read-only file system"), "no place to write but /tmp"),
    # sem_open(3) and shm_open(3) name no file in a folder. Projects carry copies of these modules.
    # The second is how pytest shows a place.
    (
        re.compile(
            r'/(?:synchronize|shared_memory)\.py", line \d+, in (?:.*\n)+?'
            r"\w+: \[Errno (?:2|13|38)\] [A-Z][a-z ]+(?:: '/[^/']+')?$"
            r"|/multiprocessing/(?:synchronize|shared_memory)\.py:\d+: ",
            re.MULTILINE,
        ),
        "no /dev/shm for locks and shared memory of multiprocessing (--cell-shm MIB makes one)",
    ),
    # EPERM: of a capability, of a system call that is denied, or of another user's file.
    (re.compile(r"\[Errno 1\] Operation not permitted"), "no privileges"),
)


def lack_in(text: str) -> str:
    """Return what a cell lacks, as a message or the output of a test run shows it; else empty."""
    return next((lack for pattern, lack in _LACKS if pattern.search(text)), "")


def lack_of_import(evidence: str, log: str) -> str:
    """Return what a cell lacks, as the error of an import shows it; else empty.

    ``log``: what the process printed, with the traceback at its end.
    """
    last_frame = log[log.rfind('\n  File "') :] if '\n  File "' in log else ""
    return lack_in(evidence) or lack_in(last_frame)
