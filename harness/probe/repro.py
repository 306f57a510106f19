"""Render a cell as a ``docker run`` line that needs nothing of this project (pure)."""

import ast
import shlex
from collections.abc import Sequence

from harness.core.machines import machine_of
from harness.core.observations import ImageRef
from harness.core.subjects import Subject, WheelRef
from harness.core.targets import Target
from harness.host.engine.hardening import CONTAINER_LIMITS, HARDENING, TMP

_EMULATOR = "/emulator"


def docker_line(
    target: Target,
    image: ImageRef,
    subject: Subject,
    wheels: Sequence[WheelRef],
    seccomp: str = "",
    emulator: str = "",
) -> str:
    """Return the ``docker run`` line that installs ``wheels`` in order, imports and calls.

    It has the hardening and the limits of a probe with two exceptions: the wheels are mounted
    read-only, and without a ``seccomp`` profile the engine's default profile applies.
    ``emulator``: path of the static program that runs a native interpreter, mounted too.
    """
    words = ["docker", "run", "--rm", "--platform", target.arch.platform]
    words += HARDENING.words(CONTAINER_LIMITS, seccomp)
    machine = machine_of(target)
    asked = dict(target.arch.qemu_env) | dict(machine.variables if machine else ())
    for name, value in (*asked.items(), ("HOME", TMP)):
        words += ["--env", f"{name}={value}"]
    for wheel in wheels:
        words += ["--volume", f"{wheel.path}:/wheels/{wheel.filename}:ro"]
    if emulator:
        words += ["--volume", f"{emulator}:{_EMULATOR}:ro"]
    script = _script(target, subject, wheels, emulated=bool(emulator))
    return shlex.join([*words, "--entrypoint", "sh", image.id, "-xc", script])


def _script(target: Target, subject: Subject, wheels: Sequence[WheelRef], *, emulated: bool) -> str:
    python = shlex.quote(target.interpreter)
    files = " ".join(shlex.quote(f"/wheels/{wheel.filename}") for wheel in wheels)
    statements = [f"import {name}" for name in subject.imports]
    if subject.call:
        # Unparsing joins the lines of the expression.
        statements.append(f"assert {ast.unparse(ast.parse(subject.call, mode='eval'))}")
    install = (
        f"{python} -m pip install --no-deps --no-index --no-compile --target /tmp/site {files}"
    )
    runs = f'{_EMULATOR} "$(command -v {python})"' if emulated else python
    check = f"PYTHONPATH=/tmp/site {runs} -c {shlex.quote('; '.join(statements))}"
    return f"{install} && {check}"
