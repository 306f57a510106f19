"""Read pylock.toml (PEP 751), which ``uv export`` makes of uv.lock too."""

import tomllib

from packaging.pylock import Package, Pylock, PylockValidationError

from harness.core.errors import UsageError
from harness.wheels.locks.application import LockedApplication, LockedDependency, merge_dependencies


def read_pylock(path: str, data: bytes) -> LockedApplication:
    """Return the dependencies of a pylock.toml. Raises ``UsageError`` for a malformed one."""
    try:
        lock = Pylock.from_dict(tomllib.loads(data.decode()))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, PylockValidationError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(
            f"{path}: no pylock.toml as in PEP 751: {reason}; write it again with "
            "`uv export --format pylock.toml` or `pip lock`"
        ) from error
    return LockedApplication(
        path=path,
        dependencies=merge_dependencies(
            _pin(package) for package in lock.packages if not package.is_direct
        ),
        left_out=tuple(
            f"{path}: {package.name}: {_place(package)}, which is not on an index"
            for package in lock.packages
            if package.is_direct
        ),
        requires_python=str(lock.requires_python or ""),
        environments=tuple(map(str, lock.environments or ())),
        groups=frozenset(lock.default_groups or ()),
    )


def _pin(package: Package) -> LockedDependency:
    files = [each.hashes for each in package.wheels or ()]
    files += [package.sdist.hashes] if package.sdist else []
    return LockedDependency(
        name=package.name,
        version=str(package.version),
        markers=(str(package.marker),) if package.marker else (),
        sha256=frozenset(each["sha256"] for each in files if "sha256" in each),
    )


def _place(package: Package) -> str:
    if package.directory:
        return "a folder"
    return "a checkout" if package.vcs else "an archive at an address"
