"""Native installation for emulated targets, with the real agent and this machine's pip."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.arches import find_arch
from harness.core.cells import Outcome, Stage
from harness.core.errors import ImageError
from harness.core.passport import Passport
from harness.core.targets import Target
from harness.host.engine.api import EngineImage
from harness.images.source import ImageStorage
from harness.probe.jobs import Job
from harness.probe.native_installer import TOO_LARGE, NativeInstaller
from harness.probe.session import open_session
from tests.support.local_engine import LocalEngine
from tests.support.local_prober import HERE, THIS_MACHINE
from tests.support.wheels import job_for, make_wheel

FOREIGN = replace(THIS_MACHINE, arch_name=find_arch("s390x").name)
OTHER = replace(FOREIGN, id="other")
FOREIGN_TAG = "py3-none-linux_s390x"


class Images:
    """Known images by target id; an empty name is an image that the engine lacks."""

    def __init__(self, images: dict[str, str]) -> None:
        self._images = images

    def uses(self, target: Target) -> tuple[ImageStorage, ...]:
        assert target.arch_name == HERE.name
        return (ImageStorage(image=self._images[target.id], entries=frozenset()),)


class Engine(LocalEngine):
    """A local engine that has every image with a name."""

    def find_image(self, reference: str) -> EngineImage | None:
        return super().find_image(reference) if reference else None


@pytest.fixture
def engine() -> Iterator[Engine]:
    """Return an engine; every process in it must have ended after the test."""
    made = Engine()
    yield made
    assert all(channel.process.poll() is not None for channel in made.opened)


@pytest.fixture(scope="module")
def here() -> Passport:
    with open_session(LocalEngine(), "image", THIS_MACHINE) as session:
        return session.start()


@pytest.fixture
def emulated(here: Passport) -> Passport:
    """Return the passport of this machine with other tags."""
    return replace(here, tags=(FOREIGN_TAG, *here.tags[-1:]))


def _installer(engine: Engine, here: str = "image", other: str = "image") -> NativeInstaller:
    targets = [THIS_MACHINE, FOREIGN, OTHER, replace(THIS_MACHINE, id="other")]
    return NativeInstaller(engine, Images({"here": here, "other": other}), targets)


@pytest.fixture
def installer(engine: Engine) -> Iterator[NativeInstaller]:
    made = _installer(engine)
    yield made
    made.close()


def _job(folder: Path, tag: str = FOREIGN_TAG, code: str = "x = 1") -> Job:
    tool = {"good-1.0.dist-info/entry_points.txt": "[console_scripts]\ngood-tool = good:x\n"}
    return job_for(make_wheel(folder, "good", code, tag=tag, files=tool))


def test_natively_installed_wheel_is_imported(
    engine: Engine, installer: NativeInstaller, emulated: Passport, tmp_path: Path
) -> None:
    """The site directory has the files and modes of an installation; pip does not run again."""
    there = (
        "__import__('os').access(good.__file__[:-7] + 'bin/good-tool', 1)"
        " and open(good.__file__[:-7] + 'good-1.0.dist-info/INSTALLER').read() == 'pip\\n'"
    )
    job = replace(_job(tmp_path), call=there)
    installed = installer.install(FOREIGN, emulated, job)
    assert installed is not None
    assert installed.failure is None
    with open_session(engine, "image", THIS_MACHINE) as session:
        session.start(warm=False)
        result = session.probe(replace(job, site=installed.site))
    assert (result.outcome, result.stage, result.log) == (Outcome.PASS, Stage.CALL, "")


def test_native_pip_accepts_the_targets_tags(
    installer: NativeInstaller, emulated: Passport, tmp_path: Path
) -> None:
    """A tag that the target lacks is refused, even one of this machine."""
    own = _job(tmp_path, f"py3-none-linux_{os.uname().machine}")
    refused = installer.install(FOREIGN, emulated, own)
    assert refused is not None
    assert refused.failure is not None
    assert (refused.failure.outcome, refused.site) == (Outcome.REFUSED, b"")
    accepted = installer.install(FOREIGN, emulated, _job(tmp_path))
    assert accepted is not None
    assert accepted.failure is None


def test_failure_of_the_native_pip(installer: NativeInstaller, emulated: Passport) -> None:
    """A failure has pip's message, and the prober confirms it."""
    job = Job(wheels=((f"good-1.0-{FOREIGN_TAG}.whl", b"no wheel"),), imports=("good",), call="",
              timeout=60, quiet=60)  # fmt: skip
    installed = installer.install(FOREIGN, emulated, job)
    assert installed is not None
    assert installed.failure is not None
    assert installed.failure.outcome is Outcome.INSTALL_FAILED
    assert "invalid" in installed.failure.evidence


@pytest.mark.parametrize("fact", ["python", "installer"])
def test_native_target_needs_the_same_pip_and_python(
    installer: NativeInstaller, emulated: Passport, tmp_path: Path, fact: str
) -> None:
    """With another pip or Python, the target installs."""
    differs = replace(emulated, **{fact: "another"})  # type: ignore[arg-type]
    assert installer.install(FOREIGN, differs, _job(tmp_path)) is None
    assert not installer.has(FOREIGN)


def test_target_without_a_native_image(engine: Engine, emulated: Passport, tmp_path: Path) -> None:
    """The matrix may lack the native target, or the engine its image."""
    assert not _installer(engine).has(replace(FOREIGN, id="alone"))
    installer = _installer(engine, here="")
    assert installer.install(FOREIGN, emulated, _job(tmp_path)) is None
    assert not installer.has(FOREIGN)
    with pytest.raises(ImageError, match="the engine has no image of here/"):
        installer.at(FOREIGN)
    assert engine.opened == []


def test_large_wheels_are_installed_by_the_target(
    installer: NativeInstaller, emulated: Passport, tmp_path: Path
) -> None:
    """So is a subject whose companions pip must install."""
    (wheel,) = _job(tmp_path).wheels
    for wheels in (((wheel[0], bytes(TOO_LARGE + 1)),), (wheel, wheel)):
        job = replace(_job(tmp_path), wheels=wheels)
        assert installer.install(FOREIGN, emulated, job) is None


@pytest.mark.parametrize(("other", "sessions"), [("image", 1), ("another image", 2)])
def test_one_session_per_image(
    engine: Engine, emulated: Passport, tmp_path: Path, other: str, sessions: int
) -> None:
    """A session serves all arches of its target and all targets with its image."""
    installer = _installer(engine, other=other)
    for target in (FOREIGN, replace(FOREIGN, arch_name="aarch64"), OTHER):
        assert installer.install(target, emulated, _job(tmp_path)) is not None
    installer.close()
    assert len(engine.opened) == sessions


def test_a_lost_session_is_replaced(
    engine: Engine, installer: NativeInstaller, emulated: Passport, tmp_path: Path
) -> None:
    """The target installs that wheel; a new native session installs the next one."""
    installer.at(FOREIGN)
    engine.opened[0].process.kill()
    assert installer.install(FOREIGN, emulated, _job(tmp_path)) is None
    assert installer.install(FOREIGN, emulated, _job(tmp_path)) is not None
