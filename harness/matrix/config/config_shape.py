"""The keys, types and descriptions of a project's configuration.

It is ``wheelgrid.toml``, or the table ``[tool.wheelgrid]`` of ``pyproject.toml``. The JSON Schema
and ``harness/guide/reference/config.md`` are generated from these definitions.
"""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from harness.core.own_tests import MOST_SECONDS
from harness.matrix.files.fields import (
    ByArch,
    EngineAddresses,
    Expression,
    Id,
    Link,
    Module,
    Pin,
    Text,
)
from harness.matrix.files.file_shapes import ExpectationShape
from harness.matrix.files.shape import Shape
from harness.matrix.files.target_shapes import TargetShape

_UNSET: Any = None
"""The option's own default holds, which the command line knows."""

Seconds = Annotated[float, Field(gt=0, le=MOST_SECONDS, allow_inf_nan=False)]


class ConfigShape(Shape):
    """The settings of a project. None is needed; an option on the command line wins."""

    model_config = ConfigDict(alias_generator=lambda name: name.replace("_", "-"))

    targets: Annotated[list[Text], Field(examples=[["debian-*", "alpine-3.2*"]])] = _UNSET
    """Targets to try: globs over `TARGET` or `TARGET/ARCH`."""
    arches: Annotated[list[Text], Field(examples=[["x86_64", "aarch64"]])] = _UNSET
    """Architectures to try: globs, or other spellings such as `arm64`."""
    profile: Annotated[Id, Field(examples=["native"])] = _UNSET
    """A named selection of the matrix."""
    imports: Annotated[list[Module], Field(examples=[["mypkg", "mypkg._speedups"]])] = _UNSET
    """Modules to import, in place of the packages and extension modules of the wheel."""
    call: Annotated[Expression, Field(examples=["mypkg.add(1, 2) == 3"])] = _UNSET
    """Python expression over the imported modules that must be true."""
    dependencies: Annotated[bool, Field(examples=[False])] = _UNSET
    """Whether to install what the wheels depend on, as pip does."""
    extras: Annotated[list[Text], Field(examples=[["speedups"]])] = _UNSET
    """Extras of the wheels to install too."""
    companions: Annotated[list[Pin], Field(alias="with", examples=[["numpy==2.4.6"]])] = _UNSET
    """Releases to install besides."""
    find_links: Annotated[list[Text], Field(examples=[["wheels"]])] = _UNSET
    """Folders of further wheels for dependencies, such as those of the same release."""
    constraint: Annotated[Text, Field(examples=["constraints.txt"])] = _UNSET
    """File with versions of dependencies, one line each, like `numpy<2`."""
    index_url: Annotated[Link, Field(examples=["https://example.org/simple"])] = _UNSET
    """Address of the package index."""
    against: Annotated[list[Pin], Field(examples=[["mypkg==1.2.3"]])] = _UNSET
    """Previous release: only regressions against it fail."""
    strict: Annotated[bool, Field(examples=[True])] = _UNSET
    """With `against`: any failure fails."""
    partial: Annotated[bool, Field(examples=[True])] = _UNSET
    """With `against`: do not report wheels that only the previous release has."""
    strict_wheel: Annotated[bool, Field(examples=[True])] = _UNSET
    """Fail if a wheel has findings: defects that not every installer accepts."""
    strict_prediction: Annotated[bool, Field(examples=[True])] = _UNSET
    """Fail if a prediction differs from what is seen, in outcome or cause."""
    test: Annotated[Text, Field(examples=["pytest -q tests"])] = _UNSET
    """Command of the project's own tests, which `check` runs after the import. No shell reads it,
    and there is no network."""
    test_requires: Annotated[list[Text], Field(examples=[["pytest>=8", "hypothesis"]])] = _UNSET
    """Requirements of the tests, besides the wheel."""
    test_files: Annotated[list[Text], Field(examples=[["tests", "pyproject.toml"]])] = _UNSET
    """Files and folders that are sent to the tests' working directory."""
    test_timeout: Annotated[Seconds, Field(examples=[1800])] = _UNSET
    """Timeout of the tests, in seconds."""
    images: Annotated[
        Literal["auto", "local", "registry", "assembled", "replica"], Field(examples=["local"])
    ] = _UNSET
    """Source of target images: `auto` takes the first that works, `local` pulls nothing."""
    registry: Annotated[Text, Field(examples=["registry.example.org/hub"])] = _UNSET
    """Mirror to pull images from."""
    debian_mirrors: Annotated[list[Link], Field(examples=[["https://example.org/debian"]])] = _UNSET
    """Debian mirrors, tried in this order."""
    timeout: Annotated[Seconds, Field(examples=[300])] = _UNSET
    """Timeout of one stage of a cell, in seconds."""
    cell_memory: Annotated[int, Field(ge=64, examples=[2048])] = _UNSET
    """Memory of a cell's container in MiB, including what it writes to disk."""
    cell_disk: Annotated[int, Field(ge=16, examples=[1024])] = _UNSET
    """Disk of a cell's container in MiB: the wheels, packed and installed."""
    cell_processes: Annotated[int, Field(ge=16, examples=[512])] = _UNSET
    """Processes and threads of a cell's container."""
    cell_shm: Annotated[int, Field(ge=0, examples=[64])] = _UNSET
    """Shared memory of a cell's container in MiB, for locks and pools of multiprocessing."""
    own_pip: Annotated[bool, Field(examples=[True])] = _UNSET
    """Run each target's own pip under emulation for every wheel."""
    runtime: Annotated[Text, Field(examples=["crun"])] = _UNSET
    """OCI runtime of the containers, by the name that the engine has for it."""
    engines: Annotated[
        ByArch[EngineAddresses],
        Field(examples=[{"aarch64": "ssh://builder@arm1", "s390x": ["z-lab", "tcp://z2:2376"]}]),
    ] = _UNSET
    """Container engines that serve an architecture: addresses, or names of Docker contexts."""
    require_hardening: Annotated[bool, Field(examples=[True])] = _UNSET
    """Refuse to probe if the engine does not enforce a container's limits."""
    require_nogil: Annotated[bool, Field(examples=[True])] = _UNSET
    """Fail a wheel whose import switches the GIL of a free-threaded Python on."""
    out: Annotated[Text, Field(examples=["build/grid"])] = _UNSET
    """Output folder of run.json and junit.xml."""
    store: Annotated[Text, Field(examples=["build/wheelgrid.db"])] = _UNSET
    """File of stored runs."""
    matrix: Annotated[Text, Field(examples=["matrix"])] = _UNSET
    """Folder of the matrix files, instead of those that are installed."""
    own_targets: list[TargetShape] = _UNSET
    """Targets of the project, beside those of the matrix. Each is a row of `targets.yaml`."""
    expectations: list[ExpectationShape] = _UNSET
    """Known failures of `check`. Each is a row of `expectations.yaml`."""


def described(key: str) -> str:
    """Return the description of a setting, in plain text."""
    fields = {field.alias: field for field in ConfigShape.model_fields.values()}
    return str(fields[key].description).replace("`", "")
