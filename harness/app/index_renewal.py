"""Renew the lock of the package index, including the dependencies of subjects that ask for them."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness.app.prober_options import ProberOptions
from harness.app.wiring import open_index, open_passports, open_provider
from harness.core.cells import Matrix
from harness.core.machines import machine_of, recorded_on
from harness.core.subjects import DependencyOptions, IndexSource
from harness.host.cache import Cache, default_cache_root
from harness.matrix.plan import all_cells
from harness.predict.batch import Passports, PredictedWheels
from harness.report.console import say
from harness.wheels.archive.filename import parse_wheel_name
from harness.wheels.dependencies.resolution import DependencyResolver
from harness.wheels.dependencies.resolver import DependencyRefusedError
from harness.wheels.index.fetch import PackageIndex
from harness.wheels.index.lock import NOTHING_PINNED, IndexLock, requirement
from harness.wheels.index.renew import pinned_releases, renew_lock
from harness.wheels.provider import Refusal


def renew_index(
    matrix: Matrix,
    folder: Path,
    before: IndexLock = NOTHING_PINNED,
    report: Callable[[str], None] = say,
) -> IndexLock:
    """Return a lock of everything that ``matrix`` in ``folder`` takes from the index, as of today.

    Raises as ``renew_lock``.
    """
    index = open_index(NOTHING_PINNED, say)
    lock = renew_lock(pinned_releases(matrix), index, before, report)
    provider = open_provider(matrix, ProberOptions(matrix_folder=folder), index)
    resolver = DependencyResolver(index, Cache(default_cache_root()))
    return with_dependencies(lock, matrix, index, resolver, provider, open_passports(folder))


def with_dependencies(
    lock: IndexLock,
    matrix: Matrix,
    index: PackageIndex,
    resolver: DependencyResolver,
    wheels: PredictedWheels,
    passports: Passports,
) -> IndexLock:
    """Return the lock with the dependencies of the subjects that ask for them.

    They are resolved for every recorded passport of the cells' targets. A dependency that a target
    cannot get is not pinned. Raises ``PackageIndexError``.
    """
    pins: defaultdict[str, set[IndexSource]] = defaultdict(set)
    for cell in all_cells(matrix):
        passport = recorded_on(passports, cell.target)
        if cell.subject.dependencies is None or passport is None or machine_of(cell.target):
            continue
        alone = replace(cell.subject, dependencies=None, companions=())
        found = wheels.wheels_for(alone, cell.target, passport)
        if isinstance(found, Refusal):
            continue
        subject = replace(cell.subject, dependencies=DependencyOptions())
        try:
            resolved = resolver.resolve(subject, found[-1], passport)
        except DependencyRefusedError:
            continue
        names = [parse_wheel_name(each.wheel.filename) for each in resolved]
        pins[subject.id] |= {IndexSource(name=n.distribution, version=n.version) for n in names}
    more = {requirement(r): index.lookup(r.name, r.version) for each in pins.values() for r in each}
    return replace(
        lock,
        releases={**lock.releases, **more},
        dependencies={key: tuple(sorted(map(requirement, pins[key]))) for key in pins},
    )
