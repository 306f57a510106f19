"""Assembled images on the real engine: their programs run, and builds are reproducible."""

from pathlib import Path

import pytest

from harness.app.workspace import open_workspace
from harness.core.arches import find_arch
from harness.core.observations import ImageRef
from harness.core.targets import ImageWay
from harness.host.cache import Cache
from harness.host.engine.docker import DockerEngine
from harness.images.debian_root import native_arch
from harness.images.image_provider import ImageProvider
from tests.support.commands import ROOT
from tests.support.containers import run_in
from tests.support.image_engine import ImageEngine
from tests.support.targets import debian_12, no_pip
from tests.support.workspace import assembled_images, make_workspace

pytestmark = pytest.mark.integration

ARCHES = [native_arch().name, "s390x", "armv7l"]

# Some modules are frozen into the interpreter and have no file.
COMPILED = """
import os, sys
import pip._internal.cli.main_parser, json, sysconfig
sysconfig.get_config_vars()
loaded = [m for m in sys.modules.values() if getattr(m, "__cached__", None)]
missing = [m.__name__ for m in loaded if not os.path.exists(m.__cached__)]
print(len(loaded), *missing)
"""


def get_image(engine: DockerEngine, cache: Cache, arch: str) -> ImageRef:
    provider = assembled_images(engine, cache)
    return provider.get(debian_12(arch))


@pytest.mark.parametrize("arch", ARCHES)
def test_shell_python_and_pip_run_hardened(engine: DockerEngine, cache: Cache, arch: str) -> None:
    """Shell, Python and pip run as nobody, without network, on a read-only root."""
    image = get_image(engine, cache, arch)
    assert run_in(engine, image, arch, "sh", "-c", "id -un; uname -m").split()[0] == "nobody"
    machine = run_in(engine, image, arch, "sh", "-c", "uname -m").strip()
    assert machine in find_arch(arch).machines
    version = run_in(engine, image, arch, "python3", "-m", "pip", "--version")
    assert version.startswith("pip 23.")
    assert "(python 3.11)" in version


@pytest.mark.parametrize("arch", ARCHES)
def test_pip_is_compiled(engine: DockerEngine, cache: Cache, arch: str) -> None:
    """All modules that pip imports have bytecode, except links and sysconfig data."""
    image = get_image(engine, cache, arch)
    loaded, *missing = run_in(engine, image, arch, "python3", "-c", COMPILED).split()
    assert int(loaded) > 100
    own = ["sitecustomize", f"_sysconfigdata__{find_arch(arch).gnu_triplet}"]
    assert missing == ([] if arch == native_arch().name else own)


@pytest.mark.parametrize("arch", ARCHES)
def test_ctypes_finds_libraries(engine: DockerEngine, cache: Cache, arch: str) -> None:
    """The cache of libc-bin's script exists, so ``ctypes`` finds libraries."""
    image = get_image(engine, cache, arch)
    code = "import ctypes.util; print(ctypes.util.find_library('z'))"
    assert run_in(engine, image, arch, "python3", "-c", code).strip() == "libz.so.1"


def test_the_image_has_its_platform_variant(engine: DockerEngine, cache: Cache) -> None:
    """The platform has its variant, which ``--platform linux/arm/v7`` needs."""
    found = engine.find_image(get_image(engine, cache, "armv7l").id)
    assert found is not None
    assert found.platform == "linux/arm/v7"
    assert "python3-pip=23." in found.labels["wheelgrid.packages"]


def test_the_same_packages_give_the_same_image(
    engine: DockerEngine, cache: Cache, tmp_path: Path
) -> None:
    """Images assembled again, native and foreign, have the same ids."""
    again = ImageProvider(
        ImageEngine(), make_workspace(Cache(tmp_path)), ways=(ImageWay.ASSEMBLED,), fetch_pip=no_pip
    )
    for arch in ("s390x", native_arch().name):
        assert again.get(debian_12(arch)) == get_image(engine, cache, arch)


def test_an_existing_image_is_reused(engine: DockerEngine, cache: Cache) -> None:
    """A second request assembles and loads nothing."""
    get_image(engine, cache, "s390x")
    said: list[str] = []
    workspace = open_workspace(ROOT / "matrix", said.append, cache)
    ImageProvider(engine, workspace, ways=(ImageWay.ASSEMBLED,), fetch_pip=no_pip).get(
        debian_12("s390x")
    )
    assert said == []
