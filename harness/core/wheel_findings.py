"""Findings: defects of a wheel that do not keep it from being tested."""

from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

_BINARY = "https://packaging.python.org/en/latest/specifications/binary-distribution-format/"
_METADATA = "https://packaging.python.org/en/latest/specifications/core-metadata/"
_RECORD = (
    "https://packaging.python.org/en/latest/specifications/recording-installed-packages/"
    "#the-record-file"
)
_GIL = "https://docs.python.org/3/howto/free-threading-extensions.html"
_IMPORT = "https://docs.python.org/3/reference/import.html"
_LOADER = "https://man7.org/linux/man-pages/man8/ld.so.8.html"
_ENTRY_POINTS = "https://packaging.python.org/en/latest/specifications/entry-points/"
_ZIP = "https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT"
_CONFUSION = "https://github.com/pypi/warehouse/pull/18492"
_WRITTEN = 200
"""Characters of a message or a file name; both are untrusted."""


class FindingCode(StrEnum):
    """What is wrong with a wheel."""

    # Its archive.
    DUPLICATE_MEMBER = "duplicate-member"
    CASE_CLASH = "case-clash"
    FILE_AND_FOLDER = "file-and-folder"
    PATH_OUTSIDE = "path-outside"
    ODD_NAME = "odd-name"
    SPECIAL_MEMBER = "special-member"
    UNUSUAL_COMPRESSION = "unusual-compression"
    ENCRYPTED_MEMBER = "encrypted-member"
    CORRUPT_MEMBER = "corrupt-member"
    TOO_LARGE = "too-large"
    NOT_READ = "not-read"

    # Its metadata.
    NO_METADATA = "no-metadata"
    DIST_INFO_TWICE = "dist-info-twice"
    DIST_INFO_NAME = "dist-info-name"
    DATA_DIRECTORY_NAME = "data-directory-name"
    DATA_SCHEME = "data-scheme"
    HEADER_MISSING = "header-missing"
    HEADER_TWICE = "header-twice"
    BAD_HEADER = "bad-header"
    RELEASE_DIFFERS = "release-differs"
    TAGS_DIFFER = "tags-differ"
    WHEEL_VERSION = "wheel-version"
    BAD_REQUIRES_PYTHON = "bad-requires-python"

    # Its RECORD.
    RECORD_MISSING = "record-missing"
    BAD_RECORD = "bad-record"
    BAD_RECORD_SIZE = "bad-record-size"
    UNRECORDED_FILE = "unrecorded-file"
    RECORDED_FILE_MISSING = "recorded-file-missing"
    SIZE_DIFFERS = "size-differs"

    # Its modules, as imported on a target.
    SUBMODULE_IMPORT = "submodule-import"
    GIL_ENABLED = "gil-enabled"

    # What it has beyond its modules, as tried on a target.
    LIBRARY_LOAD = "library-load"
    PROGRAM_START = "program-start"
    COMMAND = "command"

    # What a limit of this program left out, of time or of number.
    NOT_TRIED = "not-tried"


class MindedBy(StrEnum):
    """Who does not accept the defect.

    What pip does was tried with pip 20.3.4, 23.0.1 and 26.2.2.
    """

    PIP = "pip refuses"
    SOME_PIP = "some versions of pip refuse"
    PIP_CHECK = "`pip check` complains"
    STRICT = "strict installers refuse"
    USERS = "who imports it notices"
    CALLERS = "who opens or starts it notices"
    THREADS = "threads wait for each other"
    INDEX = "package indexes refuse"
    FILE_SYSTEMS = "file systems that ignore case lose a file"
    LIMITS = "the limits of this program and of indexes"


