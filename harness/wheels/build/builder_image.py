"""Build a wheel in a builder image, with the image's compiler, Python and ``auditwheel``.

The container is hardened as a probe's is: no network, no mount, read-only root, unprivileged
user. Sources go to its standard input and the wheel comes from its standard output, which
also works with a remote engine.
"""

import io
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from harness.core.arches import Arch
from harness.core.errors import BuildError
from harness.core.observations import ImageRef
from harness.core.subjects import IndexSource
from harness.host.engine import ContainerLimits, ContainerSpec, Engine
from harness.host.engine.api import StillRunningError
from harness.wheels.build.headers import oldest_python
from harness.wheels.build.planned import PlannedWheel
from harness.wheels.build.project import ProjectKind

BUILD_SECONDS = 1800
"""An emulated compiler takes minutes."""
MOST_WHEEL = 64 << 20
"""Bytes of a fixture wheel; the usual size is 10 kB."""

_BUILD_LIMITS = ContainerLimits(memory=2 << 30, pids=512, cpus=2.0, tmpfs=1 << 30)

# Messages go to standard error; standard output is a tar file with the wheel.
# PYTHONPATH must not reach auditwheel, which runs on another Python.
_SCRIPT = r"""
set -eu
exec 3>&1 >&2
cd /tmp
tar -xf -
python="/opt/python/$1/bin/python"
export PYTHONPATH=/tmp/site
"$python" -m pip install -q --no-cache-dir --no-index --no-deps --target site requires/*.whl
(cd project && "$python" -c 'import setuptools.build_meta as b; b.build_sdist("/tmp/sdist")')
"$python" -m pip wheel --no-cache-dir --no-deps --no-index --no-build-isolation \
    --wheel-dir built sdist/*.tar.gz
unset PYTHONPATH
if [ -n "$2" ]; then
    auditwheel repair --plat "$2" --only-plat --wheel-dir repaired built/*.whl
else
    mv built repaired
fi
cd repaired
tar -cf - *.whl >&3
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerBuilder:
    """What a build in a container needs."""

    engine_of: Callable[[Arch], Engine]
    """Returns the engine for an arch; raises ``EngineError``."""
    fetch_image: Callable[[str, Arch], ImageRef]
    """Pulls the image of that name for that arch; raises ``ImageError``."""
    fetch_wheel: Callable[[IndexSource], Path]
    """Downloads the only wheel of a release; raises ``PackageIndexError``."""


def builder_image(planned: PlannedWheel, container_builder: ContainerBuilder) -> ImageRef:
    """Return the image that the wheel is built in. Raises ``ImageError``."""
    builder, arch = planned.builder, planned.arch
    name = builder.image.replace("{arch}", arch.name)
    pin = f"@{builder.digests[arch.name]}" if arch.name in builder.digests else ""
    return container_builder.fetch_image(f"{name}{pin}", arch)


def build_in_container(
    planned: PlannedWheel, image: ImageRef, container_builder: ContainerBuilder
) -> bytes:
    """Return the planned wheel, built in ``image``.

    Raises ``BuildError`` with the end of the output, or if the result is not the planned
    wheel.
    """
    requires = tuple(container_builder.fetch_wheel(source) for source in planned.builder.requires)
    spec = ContainerSpec(
        image=image.id,
        arch=planned.arch,
        command=("sh", "-c", _SCRIPT, "sh", *_arguments(planned)),
        env=(("HOME", "/tmp"), ("SOURCE_DATE_EPOCH", "315532800")),  # noqa: S108 - the container's
        limits=_BUILD_LIMITS,
    )
    sources = _input_tar(planned, requires)
    try:
        done = container_builder.engine_of(planned.arch).run(
            spec, stdin=sources, timeout=BUILD_SECONDS
        )
    except StillRunningError as error:
        raise _failed(planned, f"after {BUILD_SECONDS} s it is not done") from error
    if done.status != 0:
        raise _failed(planned, f"status {done.status}", done.errors)
    return _unpacked(planned, done.output)


def _arguments(planned: PlannedWheel) -> tuple[str, str]:
    """Return the Python to build with and the platform to repair for, empty for pure Python."""
    python = planned.python or oldest_python(planned.builder, planned.arch)
    tag = f"cp{python.replace('.', '')}"
    pure = planned.project.kind is ProjectKind.PURE
    return f"{tag}-{tag}", "" if pure else planned.name.platform.partition(".")[0]


def _input_tar(planned: PlannedWheel, requires: Iterable[Path]) -> bytes:
    """Return a tar file with ``project/`` and ``requires/``."""
    folder = planned.project.folder
    files = [(f"project/{p.relative_to(folder)}", p) for p in planned.project.input_files()]
    files += [(f"requires/{path.name}", path) for path in requires]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, path in files:
            member = tarfile.TarInfo(name)
            member.size, member.mode = path.stat().st_size, 0o644
            with path.open("rb") as stream:
                tar.addfile(member, stream)
    return packed.getvalue()


def _unpacked(planned: PlannedWheel, output: bytes) -> bytes:
    """Return the only wheel in an untrusted tar file."""
    try:
        with tarfile.open(fileobj=io.BytesIO(output), mode="r:") as tar:
            (member,) = _members(tar)
            stream = tar.extractfile(member) if member.size <= MOST_WHEEL else None
            if stream is None or not _is_as_planned(planned, member.name):
                raise _unexpected(planned, f"{member.name[:200]!r} of {member.size} bytes")
            return stream.read()
    except (tarfile.TarError, ValueError) as error:
        raise _unexpected(planned, f"no wheel ({error})") from error


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    return (member for member in tar if member.isfile())


def _is_as_planned(planned: PlannedWheel, filename: str) -> bool:
    """Whether both names are equal, ignoring the order of compressed tags."""
    try:
        return parse_wheel_filename(filename) == parse_wheel_filename(planned.name.filename)
    except InvalidWheelFilename:
        return False


def _unexpected(planned: PlannedWheel, found: str) -> BuildError:
    return BuildError(
        f"{planned.builder.id} was to build {planned.name.filename} and built {found}; "
        "check its promises in matrix/builders.yaml against the image"
    )


def _failed(planned: PlannedWheel, how: str, errors: str = "") -> BuildError:
    return BuildError(
        f"{planned.project.folder}: {planned.name.filename} does not build in the image of "
        f"{planned.builder.id} ({how})\n{errors}"
    )
