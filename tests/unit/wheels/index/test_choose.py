"""Choosing a wheel, and the reason if none fits."""

import pytest
from packaging.tags import cpython_tags

from harness.wheels.archive.filename import parse_wheel_name
from harness.wheels.index.choose import choose_wheel, fits_linux, nearest_refusal
from harness.wheels.index.lock import LockedWheel


def installer(python: tuple[int, int], *platforms: str) -> tuple[str, ...]:
    """Return the tags of an installer, best first, as packaging (and so pip) orders them."""
    native = map(str, cpython_tags(python, platforms=platforms))
    return (*native, f"py3{python[1]}-none-any", "py3-none-any")


BOOKWORM = installer(
    (3, 11),
    "manylinux_2_36_x86_64",
    "manylinux_2_17_x86_64",
    "manylinux2014_x86_64",
    "linux_x86_64",
)
BULLSEYE_ARM = installer((3, 9), "manylinux_2_31_armv7l", "manylinux_2_17_armv7l", "linux_armv7l")
ALPINE_OLD_PIP = installer((3, 9), "linux_x86_64")


def wheels(*tags: str, requires: str = "", yanked: bool = False) -> tuple[LockedWheel, ...]:
    return tuple(
        LockedWheel(
            filename=f"demo-1.0-{tag}.whl", sha256="0" * 64, requires_python=requires, yanked=yanked
        )
        for tag in tags
    )


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        (wheels("py3-none-any", "cp311-cp311-manylinux_2_17_x86_64"), 1),
        (wheels("cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-manylinux_2_28_x86_64"), 0),
        (wheels("cp37-abi3-manylinux2014_x86_64", "cp39-abi3-manylinux2014_x86_64"), 1),
        (
            wheels("1-cp311-cp311-linux_x86_64", "9-cp311-cp311-linux_x86_64")
            + wheels("10-cp311-cp311-linux_x86_64", "cp311-cp311-linux_x86_64"),
            2,
        ),
        (wheels("9-py3-none-any", "cp311-cp311-linux_x86_64"), 1),
        (wheels("cp311-cp311-linux_x86_64", yanked=True) + wheels("py3-none-any"), 1),
        (wheels("cp311-cp311-linux_x86_64", yanked=True), 0),
        (
            wheels("cp311-cp311-linux_x86_64", requires=">=3.12")
            + wheels("py3-none-any", requires=">=3.9"),
            1,
        ),
        (wheels("py3-none-any", requires="not a specifier"), 0),
        (wheels("cp312-cp312-linux_x86_64", "cp311-cp311-musllinux_1_1_x86_64"), None),
        ((), None),
    ],
    ids=[
        "own before any",
        "only platforms that fit",
        "newest abi3",
        "build numbers as numbers",
        "tag before build number",
        "yanked last",
        "yanked when alone",
        "requires python",
        "invalid specifier admits",
        "none fits",
        "no files",
    ],
)
def test_choice(files: tuple[LockedWheel, ...], chosen: int | None) -> None:
    """The chosen wheel is the one that pip chooses."""
    expected = None if chosen is None else files[chosen]
    assert choose_wheel(files, BOOKWORM, "3.11.2") == expected


def test_prerelease_python() -> None:
    """A pre-release interpreter satisfies its minor version."""
    files = wheels("py3-none-any", requires=">=3.15")
    assert choose_wheel(files, BOOKWORM, "3.15.0b1") == files[0]


@pytest.mark.parametrize(
    ("tag", "fits"),
    [
        ("py3-none-any", True),
        ("cp311-cp311-manylinux1_i686", True),
        ("cp311-cp311-musllinux_1_2_riscv64", True),
        ("cp311-cp311-linux_armv7l", True),
        ("cp311-cp311-win_amd64", False),
        ("cp311-cp311-macosx_11_0_arm64.macosx_10_9_x86_64", False),
    ],
)
def test_fits_linux(tag: str, fits: bool) -> None:
    """Only wheels for Linux or any platform fit."""
    assert fits_linux(parse_wheel_name(f"demo-1.0-{tag}.whl")) is fits


@pytest.mark.parametrize(
    ("files", "tags", "reason"),
    [
        ((), BOOKWORM, "the release has no wheel for Linux"),
        (wheels("cp311-cp311-win32"), BOOKWORM, "demo 1.0 has no wheel for Linux"),
        (
            wheels("py3-none-any", requires=">=3.12"),
            BOOKWORM,
            "demo 1.0 requires Python >=3.12; this is 3.11.2",
        ),
        (
            wheels(
                "cp39-cp39-manylinux1_x86_64", "cp39-cp39-linux_aarch64", "cp39-cp39-linux_i686"
            ),
            BULLSEYE_ARM,
            "no wheel of demo 1.0 for armv7l; there are wheels for aarch64, i686, x86_64",
        ),
        (
            wheels(
                "cp310-cp310-linux_x86_64", "cp39-cp39-linux_x86_64", "cp313-cp313t-linux_x86_64"
            ),
            BOOKWORM,
            (
                "no wheel of demo 1.0 for this Python; there are wheels for cp39, cp310, "
                "cp313-cp313t; the installer accepts cp311"
            ),
        ),
        (
            wheels("cp311-cp311-manylinux_2_39_x86_64", "cp310-cp310-linux_x86_64"),
            BOOKWORM,
            (
                "no wheel of demo 1.0 for this platform; there are wheels for "
                "manylinux_2_39_x86_64; the installer accepts up to manylinux_2_36_x86_64"
            ),
        ),
        (
            wheels("cp39-cp39-manylinux_2_17_x86_64", "cp39-cp39-musllinux_1_1_x86_64"),
            ALPINE_OLD_PIP,
            (
                "no wheel of demo 1.0 for this platform; there are wheels for "
                "manylinux_2_17_x86_64, musllinux_1_1_x86_64; "
                "the installer accepts linux_x86_64 only"
            ),
        ),
    ],
    ids=["none", "not linux", "python too old", "arch", "interpreter", "glibc", "no musllinux"],
)
def test_refusal(files: tuple[LockedWheel, ...], tags: tuple[str, ...], reason: str) -> None:
    """The reason names the available wheels and what the installer accepts."""
    assert choose_wheel(files, tags, "3.11.2") is None
    assert nearest_refusal(files, tags, "3.11.2") == reason
