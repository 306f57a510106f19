"""Construct probers and their parts with the real engine, the real index and the real cache.

``wiring`` has what predictions need too. It imports no engine, which takes half a second.
"""

import contextlib
from collections.abc import Callable
from functools import cache as once
from functools import partial
from pathlib import Path

from harness.app.prober_options import IMAGE_CHOICES, ProberOptions
from harness.app.wiring import open_index, open_pinned
from harness.app.workspace import open_workspace
from harness.core.arches import Arch, find_arch
from harness.core.cells import Matrix
from harness.core.errors import EngineError
from harness.core.observations import ImageRef
from harness.core.subjects import IndexSource
from harness.host.cache import Cache, default_cache_root
from harness.host.doctor.emulation import emulator_version
from harness.host.engine import Engine
from harness.host.engine.docker import connect
from harness.host.engine.engine_pool import EnginePool, PooledEngine
from harness.images.debian import Workspace
from harness.images.engine_machine import run_on_engine
from harness.images.image_provider import ONLY_WAY_TRIES, ImageProvider
from harness.images.pooled_images import PooledImages
from harness.images.registry import RegistrySource
from harness.passports.survey import Surveyor
from harness.probe.engine_targets import EngineTargets
from harness.probe.journal import Journal
from harness.probe.native_installer import NativeInstaller
from harness.probe.open_target import TargetSessions, TargetSource
from harness.probe.precompile import Precompiler
from harness.probe.prober import Prober
from harness.probe.result_cache import EarlierResults, NoEarlierResults, ResultCache
from harness.wheels.build import ContainerBuilder
from harness.wheels.build.fixture_wheels import FixtureWheels
from harness.wheels.facts_reader import WheelReader
from harness.wheels.index.fetch import PackageIndex
from harness.wheels.index.lock import NOTHING_PINNED
from harness.wheels.provider import WheelProvider


def open_pool(options: ProberOptions, warn: Callable[[str], None], *, turn: int = 0) -> EnginePool:
    """Return the engines of a run; each is connected when it is needed first.

    ``warn`` gets a line about each engine that fails; ``turn`` is the number of the worker.
    """
    return EnginePool(
        options.engines,
        partial(connect, options.runtime),
        partial(run_on_engine, cache=Cache(default_cache_root())),
        warn=warn,
        turn=turn,
    )


def open_images(
    options: ProberOptions,
    index: PackageIndex,
    announce: Callable[[str], None],
    *,
    warn: Callable[[str], None] | None = None,
) -> ImageProvider | PooledImages:
    """Return the target images of the real engines; ``warn`` gets a line about each that fails.

    Raises ``EngineError`` if this machine's engine does not answer and no other is declared, and
    ``MatrixFileError`` for a broken lock.
    """
    workspace = open_workspace(options.matrix_folder, announce)
    make = partial(_images_of, options=options, index=index, workspace=workspace)
    if options.engines:
        return PooledImages(open_pool(options, warn or _ignore), make)
    return make(connect(options.runtime))


def _images_of(
    engine: Engine, options: ProberOptions, index: PackageIndex, workspace: Workspace
) -> ImageProvider:
    return ImageProvider(
        engine,
        workspace,
        ways=IMAGE_CHOICES[options.images],
        registry=options.registry,
        fetch_pip=partial(fetch_pip, index),
    )


def open_container_builder(
    options: ProberOptions,
    index: PackageIndex,
    announce: Callable[[str], None],
    pool: EnginePool | None = None,
) -> ContainerBuilder:
    """Return the builder that runs builder images in the real engines; each is pulled once.

    ``pool`` are engines that are open already.
    """
    engines = pool or open_pool(options, announce)

    @once
    def fetch_on(pooled: PooledEngine, name: str, arch: Arch) -> ImageRef:
        registry = RegistrySource(
            pooled.engine,
            Cache(default_cache_root()),
            mirror=options.registry,
            tries=ONLY_WAY_TRIES,
            announce=announce,
        )
        return registry.fetch(name, arch)

    return ContainerBuilder(
        engine_of=lambda arch: engines.ranked(arch)[0].engine,
        fetch_image=lambda name, arch: fetch_on(engines.ranked(arch)[0], name, arch),
        fetch_wheel=partial(fetch_sole, index),
    )


def open_readiness(matrix: Matrix, options: ProberOptions) -> Callable[[str], bool]:
    """Return a function of a target's key: whether its image is in the engine.

    It only decides the order of a run, so it returns False if no engine answers.
    """
    targets = {target.key: target for target in matrix.targets}
    ready = set[str]()
    try:
        images = open_images(options, open_index(NOTHING_PINNED, _ignore), _ignore)
    except EngineError:
        return lambda _: False

    def is_ready(key: str) -> bool:
        with contextlib.suppress(EngineError):
            if key not in ready and key in targets and images.has(targets[key]):
                ready.add(key)
        return key in ready

    return is_ready


