"""Passports of assembled Debian images, native and emulated."""

from pathlib import Path

import pytest

from harness.app.engine_wiring import open_images
from harness.app.prober_options import ProberOptions
from harness.app.wiring import open_pinned
from harness.core.passport import ExecStack, Passport
from harness.core.targets import ImageWay
from harness.host.cache import Cache
from harness.host.engine.docker import DockerEngine
from harness.images.debian_root import native_arch
from harness.passports.book import PassportBook
from harness.passports.survey import Surveyor
from harness.probe.session import open_session
from tests.support.commands import wheelgrid
from tests.support.targets import debian_12

pytestmark = pytest.mark.integration

LOADERS = {"x86_64": "/lib64/ld-linux-x86-64.so.2", "s390x": "/lib/ld64.so.1"}
BASE_VERSIONS = {"x86_64": "GLIBC_2.2.5", "s390x": "GLIBC_2.2"}
"""The oldest version of glibc's symbols on an arch (its shlib-versions)."""


@pytest.fixture(params=sorted(LOADERS))
def arch(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def surveyor(engine: DockerEngine, tmp_path: Path) -> Surveyor:
    """Return a surveyor with an empty cache, so that it measures."""
    return Surveyor(engine, Cache(tmp_path), print)


@pytest.fixture
def passport(engine: DockerEngine, surveyor: Surveyor, arch: str) -> Passport:
    options = ProberOptions(images=ImageWay.ASSEMBLED)
    target = debian_12(arch)
    image = open_images(options, open_pinned(options, print), print).get(target)
    with open_session(engine, image.id, target) as session:
        return surveyor.complete(session.start(), target, image)


def test_passport_has_loader_libc_and_c_api(
    surveyor: Surveyor, passport: Passport, arch: str
) -> None:
    """The passport has the loader, libc's oldest malloc version, and Python's C API."""
    libraries = {library.name: library for library in passport.libraries}
    assert passport.loader == LOADERS[arch]
    assert "libc.so.6" in passport.linked
    symbols = surveyor.symbols(libraries["libc.so.6"].symbols)
    assert f"malloc@{BASE_VERSIONS[arch]}" in symbols
    assert "GLIBC_2.36@GLIBC_2.36" in symbols
    assert not any(symbol.endswith("@GLIBC_2.37") for symbol in symbols)
    assert "PyModule_Create2" in surveyor.symbols(passport.exports)
    assert passport.exec_stack is ExecStack.GRANTED
    assert {"tkinter", "winreg"} <= set(passport.lacks)
    assert not {"os", "sys", "zlib", "sqlite3", "_sqlite3"} & set(passport.lacks)


def test_every_library_resolves(passport: Passport) -> None:
    """Each found library finds the libraries that it needs."""
    names = {library.name for library in passport.libraries}
    assert names >= set(passport.linked)
    assert {need for library in passport.libraries for need in library.needed} <= names


def test_passport_is_recorded_beside_the_configuration(tmp_path: Path) -> None:
    config, target = tmp_path / "wheelgrid.toml", f"debian-12/{native_arch().name}"
    config.touch()
    ended = wheelgrid("passport", "--record", target, "--config", config, "--images", "assembled")
    assert (ended.status, ended.out) == (0, f"1/1 {target}: new\n")
    recorded = PassportBook(tmp_path / "wheelgrid-passports").recorded(target)
    assert recorded is not None
    assert "tkinter" in recorded.lacks
