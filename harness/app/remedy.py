"""Find the remedies of a wheel, predict their effects and run those that decide.

The steps: obtain the passports of the targets that the wheels could fit, read the wheels, predict
every remedy on each target, and run all variants on the targets where their predictions differ.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.tags import Tag

from harness.app.adhoc import gather_passports, outcomes_of, run_subjects, write_wheels
from harness.app.pytest_driver import RunOptions
from harness.app.requested import ImportCheck, guess_imports, read_candidates
from harness.core.cells import Matrix
from harness.core.errors import UsageError
from harness.core.matching import did_you_mean
from harness.core.observations import Prediction
from harness.core.passport import Passport, Symbols
from harness.core.subjects import FileSource, IndexSource, Subject
from harness.core.targets import Target
from harness.matrix.plan import Selection, wheel_fits
from harness.predict.batch import Passports
from harness.predict.remedies import (
    Proposal,
    RemedyEffect,
    Variant,
    common_modules,
    predict_all,
    propose,
    remedy_effects,
    select_remedies,
    targets_that_differ,
)
from harness.report.console import Console
from harness.results.grid import Grid
from harness.wheels.archive.rewrite import WheelBytes, rewrite_wheel
from harness.wheels.facts_reader import read_bytes
from harness.wheels.index.choose import choose_wheel
from harness.wheels.index.fetch import PackageIndex


@dataclass(frozen=True, kw_only=True, slots=True)
class RemedySubject:
    """The wheels to be changed, and what they must import."""

    subject: Subject
    tags: frozenset[Tag]
    """The tags of all its wheels."""
    guessed: bool = False
    """Whether the imports are guessed: the packages and every extension module."""

    def could_be_for(self, target: Target) -> bool:
        """Whether a wheel is built for the target's arch; its Python may be another."""
        return not wheel_fits(self.tags, target).startswith("built for")


@dataclass(frozen=True, kw_only=True, slots=True)
class Examination:
    """The wheels, the proposed remedies and their predictions."""

    remedy_subject: RemedySubject
    wheels: tuple[WheelBytes, ...]
    passports: Mapping[str, Passport]
    """By target key."""
    proposal: Proposal
    predictions: Mapping[tuple[str, str], Prediction]
    """By target key and name of the variant."""

    @property
    def deciding(self) -> tuple[str, ...]:
        """Keys of the targets to run: there the predictions of the variants differ."""
        return targets_that_differ(self.predictions)


def read_remedy_subject(
    word: str, check: ImportCheck, matrix: Matrix, index: PackageIndex
) -> RemedySubject:
    """Return the wheel or release that ``word`` names.

    If the release is a subject of the matrix, it has that subject's imports, call, companions and
    dependencies. Raises as ``read_candidates`` does.
    """
    (candidate,) = read_candidates([word], check, index)
    subject = candidate.subject
    known = _known(subject, matrix)
    if check.imports or known is None:
        return RemedySubject(subject=subject, tags=candidate.tags, guessed=not check.imports)
    subject = replace(
        subject,
        imports=known.imports,
        call=check.call or known.call,
        companions=known.companions,
        dependencies=known.dependencies,
    )
    return RemedySubject(subject=subject, tags=candidate.tags)


def targets_of(given: RemedySubject, targets: Sequence[Target]) -> tuple[Target, ...]:
    """Return the targets of the wheels' arches. Raises ``UsageError`` if there are none."""
    found = tuple(target for target in targets if given.could_be_for(target))
    if not found:
        raise UsageError(
            f"{given.subject.id}: no selected target is of its arch; choose others with --target"
        )
    return found


def passports_of(
    targets: Sequence[Target],
    given: RemedySubject,
    recorded: Passports,
    measure: Callable[[Target], Passport],
) -> dict[str, Passport]:
    """Return passports by target key: recorded ones, the others measured now.

    A target without a recorded passport is left out if its Python does not fit the wheels.
    """
    return gather_passports(
        targets, recorded, lambda t: None if wheel_fits(given.tags, t) else measure(t)
    )


