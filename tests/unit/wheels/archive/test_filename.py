"""Wheel file names."""

import pytest

from harness.core.errors import WheelError
from harness.wheels.archive.filename import expand_tags, parse_wheel_name, platform_tag, tag_rank

SHAPE = (
    "a wheel is called NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl, "
    "like demo-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"
)


def test_parts() -> None:
    """Name and version are normalised, and a compressed tag set stands for all its tags."""
    name = parse_wheel_name("My_Demo-1.0.0-2b-py2.py3-none-any.whl")
    assert (name.distribution, name.version, name.build) == ("my-demo", "1.0.0", (2, "b"))
    assert name.tags == ("py2-none-any", "py3-none-any")
    assert (name.release, name.tag_part) == ("my-demo 1.0.0", "py2.py3-none-any")


def test_expand_tags() -> None:
    """A compressed tag set stands for every combination of its parts."""
    assert expand_tags("cp39-cp39-manylinux1_x86_64.manylinux2014_x86_64") == (
        "cp39-cp39-manylinux1_x86_64",
        "cp39-cp39-manylinux2014_x86_64",
    )


def test_tag_rank() -> None:
    """The best of a wheel's tags counts; a wheel without an accepted tag ranks after the list."""
    name, best = parse_wheel_name("demo-1-py2.py3-none-any.whl"), "cp311-cp311-linux_x86_64"
    assert tag_rank(name, (best, "py3-none-any", "py2-none-any")) == 1
    assert tag_rank(name, (best,)) == 1


def test_no_build_number() -> None:
    """Without a build number the build is the empty tuple, which sorts below any other."""
    assert parse_wheel_name("demo-1-py3-none-any.whl").build == ()


@pytest.mark.parametrize(
    ("filename", "fault"),
    [
        ("demo-1.0.tar.gz", "the file name does not end in .whl"),
        ("demo.whl", "the file name has 1 parts between hyphens where a wheel's has 5 or 6"),
        (
            "demo-1.0-1-2-py3-none-any.whl",
            "the file name has 7 parts between hyphens where a wheel's has 5 or 6",
        ),
    ],
)
def test_bad_name(filename: str, fault: str) -> None:
    """The message says what is wrong with the name and how it should look."""
    with pytest.raises(WheelError) as caught:
        parse_wheel_name(filename)
    assert str(caught.value) == f"{filename}: {fault}; {SHAPE}"


@pytest.mark.parametrize(
    "filename", ["demo-one-py3-none-any.whl", "demo-1.0-b2-py3-none-any.whl", "d__o-1-a-b-c.whl"]
)
def test_bad_part(filename: str) -> None:
    """A bad version, build number or project name is reported in packaging's words."""
    with pytest.raises(WheelError) as caught:
        parse_wheel_name(filename)
    assert str(caught.value).endswith(SHAPE)
    assert str(caught.value).count(filename) == 1


@pytest.mark.parametrize(
    ("libc", "promise", "arch", "tag"),
    [
        ("glibc", "2.17", "x86_64", "manylinux_2_17_x86_64.manylinux2014_x86_64"),
        ("glibc", "2.12", "i686", "manylinux_2_12_i686.manylinux2010_i686"),
        ("glibc", "2.31", "riscv64", "manylinux_2_31_riscv64"),
        ("musl", "1.1", "s390x", "musllinux_1_1_s390x"),
        ("musl", "", "armv7l", "linux_armv7l"),
    ],
)
def test_platform_tag(libc: str, promise: str, arch: str, tag: str) -> None:
    """A glibc version that had a tag before PEP 600 keeps it as an alias; musl never had one."""
    assert platform_tag(libc, promise, arch) == tag
