"""Debian's own images looked into: natively, and for an arch that is emulated."""

from pathlib import Path

import pytest

from harness.app.wiring import ProberOptions, open_images, open_pinned
from harness.core.passport import ExecStack, Passport
from harness.core.targets import ImageWay
from harness.host.cache import Cache
from harness.host.engine import Limits
from harness.host.engine.docker import DockerEngine
from harness.passports import Surveyor
from harness.probe.session import open_session
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
    """Return one with a cache of its own, so that it looks."""
    return Surveyor(engine, Cache(tmp_path), print)


@pytest.fixture
def passport(engine: DockerEngine, surveyor: Surveyor, arch: str) -> Passport:
    options = ProberOptions(images=ImageWay.ASSEMBLED)
    target = debian_12(arch)
    image = open_images(options, open_pinned(options, print), print).get(target)
    with open_session(engine, image.id, target, Limits()) as session:
        return surveyor.complete(session.start(), target, image)


def test_what_the_loader_finds(surveyor: Surveyor, passport: Passport, arch: str) -> None:
    """The loader, libc with malloc at the arch's oldest version, and the C API of the program."""
    libraries = {library.name: library for library in passport.libraries}
    assert passport.loader == LOADERS[arch]
    assert "libc.so.6" in passport.linked
    symbols = surveyor.symbols(libraries["libc.so.6"].symbols)
    assert f"malloc@{BASE_VERSIONS[arch]}" in symbols
    assert "GLIBC_2.36@GLIBC_2.36" in symbols
    assert not any(symbol.endswith("@GLIBC_2.37") for symbol in symbols)
    assert "PyModule_Create2" in surveyor.symbols(passport.exports)
    assert passport.exec_stack is ExecStack.GRANTED


def test_every_library_is_whole(passport: Passport) -> None:
    """Each library that is found finds the libraries that it needs in turn."""
    names = {library.name for library in passport.libraries}
    assert names >= set(passport.linked)
    assert {need for library in passport.libraries for need in library.needed} <= names
