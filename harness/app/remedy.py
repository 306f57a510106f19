"""A wheel, what could help it, and what does: a user's word in, remedies tried out.

The order of a visit: take the passports of the targets that the wheels could be for, read the
wheels, predict every remedy on each target, run the cells in which they do not fare alike.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.tags import Tag

from harness.app.adhoc import gather_passports, outcomes_of, run_subjects, write_wheels
from harness.app.pytest_driver import RunOptions
from harness.app.requested import Proof, read_candidates
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
from harness.wheels.index.choose import choose_wheel
from harness.wheels.index.fetch import PackageIndex


@dataclass(frozen=True, kw_only=True, slots=True)
class RemedySubject:
    """The wheels that are to get better, and how they prove themselves."""

    subject: Subject
    tags: frozenset[Tag]
    """All that its wheels have together."""
    guessed: bool = False
    """Nobody says what to import: the packages, and every extension module by its name."""

    def could_be_for(self, target: Target) -> bool:
        """Whether a wheel is of the target's arch, whatever its Python."""
        return not wheel_fits(self.tags, target).startswith("built for")


@dataclass(frozen=True, kw_only=True, slots=True)
class Examination:
    """All that is known before anything is run."""

    treated: RemedySubject
    wheels: tuple[WheelBytes, ...]
    passports: Mapping[str, Passport]
    """By target key."""
    proposal: Proposal
    predictions: Mapping[tuple[str, str], Prediction]
    """By target key and name of the variant."""

    @property
    def deciding(self) -> tuple[str, ...]:
        """Keys of the targets to run: there the remedies do not all fare alike."""
        return targets_that_differ(self.predictions)


def read_remedy_subject(
    word: str, proof: Proof, matrix: Matrix, index: PackageIndex
) -> RemedySubject:
    """Return the wheel or release that ``word`` names.

    Where the matrix has that release as a subject, it proves itself as there. Raises what
    ``read_candidates`` raises.
    """
    (candidate,) = read_candidates([word], proof, index)
    subject = candidate.subject
    known = _known(subject, matrix)
    if proof.imports or known is None:
        return RemedySubject(subject=subject, tags=candidate.tags, guessed=not proof.imports)
    companions, call = known.companions, proof.call or known.call
    subject = replace(subject, imports=known.imports, call=call, companions=companions)
    return RemedySubject(subject=subject, tags=candidate.tags)


def targets_of(treated: RemedySubject, targets: Sequence[Target]) -> tuple[Target, ...]:
    """Return those targets that are of the wheels' arches. Raises ``UsageError`` for none."""
    found = tuple(target for target in targets if treated.could_be_for(target))
    if not found:
        raise UsageError(
            f"{treated.subject.id}: no selected target is of its arch; choose others with --target"
        )
    return found


def passports_of(
    targets: Sequence[Target],
    treated: RemedySubject,
    recorded: Passports,
    measure: Callable[[Target], Passport],
) -> dict[str, Passport]:
    """Return the passports of targets by key: those recorded, the others measured now.

    What has none recorded and a Python that the wheels are not for is left out.
    """
    return gather_passports(
        targets, recorded, lambda t: None if wheel_fits(treated.tags, t) else measure(t)
    )


def examine(
    treated: RemedySubject,
    passports: Mapping[str, Passport],
    symbols: Symbols,
    index: PackageIndex,
    *,
    tries: Sequence[str] = (),
) -> Examination:
    """Return what could be done and what is predicted of it; ``tries`` names remedies.

    Raises ``WheelError``, ``PackageIndexError``, and ``UsageError`` for an unknown remedy or
    where no installer takes a wheel of the release.
    """
    wheels = wheels_of(treated, passports, index)
    proposal = select_remedies(propose(wheels, passports), tries)
    if treated.guessed:
        imports = (*treated.subject.imports, *common_modules(proposal.variants[0].facts))
        imports = tuple(dict.fromkeys(imports))
        treated = replace(treated, subject=replace(treated.subject, imports=imports))
    return Examination(
        treated=treated,
        wheels=wheels,
        passports=passports,
        proposal=proposal,
        predictions=predict_all(proposal, passports, symbols, treated.subject.imports),
    )


def wheels_of(
    treated: RemedySubject, passports: Mapping[str, Passport], index: PackageIndex
) -> tuple[WheelBytes, ...]:
    """Return the files given, or those of a release that the installers would choose."""
    source = treated.subject.source
    if isinstance(source, IndexSource):
        paths = _chosen(source, passports, index)
    else:
        paths = [Path(path) for path in source.paths] if isinstance(source, FileSource) else []
    if not paths:
        raise UsageError(
            f"{treated.subject.id}: no installer of these targets takes a wheel of it; "
            "choose others with --target, or give a wheel's file"
        )
    return tuple(WheelBytes(filename=path.name, data=path.read_bytes()) for path in paths)


def try_out(examination: Examination, options: RunOptions, console: Console) -> Grid | None:
    """Run every variant on the targets that decide; None where there is nothing to decide.

    Raises what ``run_subjects`` raises.
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
    """Write the wheels with that remedy. Raises ``UsageError`` where it is none of a wheel's."""
    variants = {variant.name: variant for variant in examination.proposal.variants[1:]}
    if name not in variants:
        raise UsageError(f"--write {name}: no remedy of these wheels{did_you_mean(name, variants)}")
    return write_wheels(_changed(variants[name], examination.wheels), folder)


def _subjects(examination: Examination, folder: Path) -> tuple[Subject, ...]:
    """Return one subject a variant, its wheels written below ``folder``."""
    subjects = []
    for variant in examination.proposal.variants:
        paths = write_wheels(_changed(variant, examination.wheels), folder / variant.name)
        subject = replace(
            examination.treated.subject,
            id=variant.name,
            group=examination.treated.subject.id,
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
    """Return the matrix's own subject of that release."""
    sources = [(s, s.source) for s in matrix.subjects if isinstance(s.source, IndexSource)]
    same = (s for s, source in sources if f"{source.name}-{source.version}" == subject.id)
    return next(same, None)
