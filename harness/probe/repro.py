"""Render a cell as a ``docker run`` line that needs nothing of this project (pure)."""

import ast
import shlex
from collections.abc import Iterator, Sequence

from harness.core.machines import machine_of
from harness.core.observations import ImageRef
from harness.core.own_tests import OwnTests
from harness.core.subjects import Subject, WheelRef
from harness.core.targets import Target
from harness.host.engine.hardening import CONTAINER_LIMITS, HARDENING, TMP
from harness.predict.late_plan import NOTHING_LATE, LatePlan

_EMULATOR = "/emulator"
_LIB = "/tmp/lib"  # noqa: S108 - in a container
_SITE = f"{_LIB}/python3/site-packages"
_OPENS = "import ctypes, sys; ctypes.CDLL(sys.argv[1])"
_UNPACKS = (
    "import os, zipfile; archive = zipfile.ZipFile('/tests.zip'); "
    "[os.chmod(archive.extract(each, '/tmp/project'), each.external_attr >> 16) "
    "for each in archive.infolist()]"
)
"""``python -m zipfile -e`` makes no file executable."""
_LIBRARIES = (
    '(for it in /wheels/*.whl; do {python} -m zipfile -e "$it" /tmp/wheels; done; '
    f"cp -r /tmp/wheels/*.data/data/lib/. {_LIB})"
)
"""What wheels have for an environment's ``lib``, which ``pip install --target`` leaves out."""
_RESOLVES = (
    "import functools, sys; module, _, names = sys.argv[1].partition(':'); "
    "parts = list(filter(None, names.split('.'))); "
    "functools.reduce(getattr, parts, __import__(module, fromlist=parts[:1] or ['']))"
)
"""As the scripts of installers do: ``from module import attribute``."""
_STARTS = (
    "import subprocess, sys, threading; "
    "program = subprocess.Popen([sys.argv[1], '--version'], stdin=subprocess.DEVNULL); "
    "limit = threading.Timer(30, program.terminate); limit.start(); ended = program.wait(); "
    "limit.cancel(); sys.exit(ended == 127 or ended < 0 and ended != -15)"
)
"""Whether a program starts: loaders end with 127, and the time-out with SIGTERM."""


def docker_line(  # noqa: PLR0913, PLR0917 - the parts of the line
    target: Target,
    image: ImageRef,
    subject: Subject,
    wheels: Sequence[WheelRef],
    seccomp: str = "",
    emulator: str = "",
    test_wheels: Sequence[WheelRef] = (),
    late: LatePlan = NOTHING_LATE,
    *,
    libraries: bool = False,
) -> str:
    """Return the ``docker run`` line that installs ``wheels`` in order, imports and calls.

    Then it opens the libraries of ``late``, resolves its entry points and starts its programs, each
    in a process of its own. It ends with 1 if one of them fails, also if that is a finding alone
    for a probe. Then it runs the subject's tests, which ``test_wheels`` are installed for. The line
    has the hardening and the limits of a probe with two exceptions: the wheels are mounted
    read-only, and without a ``seccomp`` profile the engine's default profile applies. ``emulator``:
    path of the static program that runs a native interpreter, mounted too. ``libraries``: whether
    a wheel has files for the environment's ``lib``.
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
    steps = _steps(target, subject, wheels, late, emulated=bool(emulator), libraries=libraries)
    script = " && ".join(steps)
    if subject.tests:
        if subject.tests.archive:
            words += ["--volume", f"{subject.tests.archive}:/tests.zip:ro"]
        script += f" && {_test_script(target, subject.tests, test_wheels)}"
    return shlex.join([*words, "--entrypoint", "sh", image.id, "-xc", script])


def _steps(
    target: Target,
    subject: Subject,
    wheels: Sequence[WheelRef],
    late: LatePlan,
    *,
    emulated: bool,
    libraries: bool,
) -> Iterator[str]:
    python = shlex.quote(target.interpreter)
    imports = [f"import {name}" for name in subject.imports]
    statements = list(imports)
    if subject.call:
        # Unparsing joins the lines of the expression.
        statements.append(f"assert {ast.unparse(ast.parse(subject.call, mode='eval'))}")
    yield _install(python, _SITE, wheels)
    if libraries:
        yield _LIBRARIES.format(python=python)
    runs = f'{_EMULATOR} "$(command -v {python})"' if emulated else python
    runs = f"PYTHONPATH={_SITE} {runs} -c"
    yield f"{runs} {shlex.quote('; '.join(statements))}"
    for words, statements in (
        (_installed(late.libraries), [*imports, _OPENS]),
        (late.entries, [*imports, _RESOLVES]),
    ):
        if words:
            yield _each(words, f"{runs} {shlex.quote('; '.join(statements))}")
    if late.programs:
        yield _each(_installed(late.programs), f"{python} -c {shlex.quote(_STARTS)}")


def _installed(places: Sequence[str]) -> list[str]:
    return [f"{_SITE}/{place}" for place in places]


def _each(words: Sequence[str], command: str) -> str:
    """Return a step that does something with each word, and fails in the end if one failed."""
    listed = shlex.join(words)
    return f'(bad=0; for it in {listed}; do {command} "$it" || bad=1; done; exit $bad)'


def _install(python: str, site: str, wheels: Sequence[WheelRef]) -> str:
    files = " ".join(shlex.quote(f"/wheels/{wheel.filename}") for wheel in wheels)
    return f"{python} -m pip install --no-deps --no-index --no-compile --target {site} {files}"


def _test_script(target: Target, tests: OwnTests, wheels: Sequence[WheelRef]) -> str:
    python = shlex.quote(target.interpreter)
    steps = ["mkdir -p /tmp/project /tmp/bin", f"ln -s $(command -v {python}) /tmp/bin/python"]
    steps += [_install(python, "/tmp/tests", wheels)] if wheels else []  # noqa: S108
    steps += [f"{python} -c {shlex.quote(_UNPACKS)}"] if tests.archive else []
    steps += [
        "cd /tmp/project",
        f"PATH=/tmp/bin:/tmp/tests/bin:{_SITE}/bin:$PATH PYTHONPATH={_SITE}:/tmp/tests "
        + shlex.join(tests.command),
    ]
    return " && ".join(steps)