def same_images(matrix: Matrix, options: ProberOptions) -> dict[str, str]:
    """Return target key → key of the first target with the same image, for the order of a run.

    Equal image names mean equal images. An image whose name is not known yet is left out. Empty if
    no engine answers.
    """
    firsts: dict[str, str] = {}
    found = {}
    with contextlib.suppress(EngineError):
        images = open_images(options, open_index(NOTHING_PINNED, _ignore), _ignore)
        for target in matrix.targets:
            with contextlib.suppress(EngineError):
                if image := next((use.image for use in images.uses(target)), ""):
                    found[target.key] = firsts.setdefault(image, target.key)
    return found


def open_prober(
    matrix: Matrix,
    options: ProberOptions,
    journal: Journal,
    earlier: EarlierResults | None = None,
    *,
    recalls: bool = False,
    turn: int = 0,
) -> Prober:
    """Return a prober on the real engines; containers of killed runs are removed first.

    Results in ``earlier`` are reused. With ``recalls`` nothing else happens, so each emulator is
    asked for its version once. ``turn`` is the number of the worker, which balances engines.
    If no engine answers, each cell asks again, and is a miss. Raises ``MatrixFileError`` for a
    broken lock file.
    """
    cache = Cache(default_cache_root(), journal.announce)
    index = open_pinned(options, journal.announce)
    workspace = open_workspace(options.matrix_folder, journal.announce, cache)
    known = ResultCache(earlier or NoEarlierResults())
    version = partial(emulator_version, cache=cache)
    here = once(version) if recalls else version

    def sessions(pooled: PooledEngine) -> TargetSessions:
        engine = pooled.engine
        images = _images_of(engine, options, index, workspace)
        native = _arch_name(pooled.info.arch)
        container = options.limits.container
        installer = NativeInstaller(engine, images, matrix.targets, container, native)
        return TargetSessions(
            engine=engine,
            images=images,
            journal=journal,
            emulator_version=pooled.emulator if pooled.name else here,
            limits=options.limits,
            known=known,
            survey=Surveyor(engine, cache, journal.announce),
            bytecode=Precompiler(installer, cache, seconds=options.limits.timeout),
            installer=installer,
            require_hardening=options.require_hardening,
            engine_name=pooled.name,
            engine_machine=pooled.run_of if pooled.name else None,
        )

    pool = open_pool(options, journal.engine, turn=turn)
    return Prober(
        targets=_opened_targets(pool, sessions, several=bool(options.engines)),
        wheels=open_wheels(matrix, options, index, workspace, pool),
        journal=journal,
        known=known,
        reader=WheelReader(cache),
        canaries=options.canaries,
        require_nogil=options.require_nogil,
    )


def _opened_targets(
    pool: EnginePool, sessions: Callable[[PooledEngine], TargetSessions], *, several: bool
) -> TargetSource:
    if not several:
        with contextlib.suppress(EngineError):
            return sessions(pool.here())
    return EngineTargets(pool, sessions)


def open_wheels(
    matrix: Matrix,
    options: ProberOptions,
    index: PackageIndex,
    workspace: Workspace,
    pool: EnginePool | None = None,
) -> WheelProvider:
    """Return the wheels of the matrix with all that they are built or resolved from.

    ``pool``: the engines of builder images; this machine's by default. Raises ``EngineError`` if
    no engine answers.
    """
    return WheelProvider(
        index=index,
        cache=workspace.cache,
        build=FixtureWheels(
            matrix,
            fixtures=options.fixtures,
            workspace=workspace,
            container_builder=open_container_builder(options, index, workspace.announce, pool),
        ),
        room=options.limits.container.tmpfs,
    )


def fetch_pip(index: PackageIndex, version: str) -> Path:
    """Return the wheel of that version of pip. Raises ``PackageIndexError``."""
    return fetch_sole(index, IndexSource(name="pip", version=version))


def fetch_sole(index: PackageIndex, release: IndexSource) -> Path:
    """Return the only wheel of a pure release. Raises ``PackageIndexError``."""
    wheel, *_ = index.release(release)
    return Path(index.fetch(wheel).path)


def _arch_name(machine: str) -> str:
    """Return the arch of a machine; its own name if no target can have that arch."""
    try:
        return find_arch(machine).name
    except KeyError:
        return machine


def _ignore(_: str) -> None:
    """Discard a line of progress."""
