"""Canaries on the real engine: a column that catches all of them, and two that cannot.

One has a passport that lies, the other an interpreter that imports what it does not find.
"""

import io
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import docker
import pytest
from rich.console import Console

from harness.app.engine_wiring import open_images
from harness.app.execute import run_cells
from harness.app.prober_options import ProberOptions
from harness.app.pytest_driver import RunOptions
from harness.app.wiring import open_index, read_matrix
from harness.core.cells import Cell
from harness.core.errors import ExitCode
from harness.core.observations import ImageRef
from harness.host.engine.docker import connect
from harness.images.debian_root import native_arch
from harness.matrix.plan import Selection, plan_cells, with_subjects
from harness.probe.canary_probe import check_canaries
from harness.probe.journal import Journal
from harness.probe.open_target import TargetSessions
from harness.probe.result_cache import NoEarlierResults, ResultCache
from harness.probe.result_keys import PROBE_LIMITS, passport_id
from harness.results.runfile import Run, read_run
from harness.store import open_store
from harness.store.rows import Measured
from harness.wheels.index.lock import NOTHING_PINNED
from tests.support.cells import make_subject
from tests.support.commands import ROOT
from tests.support.local_prober import LocalImages
from tests.support.wheels import make_wheel

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("no_outer_pytest")]

COLUMN = f"debian-12/{native_arch().name}"
HERE = Selection(targets=("debian-12",), arches=(native_arch().name,))
TRIED = (
    "passes", "private-members", "damaged-member", "wrong-suffix", "lying-abi3-tag",
    "wrong-machine", "missing-library", "early-exit", "forged-report", "hang", "fork-bomb",
)  # fmt: skip
"""All but exec-stack, which its loader grants."""


def cells_of(folder: Path) -> tuple[Cell, ...]:
    subject = make_subject("good", str(make_wheel(folder, "good", "")))
    return plan_cells(with_subjects(read_matrix(ROOT / "matrix"), (subject,)), HERE)


def run(cells: tuple[Cell, ...], options: RunOptions) -> tuple[ExitCode, Run, str]:
    console = Console(file=io.StringIO(), width=200)
    code = run_cells(cells, options, console)
    assert isinstance(console.file, io.StringIO)
    return code, read_run(options.out / "run.json"), console.file.getvalue()


def lie(path: Path) -> None:
    """Make the stored passport say that its own module names are musl's alone."""
    with open_store(path, write=True) as store:
        (known,) = store.measured()
        suffixes = (f".cpython-311-{native_arch().musl_triplet}.so", ".abi3.so", ".so")
        passport = replace(known.passport, extension_suffixes=suffixes)
        lying = Measured(id=passport_id(passport), environment=known.environment, passport=passport)
        store.add(store.find("last"), (), (lying,))


FORGIVING = """\
import importlib.machinery
import sys
import types


class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.endswith("._impl"):
            return importlib.machinery.ModuleSpec(name, self)

    def create_module(self, spec):
        return types.ModuleType(spec.name)

    def exec_module(self, module):
        pass


sys.meta_path.append(Finder())
"""


@pytest.fixture
def forgiving() -> Iterator[ImageRef]:
    """Return Debian's image with an interpreter that finds every extension module."""
    options = ProberOptions(images="assembled")
    index = open_index(NOTHING_PINNED, print)
    target = next(t for t in read_matrix(ROOT / "matrix").targets if t.key == COLUMN)
    image = open_images(options, index, print).get(target)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, text in (("forgiving.py", FORGIVING), ("forgiving.pth", "import forgiving\n")):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    client = docker.from_env()
    container = client.containers.create(image.id, "true")
    try:
        container.put_archive("/usr/lib/python3/dist-packages", packed.getvalue())
        made = container.commit(repository="wheelgrid-tests/forgiving")
    finally:
        container.remove()
    assert made.id
    yield replace(image, id=made.id)
    client.images.remove(made.id, force=True)
    client.close()


def test_an_interpreter_that_imports_too_much_is_found(forgiving: ImageRef, tmp_path: Path) -> None:
    """The passes of its column would be false: canaries that must fail pass."""
    images = LocalImages()
    images.image = forgiving
    target = next(t for t in read_matrix(ROOT / "matrix").targets if t.key == COLUMN)
    engine = connect()
    with TargetSessions(
        engine=engine,
        images=images,
        journal=Journal(tmp_path / "journal.jsonl"),
        emulator_version=lambda _: "",
        limits=PROBE_LIMITS,
        known=ResultCache(NoEarlierResults()),
    ) as targets:
        check = check_canaries(targets, targets.at(target))
    engine.close()
    seen = {missed.canary: missed.seen for missed in check.missed}
    assert seen == {"wrong-suffix": "pass", "lying-abi3-tag": "pass"}


def test_a_column_is_believed_or_not(tmp_path: Path) -> None:
    """It catches every canary; with a passport that lies it misses one, and exits with 3.

    What a column shows that is not believed is never reused.
    """
    options = RunOptions(
        prober=ProberOptions(images="assembled", canaries=True),
        out=tmp_path / "out",
        workers=1,
        store=tmp_path / "store.db",
    )
    cells = cells_of(tmp_path)
    code, written, page = run(cells, options)
    assert code is ExitCode.AS_EXPECTED
    (check,) = written.circumstances.canaries
    assert (check.target, check.tried, check.missed) == (COLUMN, TRIED, ())
    assert "canaries: 1 of 1 checked columns caught all of theirs" in page

    lie(tmp_path / "store.db")
    code, written, _ = run(cells, options)
    assert code is ExitCode.AS_EXPECTED  # a stored result: nothing of the column is measured
    assert written.circumstances.canaries == ()
    assert written.circumstances.unchecked == (COLUMN,)

    other = make_subject("other", str(make_wheel(tmp_path, "other", "")))
    more = tuple(replace(cell, subject=other) for cell in cells)
    code, written, page = run(more, options)
    assert code is ExitCode.NOTHING_CAN_BE_SAID
    (check,) = written.circumstances.canaries
    (missed,) = check.missed
    assert (missed.canary, missed.expected) == ("wrong-suffix", "import-failed suffix-mismatch")
    assert missed.seen == "import-failed no-init-function"
    assert f"{COLUMN} is not believed: canary wrong-suffix must be import-failed" in page
    assert [cell.observation.key for cell in written.cells if cell.observation] == [""]
