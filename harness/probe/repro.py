"""A cell as one line for a shell: the same container, without this project (pure)."""

import ast
import shlex
from collections.abc import Sequence

from harness.core.observations import ImageRef
from harness.core.subjects import Subject, WheelRef
from harness.core.targets import Target
from harness.host.engine import Limits

LIMITS = Limits()
"""A probe's own: what ran out of memory there does so here."""


def docker_line(
    target: Target, image: ImageRef, subject: Subject, wheels: Sequence[WheelRef]
) -> str:
    """Return the ``docker run`` line that installs ``wheels`` in order, imports and calls.

    It is as hardened and as limited as a probe; only the wheels come in as read-only
    mounts, since a shell has no agent to send them to.
    """
    words = ["docker", "run", "--rm", "--platform", target.arch.platform]
    words += ["--network", "none", "--read-only"]
    words += ["--tmpfs", f"/tmp:exec,mode=1777,size={LIMITS.tmpfs}"]  # noqa: S108 - the container's
    words += ["--ipc", "none", "--pids-limit", f"{LIMITS.pids}", "--cpus", f"{LIMITS.cpus}"]
    words += ["--memory", f"{LIMITS.memory}", "--memory-swap", f"{LIMITS.memory}"]
    words += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--user", "65534:65534"]
    for name, value in (*target.arch.qemu_env, ("HOME", "/tmp")):  # noqa: S108
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
        # Unparsed it is one line, however many the matrix gives it.
        statements.append(f"assert {ast.unparse(ast.parse(subject.call, mode='eval'))}")
    install = (
        f"{python} -m pip install --no-deps --no-index --no-compile --target /tmp/site {files}"
    )
    check = f"PYTHONPATH=/tmp/site {python} -c {shlex.quote('; '.join(statements))}"
    return f"{install} && {check}"
