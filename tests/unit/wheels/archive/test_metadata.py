"""A wheel's metadata, checked against its file name."""

import io
from collections.abc import Callable

import pytest

from harness.wheels.archive.contents import read_contents
from harness.wheels.archive.metadata import metadata_fields

MakeWheel = Callable[..., bytes]
FILENAME = "demo-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"
WHEEL = "Wheel-Version: 1.0\nRoot-Is-Purelib: false\n"
TAG = "Tag: cp311-cp311-manylinux_2_17_x86_64\n"


def test_spelling_does_not_matter(make_wheel: MakeWheel) -> None:
    """Names compare normalised (PEP 503) and versions as numbers (PEP 440)."""
    data = make_wheel(
        metadata="Name: De-Mo\nVersion: 1.0.0\n", info="De_mo-1.0.dist-info", wheel=WHEEL + TAG
    )
    facts = read_contents(FILENAME.replace("demo", "de_mo"), io.BytesIO(data))
    assert facts.findings == ()


@pytest.mark.parametrize(
    "tags",
    ["Tag: py2-none-any\nTag: py3-none-any\n", "Tag: py2.py3-none-any\n", "Tag: PY2.py3-none-any"],
)
def test_compressed_tags(make_wheel: MakeWheel, tags: str) -> None:
    """WHEEL may expand a compressed tag set or repeat it."""
    data = io.BytesIO(make_wheel(wheel=WHEEL + tags))
    assert read_contents("demo-1.0-py2.py3-none-any.whl", data).findings == ()


def test_fields_of_a_metadata_file() -> None:
    """The first Requires-Python counts, and every Requires-Dist."""
    text = (
        "Name: a\nRequires-Python: >=3.9\nRequires-Dist: b\nRequires-Dist: c>1\n\nRequires-Dist: d"
    )
    assert metadata_fields(text) == (">=3.9", ("b", "c>1"))
    assert metadata_fields("Name: a\n") == ("", ())
