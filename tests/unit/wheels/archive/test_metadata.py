"""A wheel's metadata, checked against its file name."""

import io
from collections.abc import Callable

import pytest

from harness.core.errors import WheelError
from harness.wheels.archive.contents import read_contents
from harness.wheels.archive.zip_reader import BUILD_AGAIN

MakeWheel = Callable[..., bytes]
FILENAME = "demo-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"
METADATA = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nRoot-Is-Purelib: false\n"
TAG = "Tag: cp311-cp311-manylinux_2_17_x86_64\n"
RENAME = "rename the file to its original name"


def fault_of(data: bytes, filename: str = FILENAME) -> str:
    with pytest.raises(WheelError) as caught:
        read_contents(filename, io.BytesIO(data))
    assert str(caught.value).startswith(f"{filename}: ")
    return str(caught.value).removeprefix(f"{filename}: ")


@pytest.mark.parametrize(
    ("info", "files", "fault"),
    [
        ("demo", {}, "no .dist-info directory"),
        (
            "demo-1.0.dist-info",
            {"other-1.0.dist-info/METADATA": b""},
            "2 .dist-info directories (demo-1.0.dist-info, other-1.0.dist-info)",
        ),
        (
            "other-1.0.dist-info",
            {},
            "it has other-1.0.dist-info, which is not of demo 1.0",
        ),
        ("demo-2.dist-info", {}, "it has demo-2.dist-info, which is not of demo 1.0"),
        ("demo-x.dist-info", {}, "it has demo-x.dist-info, which is not of demo 1.0"),
    ],
)
def test_dist_info(make_wheel: MakeWheel, info: str, files: dict[str, bytes], fault: str) -> None:
    """There is one .dist-info directory, named after the release in the file name."""
    assert fault_of(make_wheel(files, info=info)) == f"{fault}; {BUILD_AGAIN}"


@pytest.mark.parametrize("part", ["METADATA", "WHEEL", "RECORD"])
def test_part_missing(make_wheel: MakeWheel, part: str) -> None:
    """METADATA, WHEEL and RECORD are all required."""
    missing = f"demo-1.0.dist-info/{part}"
    assert fault_of(make_wheel(absent=missing)) == f"{missing} is missing; {BUILD_AGAIN}"


@pytest.mark.parametrize(
    ("metadata", "fault"),
    [
        (
            METADATA.replace("demo", "Other"),
            f"METADATA is of Other 1.0, and the file name says demo 1.0; {RENAME}",
        ),
        (
            METADATA.replace("1.0", "1.1"),
            f"METADATA is of demo 1.1, and the file name says demo 1.0; {RENAME}",
        ),
        ("", f"0 lines 'Name' in its metadata, not 1; {BUILD_AGAIN}"),
        (
            METADATA + "Version: 1.0\n",
            f"2 lines 'Version' in its metadata, not 1; {BUILD_AGAIN}",
        ),
    ],
)
def test_release(make_wheel: MakeWheel, metadata: str, fault: str) -> None:
    """Name and version are in METADATA once, and equal those of the file name."""
    assert fault_of(make_wheel(metadata=metadata)) == fault


def test_spelling_does_not_matter(make_wheel: MakeWheel) -> None:
    """Names compare normalised (PEP 503) and versions as numbers (PEP 440)."""
    data = make_wheel(
        metadata="Name: De-Mo\nVersion: 1.0.0\n", info="De_mo-1.0.dist-info", wheel=WHEEL + TAG
    )
    read_contents(FILENAME.replace("demo", "de_mo"), io.BytesIO(data))


@pytest.mark.parametrize(
    ("wheel", "fault"),
    [
        (
            WHEEL.replace("1.0", "2.0") + TAG,
            f"Wheel-Version 2.0; installers support 1.x; {BUILD_AGAIN}",
        ),
        (
            WHEEL.replace("false", "maybe") + TAG,
            f"Root-Is-Purelib is 'maybe', neither true nor false; {BUILD_AGAIN}",
        ),
        (
            WHEEL + "Tag: py3-none-any\n",
            (
                "the file name and WHEEL disagree about the tags (only in the file name: "
                f"cp311-cp311-manylinux_2_17_x86_64; only in WHEEL: py3-none-any); {RENAME}"
            ),
        ),
        (
            WHEEL,
            (
                "the file name and WHEEL disagree about the tags (only in the file name: "
                f"cp311-cp311-manylinux_2_17_x86_64); {RENAME}"
            ),
        ),
        (
            WHEEL + TAG + "".join(f"Tag: py3-none-m{n}\n" for n in range(5)),
            (
                "the file name and WHEEL disagree about the tags (only in WHEEL: "
                f"py3-none-m0, py3-none-m1, py3-none-m2 and 2 more); {RENAME}"
            ),
        ),
    ],
)
def test_wheel_file(make_wheel: MakeWheel, wheel: str, fault: str) -> None:
    """WHEEL has a supported version and the tags of the file name."""
    assert fault_of(make_wheel(wheel=wheel)) == fault


@pytest.mark.parametrize(
    "tags",
    ["Tag: py2-none-any\nTag: py3-none-any\n", "Tag: py2.py3-none-any\n", "Tag: PY2.py3-none-any"],
)
def test_compressed_tags(make_wheel: MakeWheel, tags: str) -> None:
    """WHEEL may expand a compressed tag set or repeat it."""
    read_contents("demo-1.0-py2.py3-none-any.whl", io.BytesIO(make_wheel(wheel=WHEEL + tags)))


@pytest.mark.parametrize(
    "member", ["demo-1.0.data/elsewhere/x", "demo-1.0.data/x", "demo-1.0.data/scripts"]
)
def test_data_scheme(make_wheel: MakeWheel, member: str) -> None:
    """.data has only the installer's schemes."""
    assert fault_of(make_wheel({member: b""})) == (
        f"{member} is in none of the directories that demo-1.0.data may have "
        f"(data, headers, platlib, purelib, scripts); {BUILD_AGAIN}"
    )


def test_data_of_another_release(make_wheel: MakeWheel) -> None:
    """The .data directory is named after the release in the file name."""
    assert fault_of(make_wheel({"demo-2.0.data/scripts/x": b""})) == (
        f"it has demo-2.0.data, which is not of demo 1.0; {BUILD_AGAIN}"
    )
