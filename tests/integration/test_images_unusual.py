"""Images that differ from what a probe expects, pulled from a registry on loopback."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.app.workspace import open_workspace
from harness.core.errors import ImageError
from harness.core.observations import ImageRef
from harness.core.passport import Passport
from harness.core.targets import ImageWay, RegistryWay, Target
from harness.host.cache import Cache
from harness.host.engine import PreparedImage
from harness.host.engine.docker import DockerEngine
from harness.images.debian_root import native_arch
from harness.images.image_provider import ImageProvider
from harness.probe.session import open_session
from tests.support.commands import ROOT
from tests.support.containers import run_in
from tests.support.registry import LoopbackRegistry, loopback_registry
from tests.support.targets import debian_12, no_pip
from tests.support.wheels import job_for, make_wheel
from tests.support.workspace import assembled_images

pytestmark = pytest.mark.integration

NATIVE = native_arch()
VARIANTS = {
    "no-pip": ["rm -rf /usr/lib/python3/dist-packages/pip"],
    "no-shell": ["rm /bin/sh /bin/dash"],
    "elsewhere": [
        "mkdir -p /opt/py",
        "mv /usr/bin/python3.11 /opt/py/snake",
        "rm /usr/bin/python3",
    ],
    "not-executable": ["chmod a-x /usr/bin/python3.11"],
    # gcr.io/distroless: neither a shell nor pip.
    "distroless": ["rm -rf /usr/lib/python3/dist-packages/pip /bin/sh /bin/dash"],
    "managed": ["echo '[externally-managed]' > /usr/lib/python3.11/EXTERNALLY-MANAGED"],
}
CHANGES = {
    # As AWS Lambda's: an entry point that starts its own runtime, a folder that need not exist,
    # libraries of its own before the system's.
    "lambda": 'ENTRYPOINT ["/lambda-entrypoint.sh"]\nWORKDIR /var/task\nUSER 993:990\n'
    "ENV LD_LIBRARY_PATH=/var/lang/lib:/opt/lib LAMBDA_TASK_ROOT=/var/task PYTHONPATH=/var/runtime",
    "other-user": 'USER 1234:1234\nWORKDIR /nowhere\nENTRYPOINT ["/bin/false"]\nCMD ["x"]\n'
    "ENV PYTHONHOME=/nowhere PIP_REQUIRE_VIRTUALENV=1",
}


@pytest.fixture(scope="module")
def server(
    engine: DockerEngine, cache: Cache, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LoopbackRegistry]:
    """Run a registry with each variant of a Debian image as ``hub/<variant>:1``."""
    base = assembled_images(engine, cache).get(debian_12(NATIVE.name))
    with loopback_registry(tmp_path_factory.mktemp("registry")) as running:
        for name, commands in VARIANTS.items():
            wanted = PreparedImage(
                reference=f"wheelgrid/unusual-{name}:1",
                base=base.id,
                arch=NATIVE,
                commands=tuple(commands),
                labels={},
            )
            running.push(engine.prepare_image(wanted, print).id, NATIVE, f"hub/{name}", "1")
            engine.remove_image(wanted.reference)
        for name, changes in CHANGES.items():
            container = engine._api.create_container(base.id, ["none"])["Id"]
            made = engine._api.commit(container, f"wheelgrid/unusual-{name}", "1", changes=changes)
            engine._remove(container)
            running.push(made["Id"], NATIVE, f"hub/{name}", "1")
            engine.remove_image(f"wheelgrid/unusual-{name}:1")
        yield running
        for image in engine.list_images(f"{running.host}/"):
            for name in image.names:
                engine.remove_image(name)


@pytest.fixture
def images(engine: DockerEngine, server: LoopbackRegistry, tmp_path: Path) -> ImageProvider:
    return ImageProvider(
        engine,
        open_workspace(ROOT / "matrix", print, Cache(tmp_path)),
        ways=(ImageWay.REGISTRY,),
        registry=f"{server.host}/hub",
        fetch_pip=no_pip,
    )


def target(name: str, *prepare: str, interpreter: str = "python3") -> Target:
    """Return a target in a variant."""
    way = RegistryWay(image=f"{name}:1", prepare=prepare)
    made = debian_12(NATIVE.name, registry=way, assembled=False)
    return replace(made, interpreter=interpreter)


def probed(
    engine: DockerEngine, where: Target, image: ImageRef, folder: Path
) -> tuple[Passport, str]:
    """Return the passport, and the outcome of a wheel that is fine."""
    with open_session(engine, image.id, where) as session:
        passport = session.start()
        return passport, session.probe(job_for(make_wheel(folder, "good", ""))).outcome


@pytest.mark.parametrize(
    ("name", "interpreter", "cause", "words"),
    [
        ("no-pip", "python3", "infra:installer", "the image's installer does not start: Module"),
        ("distroless", "python3", "infra:installer", "the image's installer does not start"),
        ("elsewhere", "python3", "infra:interpreter", "the image has no program `python3` that"),
        ("elsewhere", "/opt/py/none", "infra:interpreter", "no program `/opt/py/none` that"),
        ("not-executable", "python3", "infra:interpreter", "the image has no program `python3`"),
    ],
    ids=["no-pip", "distroless", "no-python3", "no-such-path", "not-executable"],
)
def test_what_an_image_lacks_is_named(
    engine: DockerEngine,
    images: ImageProvider,
    name: str,
    interpreter: str,
    cause: str,
    words: str,
) -> None:
    """It is the image that is at fault, and not the engine or a wheel."""
    where = target(name, interpreter=interpreter)
    image = images.get(where)
    with (
        pytest.raises(ImageError) as caught,
        open_session(engine, image.id, where) as session,
    ):
        session.start()
    assert caught.value.cause == cause
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "interpreter"),
    [
        ("no-shell", "python3"),
        ("elsewhere", "/opt/py/snake"),
        ("managed", "python3"),
        ("other-user", "python3"),
        ("lambda", "python3"),
    ],
)
def test_an_unusual_image_is_probed(
    engine: DockerEngine, images: ImageProvider, tmp_path: Path, name: str, interpreter: str
) -> None:
    """Its own user, entry point, folder and variables do not matter, nor PEP 668's marker."""
    where = target(name, interpreter=interpreter)
    passport, outcome = probed(engine, where, images.get(where), tmp_path)
    assert outcome == "pass"
    assert passport.externally_managed or name != "managed"


def test_prepare_needs_a_shell(images: ImageProvider) -> None:
    """The message says so, and what to do."""
    with pytest.raises(ImageError, match="the image has no shell, which its commands need") as e:
        images.get(target("no-shell", "true"))
    assert e.value.cause == "infra:prepare"


def test_prepare_runs_as_root_whatever_the_image_says(
    engine: DockerEngine, images: ImageProvider
) -> None:
    """Another default user, folder and entry point are of no concern."""
    prepared = images.get(target("other-user", "id -u > /who"))
    assert run_in(engine, prepared, NATIVE.name, "cat", "/who") == "0\n"
    found = engine.find_image(prepared.id)
    assert found
    for name in found.names:
        engine.remove_image(name)
