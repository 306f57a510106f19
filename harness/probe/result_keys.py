"""Keys of results: everything that a stored result depends on.

The versions of the engine and of this program and the kernel's full release are only recorded
(``Provenance``). They are not part of a key, so that similar machines can share results.
"""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache as once
from pathlib import Path

from pydantic import TypeAdapter

from harness.core.machines import machine_of
from harness.core.observations import ImageRef
from harness.core.own_tests import OwnTests
from harness.core.passport import Passport
from harness.core.subjects import WheelRef
from harness.core.targets import Target
from harness.host.cache import content_key
from harness.host.code_key import code_key
from harness.host.engine.hardening import CONTAINER_LIMITS, ContainerLimits, seccomp_profile
from harness.predict.inferred_imports import ImportPlan
from harness.predict.late_plan import NOTHING_LATE, LatePlan
from harness.probe import agent
from harness.wheels.provider import Refusal

_PASSPORT: TypeAdapter[Passport] = TypeAdapter(Passport)
_DECIDING = (
    "harness.probe.confirmation",
    "harness.probe.illegal_instruction",
    "harness.probe.late_failures",
    "harness.probe.module_failures",
    "harness.probe.other_cpu",
    "harness.probe.probe_results",
    "harness.probe.sandbox",
    "harness.probe.session",
    "harness.probe.suite_results",
    "harness.wheels.install_layout",
)
"""Modules that decide a cell's result, besides the agent's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeLimits:
    """The limits of one cell, and how its wheel is installed."""

    timeout: float = 120.0
    """Seconds per stage."""
    quiet: float = 60.0
    """Seconds without output per stage."""
    container: ContainerLimits = CONTAINER_LIMITS
    own_pip: bool = False
    """Install with the target's pip even if a native one could."""


PROBE_LIMITS = ProbeLimits()


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """Everything that a passport depends on."""

    image: str
    """Image id."""
    interpreter: str
    arch: str
    code: str
    """Key of the code that decides a result."""
    emulator: str
    """Version of the emulator; empty on a native arch."""
    cpu_model: str
    """The emulator's CPU model; empty for its default and on a native arch."""
    cpu_features: str
    """Key of the host CPU's feature flags; empty under emulation, which does not use them."""
    page_size: int
    """Bytes: this machine's, unless the emulator is given another one."""
    kernel: str
    """``major.minor``."""
    runtime: str = ""
    """OCI runtime that was chosen; empty for the engine's own. A sandbox has its own kernel."""

    @property
    def key(self) -> str:
        return content_key(json.dumps(asdict(self)))


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnTestsKey:
    """What the result of a project's own tests depends on."""

    command: tuple[str, ...]
    files: str
    """SHA-256 of the files that are sent."""
    wheels: tuple[tuple[str, str], ...]
    """File names and SHA-256 digests of what the tests require."""
    refused: str
    """Why a requirement cannot be installed; empty if it can."""
    timeout: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ResultDependencies:
    """Everything that a cell's result depends on; any change measures the cell again."""

    environment: Environment
    wheels: tuple[tuple[str, str], ...]
    """File names and SHA-256 digests of the companions, then of the subject."""
    imports: tuple[str, ...]
    submodules: tuple[str, ...]
    call: str
    limits: ProbeLimits
    late: LatePlan = NOTHING_LATE
    tests: OwnTestsKey | None = None
    compared: tuple[str, bool] | None = None
    """What decides with what a crash under emulation is compared: the machine that is asked for,
    and whether the subject may have another file for this machine's arch. None: not emulated."""

    @property
    def key(self) -> str:
        return content_key(json.dumps(asdict(self)))


def environment_of(
    target: Target, image: ImageRef, emulator: str, kernel: str, runtime: str = ""
) -> Environment:
    """Return the environment of a target; ``kernel`` is the engine's release, ``6.1.0-26``."""
    machine = machine_of(target)
    given = dict(target.arch.qemu_env) if emulator else {}
    given |= dict(machine.variables) if machine else {}
    return Environment(
        image=image.id,
        interpreter=target.interpreter,
        arch=target.arch_name,
        code=_code(),
        emulator=emulator,
        cpu_model=given.get("QEMU_CPU", ""),
        cpu_features="" if emulator else _cpu_features(),
        page_size=int(given.get("QEMU_PAGESIZE", os.sysconf("SC_PAGE_SIZE"))),
        kernel=".".join(re.findall(r"\d+", kernel)[:2]),
        runtime=runtime,
    )


def dependencies_of(  # noqa: PLR0913 - one for each dependency
    environment: Environment,
    wheels: Sequence[WheelRef],
    plan: ImportPlan,
    call: str,
    limits: ProbeLimits,
    late: LatePlan = NOTHING_LATE,
    *,
    tests: OwnTestsKey | None = None,
    compared: tuple[str, bool] | None = None,
) -> ResultDependencies:
    """Return the dependencies of a cell's result."""
    return ResultDependencies(
        environment=environment,
        wheels=tuple((wheel.filename, wheel.sha256) for wheel in wheels),
        imports=plan.required,
        submodules=plan.tried,
        call=call,
        limits=limits,
        late=late,
        tests=tests,
        compared=compared,
    )


def own_tests_key(
    tests: OwnTests | None, wheels: Sequence[WheelRef] | Refusal
) -> OwnTestsKey | None:
    """Return the key of tests; ``wheels`` are what they require, or why it cannot be installed."""
    if tests is None:
        return None
    refused = wheels.reason if isinstance(wheels, Refusal) else ""
    found = () if isinstance(wheels, Refusal) else wheels
    return OwnTestsKey(
        command=tests.command,
        files=tests.sha256,
        wheels=tuple((wheel.filename, wheel.sha256) for wheel in found),
        refused=refused,
        timeout=tests.timeout,
    )


def passport_id(passport: Passport) -> str:
    """Return the content address of a passport."""
    return content_key(_PASSPORT.dump_json(passport).decode())


@once
def _code() -> str:
    agents = (f"{agent.__name__}.{name}" for name in ("loader", *agent.MODULES))
    return content_key(code_key(*_DECIDING, *agents), seccomp_profile())


@once
def _cpu_features() -> str:
    """Return a key of this machine's CPU features (proc_cpuinfo(5)); empty without procfs."""
    try:
        return cpu_features_key(Path("/proc/cpuinfo").read_text())
    except OSError:
        return ""


def cpu_features_key(text: str) -> str:
    """Return a key of the feature flags in ``/proc/cpuinfo``."""
    found = re.findall(r"^(?:flags|Features|features)\s*:(.*)$", text, re.MULTILINE)
    return content_key(*sorted({flag for line in found for flag in line.split()}))
