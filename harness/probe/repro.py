"""Render a cell as a ``docker run`` line that needs nothing of this project (pure)."""

import ast
import shlex
from collections.abc import Sequence

from harness.core.machines import machine_of
from harness.core.observations import ImageRef
from harness.core.own_tests import OwnTests
from harness.core.subjects import Subject, WheelRef
from harness.core.targets import Target
from harness.host.engine.hardening import CONTAINER_LIMITS, HARDENING, TMP

_EMULATOR = "/emulator"


def docker_line(  # noqa: PLR0913, PLR0917 - the parts of the line
    target: Target,
    image: ImageRef,
    subject: Subject,
    wheels: Sequence[WheelRef],
    seccomp: str = "",
    emulator: str = "",
    test_wheels: Sequence[WheelRef] = (),
) -> str:
    """Return the ``docker run`` line that installs ``wheels`` in order, imports and calls.

    Then it runs the subject's tests, which ``test_wheels`` are installed for. The line has the
    hardening and the limits of a probe with two exceptions: the wheels are mounted read-only, and
    without a ``seccomp`` profile the engine's default profile applies. ``emulator``: path of the
    static program that runs a native interpreter, mounted too.
    """
    words = ["docker", "run", "--rm", "--platform", target.arch.platform]
    words += HARDENING.words(CONTAINER_LIMITS, seccomp)
    machine = machine_of(target)
    asked = dict(target.arch.qemu_env) | dict(machine.variables if machine else ())
    for name, value in (*asked.items(), ("HOME", TMP)):
        words += ["--env", f"{name}={value}"]
    for wheel in (*wheels, *test_wheels):
        words += ["--volume", f"{wheel.path}:/wheels/{wheel.filename}:ro"]
    if emulator:
        words += ["--volume", f"{emulator}:{_EMULATOR}:ro"]
    script = _script(target, subject, wheels, emulated=bool(emulator))
    if subject.tests:
        if subject.tests.archive:
            words += ["--volume", f"{subject.tests.archive}:/tests.zip:ro"]
        script += f" && {_test_script(target, subject.tests, test_wheels)}"
    return shlex.join([*words, "--entrypoint", "sh", image.id, "-xc", script])


def _script(target: Target, subject: Subject, wheels: Sequence[WheelRef], *, emulated: bool) -> str:
    python = shlex.quote(target.interpreter)
    statements = [f"import {name}" for name in subject.imports]
    if subject.call:
        # Unparsing joins the lines of the expression.
        statements.append(f"assert {ast.unparse(ast.parse(subject.call, mode='eval'))}")
    install = _install(python, "/tmp/site", wheels)  # noqa: S108 - in a container
    runs = f'{_EMULATOR} "$(command -v {python})"' if emulated else python
    check = f"PYTHONPATH=/tmp/site {runs} -c {shlex.quote('; '.join(statements))}"
    return f"{install} && {check}"


def _install(python: str, site: str, wheels: Sequence[WheelRef]) -> str:
    files = " ".join(shlex.quote(f"/wheels/{wheel.filename}") for wheel in wheels)
    return f"{python} -m pip install --no-deps --no-index --no-compile --target {site} {files}"


def _test_script(target: Target, tests: OwnTests, wheels: Sequence[WheelRef]) -> str:
    python = shlex.quote(target.interpreter)
    steps = ["mkdir -p /tmp/project /tmp/bin", f"ln -s $(command -v {python}) /tmp/bin/python"]
    steps += [_install(python, "/tmp/tests", wheels)] if wheels else []  # noqa: S108
    steps += [f"{python} -m zipfile -e /tests.zip /tmp/project"] if tests.archive else []
    steps += [
        "cd /tmp/project",
        "PATH=/tmp/bin:/tmp/tests/bin:/tmp/site/bin:$PATH PYTHONPATH=/tmp/site:/tmp/tests "
        + shlex.join(tests.command),
    ]
    return " && ".join(steps)
