"""The main job as a user who is not root but in the engine's group."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import ImageNotFound

from harness.app.wiring import read_matrix
from harness.core.targets import ImageWay, Target
from harness.host.cache import Cache
from harness.host.engine.docker import DockerEngine
from harness.images.cpython.renamed_build import interpreter_tree
from harness.images.debian_root import native_arch
from harness.images.image_provider import ImageProvider
from harness.images.source import ImageStorage
from tests.support.commands import ROOT
from tests.support.ordinary_user import OrdinaryUser, ordinary_user
from tests.support.targets import no_pip
from tests.support.workspace import make_workspace

pytestmark = pytest.mark.integration

CELLS = {"debian-12": "plain", "python-3.9-alpine3.14": "plain-musllinux-1-1"}
"""An assembled target and a replica, each with a compiled wheel."""
MADE_BY_THE_USER = ("host-pythons/", "interpreter-headers/", "roots/", "installers/")
"""Entries that are quick to make and are not copied into the user's cache."""


@pytest.fixture(scope="module")
def user(engine: DockerEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrdinaryUser]:
    assert engine.info().version
    with ordinary_user(tmp_path_factory.mktemp("home")) as user:
        yield user


def test_doctor_has_no_objection(user: OrdinaryUser) -> None:
    """The user is not root, and doctor finds nothing missing."""
    said = user.run(user.python, "-c", "import os; print(os.geteuid())")
    assert int(said.out) != 0
    ended = user.wheelgrid("doctor")
    assert ended.status == 0, ended.said


@pytest.mark.parametrize("name", CELLS)
def test_cell_passes(user: OrdinaryUser, engine: DockerEngine, cache: Cache, name: str) -> None:
    """The user makes image and wheel in a separate cache, and the cell passes.

    A replica's interpreter comes from the tests' cache.
    """
    target = find_target(name)
    use = prepare(target, engine, cache)
    user.give(copied(use, cache), cache.root)
    with hidden(use.image):
        document = run_cell(user, name)
        assert engine.find_image(use.image), "the user made another image"
    (cell,) = document["cells"]
    assert cell["observation"]["outcome"] == "pass"
    assert list((user.cache / "roots").glob("*.tar"))


def find_target(name: str) -> Target:
    """Return the target of the committed matrix on this machine's arch."""
    arch = native_arch().name
    targets = read_matrix(ROOT / "matrix").targets
    return next(t for t in targets if (t.id, t.arch_name) == (name, arch))


def prepare(target: Target, engine: DockerEngine, cache: Cache) -> ImageStorage:
    """Return the image of the target without a registry; compile its interpreter."""
    workspace = make_workspace(cache)
    if way := target.replica:
        interpreter_tree(way.interpreter, target.arch, target.libc, way.naming, workspace)
    ways = (ImageWay.ASSEMBLED, ImageWay.REPLICA)
    (use,) = ImageProvider(engine, workspace, ways=ways, fetch_pip=no_pip).uses(target)
    return use


def copied(use: ImageStorage, cache: Cache) -> list[Path]:
    """Return the cache entries that the user gets as copies."""
    globs = (glob for glob in use.entries if not glob.startswith(MADE_BY_THE_USER))
    return sorted({path for glob in globs for path in cache.root.glob(glob)})


@contextlib.contextmanager
def hidden(image: str) -> Iterator[None]:
    """Remove the name of an image temporarily, so that it is made again; its id stays usable.

    Other runs may make or hide the image at the same time.
    """
    repository, _, tag = image.rpartition(":")
    aside = f"wheelgrid-hidden-{os.getpid()}"
    with contextlib.closing(docker.from_env()) as client:
        try:
            found = client.images.get(image)
        except ImageNotFound:
            yield
            return
        found.tag(aside, tag)
        try:
            with contextlib.suppress(ImageNotFound):
                client.images.remove(image)
            yield
        finally:
            if not any(image in each.tags for each in client.images.list()):
                found.tag(repository, tag)
            client.images.remove(f"{aside}:{tag}")


def run_cell(user: OrdinaryUser, target: str) -> dict[str, list[dict[str, dict[str, str]]]]:
    """Run one cell as the user and return the document that the run wrote."""
    out = user.home / target
    where = ("--images", "local", "--profile", "full", "--arch", native_arch().name)
    cell = ("--target", target, "--subject", CELLS[target])
    ended = user.wheelgrid("run", *where, *cell, "--out", out)
    assert ended.status == 0, ended.said
    document: dict[str, list[dict[str, dict[str, str]]]] = json.loads(
        (out / "run.json").read_text()
    )
    return document
