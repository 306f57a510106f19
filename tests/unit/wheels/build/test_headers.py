"""The packages of a suite that a builder needs."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.arches import find_arch
from harness.core.errors import BuildError, UpstreamError
from harness.core.subjects import Headers
from harness.host.cache import Cache
from harness.wheels.build.headers import cxx_suite, header_packages, header_tree, oldest_python
from tests.support.projects import BUILDER
from tests.support.targets import CPYTHON_39
from tests.support.workspace import make_workspace


def test_one_fetch_a_suite() -> None:
    """A suite's packages are one set, for every arch that has headers there."""
    wanted = header_packages(BUILDER, "bookworm")
    assert wanted.arches == ("amd64", "ppc64el")
    assert wanted.names == (
        "libpython3.11-dev:amd64",
        "libpython3.11-dev:ppc64el",
        "libcrypt-dev:amd64",
        "libstdc++-*-dev:ppc64el",
        "libstdc++6:ppc64el",
        "libgcc-s1:ppc64el",
    )


def test_order_of_rows_does_not_matter() -> None:
    """The same arches in another order are the same package set."""
    turned = (replace(row, arches=row.arches[::-1]) for row in BUILDER.headers[::-1])
    other = replace(BUILDER, headers=tuple(turned))
    assert header_packages(other, "trixie") == header_packages(BUILDER, "trixie")


def test_two_pythons_of_one_suite() -> None:
    """Two Pythons of one suite are one package set."""
    both = replace(BUILDER, headers=tuple(replace(h, suite="trixie") for h in BUILDER.headers))
    packages = header_packages(both, "trixie").names
    assert {"libpython3.11-dev:amd64", "libpython3.13-dev:amd64"} < set(packages)


@pytest.mark.parametrize(
    ("suite", "arches"),
    [("bullseye", ("amd64", "armhf")), ("bookworm", ("ppc64el",)), ("trixie", ("riscv64",))],
)
def test_cxx_comes_from_the_oldest_suite(suite: str, arches: tuple[str, ...]) -> None:
    """Each arch uses the C++ runtime of its oldest suite only."""
    cxx = (name for name in header_packages(BUILDER, suite).names if "++-*" in name)
    assert tuple(name.partition(":")[2] for name in cxx) == arches


def test_oldest_python_is_by_version() -> None:
    """3.9 is older than 3.11: versions are not compared as text."""
    assert oldest_python(BUILDER, find_arch("x86_64")) == "3.9"
    assert oldest_python(BUILDER, find_arch("riscv64")) == "3.13"
    assert oldest_python(BUILDER, find_arch("x86_64"), "3.10") == "3.11"


def test_an_interpreters_headers_bring_no_cxx() -> None:
    """The C++ runtime is that of the oldest suite, even if an interpreter is older."""
    own = Headers(python="3.9", interpreter=CPYTHON_39, arches=("ppc64le",))
    both = replace(BUILDER, headers=(own, *BUILDER.headers))
    ppc64le = find_arch("ppc64le")
    assert oldest_python(both, ppc64le) == "3.9"
    assert cxx_suite(both, ppc64le) == "bookworm"
    assert cxx_suite(replace(BUILDER, headers=(own,)), ppc64le) == ""


def test_arch_without_headers() -> None:
    """An arch without headers is an error that names the file to edit."""
    with pytest.raises(BuildError, match=r"no headers for s390x.*matrix/builders\.yaml"):
        oldest_python(BUILDER, find_arch("s390x"))
    with pytest.raises(BuildError, match=r"no headers of Python 3\.15 or later for riscv64; add"):
        oldest_python(BUILDER, find_arch("riscv64"), "3.15")


def test_headers_that_cannot_be_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a mirror the error names the mirror setting."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UpstreamError, match=r"no Debian mirror is known; set"):
        header_tree(BUILDER, "trixie", make_workspace(Cache(tmp_path)))
