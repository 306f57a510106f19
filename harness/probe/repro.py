"""Render a cell as a ``docker run`` line that needs nothing of this project (pure)."""

import ast
import shlex
from collections.abc import Sequence

from harness.core.observations import ImageRef
from harness.core.subjects import Subject, WheelRef
from harness.core.targets import Target
from harness.host.engine.hardening import CONTAINER_LIMITS, HARDENING, TMP


def docker_line(
    target: Target,
    image: ImageRef,
    subject: Subject,
    wheels: Sequence[WheelRef],
    seccomp: str = "",
) -> str:
    """Return the ``docker run`` line that installs ``wheels`` in order, imports and calls.

    It has the hardening and the limits of a probe with two exceptions: the wheels are mounted
    read-only, and without a ``seccomp`` profile the engine's default profile applies.
    """
    words = ["docker", "run", "--rm", "--platform", target.arch.platform]
    words += HARDENING.words(CONTAINER_LIMITS, seccomp)
    for name, value in (*target.arch.qemu_env, ("HOME", TMP)):
        words += ["--env", f"{name}={value}"]
    for wheel in wheels:
        words += ["--volume", f"{wheel.path}:/wheels/{wheel.filename}:ro"]
    return shlex.join(
        [*words, "--entrypoint", "sh", image.id, "-xc", _script(target, subject, wheels)]
    )


def _script(target: Target, subject: Subject, wheels: Sequence[WheelRef]) -> str:
    python = shlex.quote(target.interpreter)
    files = " ".join(shlex.quote(f"/wheels/{wheel.filename}") for wheel in wheels)
    statements = [f"import {name}" for name in subject.imports]
    if subject.call:
        # Unparsing joins the lines of the expression.
        statements.append(f"assert {ast.unparse(ast.parse(subject.call, mode='eval'))}")
    install = (
        f"{python} -m pip install --no-deps --no-index --no-compile --target /tmp/site {files}"
    )
    check = f"PYTHONPATH=/tmp/site {python} -c {shlex.quote('; '.join(statements))}"
    return f"{install} && {check}"
