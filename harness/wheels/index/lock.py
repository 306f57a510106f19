"""Read and write the lock file of pinned releases, ``matrix/index.lock.json``.

It has no URLs: every index or mirror must serve the files with the pinned digests.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from harness.core.errors import MatrixFileError
from harness.core.subjects import IndexSource

LOCK_NAME = "index.lock.json"
RENEW = "wheelgrid lock"
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedWheel:
    """One wheel of a release, as the index listed it when the lock was made."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    filename: str
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    requires_python: str = ""
    """A version specifier as the index gives it; empty if the release has none."""
    yanked: bool = False
    """Withdrawn (PEP 592): chosen only if no other wheel of the release fits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedSdist:
    """One sdist of a release, as the index lists it."""

    sha256: str
    """Empty if the index lists none."""
    requires_python: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexLock:
    """All pinned releases."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    generated: date
    releases: Mapping[str, tuple[LockedWheel, ...]]
    """Wheels by ``markupsafe==3.0.2``, sorted by file name."""
    dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By id of a subject: the releases that its dependencies are resolved to, on any target."""

    def find(self, release: IndexSource) -> tuple[LockedWheel, ...] | None:
        """Return the wheels of a release, or None if it is not pinned."""
        return self.releases.get(requirement(release))

    def dependency_wheels(self, subject: str) -> Mapping[str, tuple[LockedWheel, ...]]:
        """Return the wheels of the releases that a subject's dependencies are resolved to."""
        pins = self.dependencies.get(subject, ())
        return {pin: self.releases.get(pin, ()) for pin in pins}


NOTHING_PINNED = IndexLock(generated=date.min, releases={})
"""An empty lock, for a renewal whose old lock file is missing or broken."""

_LOCK = TypeAdapter(IndexLock)


def requirement(release: IndexSource) -> str:
    """Return ``markupsafe==3.0.2``."""
    return f"{release.name}=={release.version}"


def read_lock(path: Path) -> IndexLock:
    """Read a lock file. Raises ``MatrixFileError`` with every problem in it."""
    try:
        return _LOCK.validate_json(path.read_bytes())
    except OSError as error:
        raise MatrixFileError([f"{path}: {error.strerror}; run `{RENEW}` to write it"]) from error
    except ValidationError as error:
        raise MatrixFileError(
            [
                f"{path}: {'.'.join(map(str, problem['loc'])) or 'the file'}: {problem['msg']}; "
                f"run `{RENEW}` to write a new one"
                for problem in error.errors()
            ]
        ) from error


def format_lock(lock: IndexLock) -> str:
    """Return the text of a lock file, sorted for review."""
    ordered = IndexLock(
        generated=lock.generated,
        releases={
            key: tuple(sorted(lock.releases[key], key=lambda wheel: wheel.filename))
            for key in sorted(lock.releases)
        },
        dependencies={key: lock.dependencies[key] for key in sorted(lock.dependencies)},
    )
    return _LOCK.dump_json(ordered, indent=1, exclude_defaults=True).decode() + "\n"


def write_lock(path: Path, lock: IndexLock) -> None:
    """Write a lock file atomically. Raises ``MatrixFileError``."""
    draft = path.with_name(f".{path.name}.new")
    try:
        draft.write_text(format_lock(lock), "utf-8")
        draft.replace(path)
    except OSError as error:
        what = f"{path}: cannot be written: {error.strerror}; free some space, or make it writable"
        raise MatrixFileError([what]) from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()