def examine(
    given: RemedySubject,
    passports: Mapping[str, Passport],
    symbols: Symbols,
    index: PackageIndex,
    *,
    tries: Sequence[str] = (),
) -> Examination:
    """Return the remedies, or those of the names ``tries``, and their predictions.

    Raises ``WheelError``, ``PackageIndexError``, and ``UsageError`` for an unknown remedy or if
    no installer accepts a wheel of the release.
    """
    wheels = wheels_of(given, passports, index)
    proposal = select_remedies(propose(wheels, passports, read_bytes), tries)
    if given.guessed:
        held = proposal.variants[0].facts
        packages = (name for facts in held for name in guess_imports(facts))
        imports = tuple(dict.fromkeys((*packages, *common_modules(held))))
        given = replace(given, subject=replace(given.subject, imports=imports))
    return Examination(
        remedy_subject=given,
        wheels=wheels,
        passports=passports,
        proposal=proposal,
        predictions=predict_all(proposal, passports, symbols, given.subject.imports),
    )


def wheels_of(
    given: RemedySubject, passports: Mapping[str, Passport], index: PackageIndex
) -> tuple[WheelBytes, ...]:
    """Return the given files, or the wheels of a release that the installers choose."""
    source = given.subject.source
    if isinstance(source, IndexSource):
        paths = _chosen(source, passports, index)
    else:
        paths = [Path(path) for path in source.paths] if isinstance(source, FileSource) else []
    if not paths:
        raise UsageError(
            f"{given.subject.id}: no installer of these targets accepts a wheel of it; "
            "choose others with --target, or give a wheel's file"
        )
    return tuple(WheelBytes(filename=path.name, data=path.read_bytes()) for path in paths)


def try_out(examination: Examination, options: RunOptions, console: Console) -> Grid | None:
    """Run every variant on the deciding targets; return None if there are none.

    Raises as ``run_subjects`` does.
    """
    keys = [key.split("/") for key in examination.deciding]
    if not keys:
        return None
    selection = Selection(
        targets=tuple(sorted({target for target, _ in keys})),
        arches=tuple(sorted({arch for _, arch in keys})),
    )
    subjects = _subjects(examination, options.out / "wheels")
    return run_subjects(subjects, selection, options, console)


def effects_of(examination: Examination, grid: Grid | None) -> tuple[RemedyEffect, ...]:
    """Return the effect of every remedy, best first."""
    return remedy_effects(
        examination.proposal,
        examination.passports,
        examination.predictions,
        outcomes_of(grid) if grid else {},
    )


def write_remedy(examination: Examination, name: str, folder: Path) -> tuple[Path, ...]:
    """Write the wheels with that remedy. Raises ``UsageError`` for an unknown remedy."""
    variants = {variant.name: variant for variant in examination.proposal.variants[1:]}
    if name not in variants:
        raise UsageError(
            f"--write {name}: not a remedy of these wheels{did_you_mean(name, variants)}"
        )
    return write_wheels(_changed(variants[name], examination.wheels), folder)


def _subjects(examination: Examination, folder: Path) -> tuple[Subject, ...]:
    """Return one subject per variant; its wheels are written below ``folder``."""
    subjects = []
    for variant in examination.proposal.variants:
        paths = write_wheels(_changed(variant, examination.wheels), folder / variant.name)
        subject = replace(
            examination.remedy_subject.subject,
            id=variant.name,
            group=examination.remedy_subject.subject.id,
            source=FileSource(paths=tuple(map(str, paths))),
        )
        subjects.append(subject)
    return tuple(subjects)


def _changed(variant: Variant, wheels: Sequence[WheelBytes]) -> Iterator[WheelBytes]:
    for wheel, change in zip(wheels, variant.changes, strict=True):
        yield rewrite_wheel(wheel, change) if change else wheel


def _chosen(
    source: IndexSource, passports: Mapping[str, Passport], index: PackageIndex
) -> list[Path]:
    files = index.release(source)
    chosen = {
        wheel.filename: wheel
        for passport in passports.values()
        if (wheel := choose_wheel(files, passport.tags, passport.python))
    }
    return [Path(index.fetch(wheel).path) for wheel in chosen.values()]


def _known(subject: Subject, matrix: Matrix) -> Subject | None:
    """Return the matrix's subject of that release."""
    sources = [(s, s.source) for s in matrix.subjects if isinstance(s.source, IndexSource)]
    same = (s for s, source in sources if f"{source.name}-{source.version}" == subject.id)
    return next(same, None)
