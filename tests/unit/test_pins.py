"""Digests of images in the matrix files: put in, renewed, and nothing else touched."""

from datetime import date
from pathlib import Path

import pytest
import yaml

from harness.errors import ImageError
from harness.pins import Pin, find_pins, pin_images
from harness.renewal import ask_registries, patch_of, renew_images

OLD, NEW = "sha256:" + "1" * 64, "sha256:" + "2" * 64
TODAY = date(2026, 11, 21)
MATRIX = Path(__file__).parents[2] / "matrix"

TEXT = f"""\
# image: nobody:1 is only spoken of
targets:
  - registry: {{image: "debian:12", prepare: *python3}}
  - registry:
      image: debian:13   # why: it is stable
  - registry: {{image: "alpine:3.19@{OLD}"}}  # pinned 2026-01-01
  - image: "mirror.invalid/pypa/manylinux_2_28_{{arch}}"
"""


def test_find() -> None:
    """Each image once, pinned or not; comments and images of one an arch are none."""
    assert find_pins(TEXT) == (
        Pin(image="debian:12"),
        Pin(image="debian:13"),
        Pin(image="alpine:3.19", digest=OLD, day="2026-01-01"),
    )


def test_pin() -> None:
    """The digest comes behind the name, the day to the end of the line; comments stay."""
    text = pin_images(TEXT, {"debian:12": NEW, "debian:13": NEW, "alpine:3.19": NEW}, TODAY)
    assert f'{{image: "debian:12@{NEW}", prepare: *python3}}  # pinned 2026-11-21' in text
    assert f'image: "debian:13@{NEW}"  # pinned 2026-11-21 # why: it is stable' in text
    assert f'{{image: "alpine:3.19@{NEW}"}}  # pinned 2026-11-21\n' in text
    assert "2026-01-01" not in text
    assert "manylinux_2_28_{arch}" in text
    assert "# image: nobody:1 is" in text


def test_what_is_the_same_stays() -> None:
    """A digest that did not change keeps its day, and an unknown one its text."""
    assert pin_images(TEXT, {"alpine:3.19": OLD}, TODAY) == TEXT
    assert pin_images(TEXT, {}, TODAY) == TEXT


@pytest.mark.parametrize("name", ["targets.yaml", "builders.yaml"])
def test_the_committed_matrix(name: str) -> None:
    """Of the real files every image is found, and pinned they say the same but for digests."""
    text = (MATRIX / name).read_text()
    pins = find_pins(text)
    pinned = pin_images(text, {pin.image: NEW for pin in pins}, TODAY)
    assert all(pin.digest == NEW for pin in find_pins(pinned))
    assert yaml.safe_load(pinned.replace(f"@{NEW}", "")) == yaml.safe_load(text)
    assert len(pins) == len(set(_images(yaml.safe_load(text))))


def _images(node: object) -> list[str]:
    match node:
        case dict():
            own = [str(v) for k, v in node.items() if k == "image" and "{" not in str(v)]
            return own + [name for value in node.values() for name in _images(value)]
        case list():
            return [name for value in node for name in _images(value)]
        case _:
            return []


def test_a_silent_registry() -> None:
    """An image that nothing is known of keeps its pin and is told; the others are renewed."""

    def newest(image: str) -> str:
        if image == "debian:13":
            raise ImageError("debian:13: no answer")
        return NEW

    path = Path("matrix/targets.yaml")
    digests = ask_registries(find_pins(TEXT), newest)
    assert digests.problems == ("debian:13: no answer",)
    renewed = renew_images({path: TEXT}, digests, TODAY)
    assert "image: debian:13   # why" in renewed[path]
    patch = patch_of({path: TEXT}, renewed)
    assert patch.startswith("--- a/matrix/targets.yaml\n+++ b/matrix/targets.yaml\n")
    assert patch.count("\n+  ") == 2