_RULES = MappingProxyType(
    {
        FindingCode.DUPLICATE_MEMBER: (_CONFUSION, MindedBy.INDEX),
        FindingCode.CASE_CLASH: (_BINARY, MindedBy.FILE_SYSTEMS),
        FindingCode.FILE_AND_FOLDER: (_BINARY, MindedBy.PIP),
        FindingCode.PATH_OUTSIDE: (_BINARY, MindedBy.PIP),
        FindingCode.ODD_NAME: (_BINARY, MindedBy.INDEX),
        FindingCode.SPECIAL_MEMBER: (_BINARY, MindedBy.STRICT),
        FindingCode.UNUSUAL_COMPRESSION: (_BINARY, MindedBy.INDEX),
        FindingCode.ENCRYPTED_MEMBER: (_ZIP, MindedBy.PIP),
        FindingCode.CORRUPT_MEMBER: (_ZIP, MindedBy.PIP),
        FindingCode.TOO_LARGE: (_ZIP, MindedBy.LIMITS),
        FindingCode.NOT_READ: (_ZIP, MindedBy.LIMITS),
        FindingCode.NO_METADATA: (_BINARY, MindedBy.PIP),
        FindingCode.DIST_INFO_TWICE: (_BINARY, MindedBy.PIP),
        FindingCode.DIST_INFO_NAME: (_BINARY, MindedBy.STRICT),
        FindingCode.DATA_DIRECTORY_NAME: (_BINARY, MindedBy.STRICT),
        FindingCode.DATA_SCHEME: (_BINARY, MindedBy.PIP),
        FindingCode.HEADER_MISSING: (_METADATA, MindedBy.SOME_PIP),
        FindingCode.HEADER_TWICE: (_METADATA, MindedBy.STRICT),
        FindingCode.BAD_HEADER: (_BINARY, MindedBy.STRICT),
        FindingCode.RELEASE_DIFFERS: (_BINARY, MindedBy.SOME_PIP),
        FindingCode.TAGS_DIFFER: (_BINARY, MindedBy.PIP_CHECK),
        FindingCode.WHEEL_VERSION: (_BINARY, MindedBy.PIP),
        FindingCode.BAD_REQUIRES_PYTHON: (f"{_METADATA}#requires-python", MindedBy.STRICT),
        FindingCode.RECORD_MISSING: (_RECORD, MindedBy.PIP),
        FindingCode.BAD_RECORD: (_RECORD, MindedBy.STRICT),
        FindingCode.BAD_RECORD_SIZE: (_RECORD, MindedBy.STRICT),
        FindingCode.UNRECORDED_FILE: (_RECORD, MindedBy.STRICT),
        FindingCode.RECORDED_FILE_MISSING: (_RECORD, MindedBy.STRICT),
        FindingCode.SIZE_DIFFERS: (_RECORD, MindedBy.STRICT),
        FindingCode.SUBMODULE_IMPORT: (_IMPORT, MindedBy.USERS),
        FindingCode.LIBRARY_LOAD: (_LOADER, MindedBy.CALLERS),
        FindingCode.PROGRAM_START: (_LOADER, MindedBy.CALLERS),
        FindingCode.COMMAND: (_ENTRY_POINTS, MindedBy.CALLERS),
        FindingCode.GIL_ENABLED: (_GIL, MindedBy.THREADS),
        FindingCode.NOT_TRIED: (_IMPORT, MindedBy.LIMITS),
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelFinding:
    """One defect of a wheel."""

    code: FindingCode
    file: str
    """The member concerned; empty for the whole wheel. Untrusted text."""
    message: str
    """One sentence about the member. Untrusted text."""
    source: str
    """Link to the rule's source."""
    minded_by: MindedBy


class FindingList:
    """Collects findings: the first of each code, and the number of further files."""

    def __init__(self) -> None:
        self._first: dict[tuple[FindingCode, MindedBy], WheelFinding] = {}
        self._files: dict[tuple[FindingCode, MindedBy], set[str]] = {}

    def add(
        self, code: FindingCode, file: str, message: str, minded_by: MindedBy | None = None
    ) -> None:
        """Add a finding; ``minded_by`` replaces the usual one of the code."""
        source, usual = _RULES[code]
        minded_by = minded_by or usual
        first = WheelFinding(
            code=code,
            file=_short(file),
            message=_short(message),
            source=source,
            minded_by=minded_by,
        )
        self._first.setdefault((code, minded_by), first)
        self._files.setdefault((code, minded_by), set()).add(file)

    def found(self) -> tuple[WheelFinding, ...]:
        """Return the findings in the order of their first occurrence."""
        return tuple(
            _counted(finding, len(self._files[key]) - 1) for key, finding in self._first.items()
        )


def _counted(finding: WheelFinding, others: int) -> WheelFinding:
    if not others:
        return finding
    noun = {
        FindingCode.SUBMODULE_IMPORT: "module",
        FindingCode.COMMAND: "command",
    }.get(finding.code, "file")
    files = noun if others == 1 else f"{noun}s"
    return replace(finding, message=f"{finding.message} The same holds for {others} more {files}.")


def _short(text: str) -> str:
    return text if len(text) <= _WRITTEN else f"{text[:_WRITTEN]}…"
