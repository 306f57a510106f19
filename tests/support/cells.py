"""Sample cells, expectations, observations and grids."""

from dataclasses import replace

from harness.core.cells import Cell, Expectation, Outcome, Stage
from harness.core.observations import ImageRef, Observation, Prediction, Provenance
from harness.core.subjects import FileSource, FixtureSource, IndexSource, Subject, WheelRef
from harness.core.targets import ImageWay
from harness.results.grid import Grid, build_grid
from tests.support.targets import make_target

FIXTURE = FixtureSource(project="plain", builder="cross")
INDEX = IndexSource(name="numpy", version="2.4.6")
FILE = FileSource(paths=("x.whl",))


def expect(outcome: Outcome, cause: str = "") -> Expectation:
    return Expectation(
        target="*",
        arch="*",
        subject="*",
        outcome=outcome,
        cause=cause,
        reason="it is known",
        link="https://example.invalid/1",
    )


def by_cause(cause: str) -> Expectation:
    """Return an expectation of failed imports for whatever is predicted to fail by ``cause``."""
    return replace(expect(Outcome.IMPORT_FAILED, cause), subject="")


def make_subject(name: str, *paths: str, **more: object) -> Subject:
    """Return a subject of these files, or of release 1.0 of the index; ``more`` are its fields."""
    source = FileSource(paths=paths) if paths else IndexSource(name=name, version="1.0")
    fields = {"id": name, "group": "tests", "source": source, "imports": (name,), **more}
    return Subject(**fields)  # type: ignore[arg-type]


def make_cell(
    *,
    source: FixtureSource | IndexSource | FileSource = FIXTURE,
    expectation: Expectation | None = None,
    by_cause: tuple[Expectation, ...] = (),
    allow_failure: bool = False,
    subject: str = "plain",
) -> Cell:
    target = make_target("debian-12/s390x", title="Debian 12", allow_failure=allow_failure)
    return Cell(
        target=target,
        subject=Subject(id=subject, group="group", source=source, imports=("x",)),
        expectation=expectation,
        by_cause=by_cause,
    )


def see(
    cell: Cell, outcome: Outcome, cause: str = "", *, predicted: str | None = None
) -> Observation:
    """Return an observation; ``predicted`` is the cause of its prediction, empty for a pass."""
    seen = Observation(cell=cell.id, outcome=outcome, stage=Stage.IMPORT, cause=cause)
    if predicted is None:
        return seen
    expected = Outcome.IMPORT_FAILED if predicted else Outcome.PASS
    return replace(
        seen, prediction=Prediction(outcome=expected, stage=Stage.IMPORT, cause=predicted)
    )


OLD, NEW = "sha256:old", "sha256:new"


def saw(  # noqa: PLR0913 - one for each suspect
    cell: Cell,
    outcome: Outcome,
    cause: str = "",
    *,
    image: str = OLD,
    wheel: str = "a",
    qemu: str = "7.2",
    passport: str = "",
) -> Observation:
    """Return an observation with all fields that it depends on."""
    return Observation(
        cell=cell.id,
        outcome=outcome,
        stage=Stage.IMPORT,
        cause=cause,
        wheel=WheelRef(filename="x.whl", sha256=wheel, size=1, path="x.whl"),
        provenance=Provenance(
            image=ImageRef(id=image, way=ImageWay.ASSEMBLED, origin="bookworm"),
            qemu=qemu,
            passport_id=passport,
            harness="1",
        ),
    )


def grid(*seen: tuple[Cell, Observation | None]) -> Grid:
    return build_grid([cell for cell, _ in seen], [found for _, found in seen if found])


def cells(count: int, *, target: str = "debian-12") -> list[Cell]:
    return list(cells_on(f"{target}/s390x", subjects=count))


def cells_on(*targets: str, subjects: int = 2) -> tuple[Cell, ...]:
    """Return cells of targets by key."""
    made = [make_cell(subject=f"s{number}") for number in range(subjects)]
    pairs = [target.split("/") for target in targets]
    return tuple(
        replace(cell, target=replace(cell.target, id=name, arch_name=arch))
        for name, arch in pairs
        for cell in made
    )
