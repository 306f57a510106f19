"""Digests of images in the matrix files: put in, renewed, and nothing else touched."""

from datetime import date
from pathlib import Path

import pytest
import yaml

from harness.app.wiring import read_matrix
from harness.core.errors import ImageError
from harness.matrix.pin_renewal import arches_of, ask_registries, patch_of, renew_images
from harness.matrix.pins import Pin, find_pins, pin_images

OLD, NEW = "sha256:" + "1" * 64, "sha256:" + "2" * 64
TODAY = date(2026, 11, 21)
MATRIX = Path(__file__).parents[3] / "matrix"

TEXT = f"""\
# image: nobody:1 is only spoken of
targets:
  - registry: {{image: "debian:12", prepare: *python3}}
  - registry:
      image: debian:13   # why: it is stable
  - registry: {{image: "alpine:3.19@{OLD}"}}  # pinned 2026-01-01
  - image: "mirror.invalid/pypa/manylinux_2_28_{{arch}}"
    digests:
      x86_64: "{OLD}"  # pinned 2026-01-01
    pythons: ["3.9"]
"""
TEMPLATE = "mirror.invalid/pypa/manylinux_2_28_{arch}"
ARCHES = {TEMPLATE: ("x86_64", "i686")}
OF_X86, OF_I686 = (TEMPLATE.replace("{arch}", arch) for arch in ARCHES[TEMPLATE])


def test_find() -> None:
    """Each image once, pinned or not; comments are none."""
    assert find_pins(TEXT) == (
        Pin(image="debian:12"),
        Pin(image="debian:13"),
        Pin(image="alpine:3.19", digest=OLD, day="2026-01-01"),
    )


def test_find_those_of_one_an_arch() -> None:
    """For the arches that the builder has; its digests stand below it."""
    assert find_pins(TEXT, ARCHES)[3:] == (
        Pin(image=OF_X86, digest=OLD, day="2026-01-01"),
        Pin(image=OF_I686),
    )


def test_pin_those_of_one_an_arch() -> None:
    """The block of digests is written anew, and nothing around it."""
    day = f'"{NEW}"  # pinned 2026-11-21\n'
    block = f'    digests:\n      x86_64: {day}      i686: {day}    pythons: ["3.9"]\n'
    assert pin_images(TEXT, {OF_X86: NEW, OF_I686: NEW}, TODAY, ARCHES).endswith(block)
    kept = pin_images(TEXT, {OF_X86: OLD}, TODAY, ARCHES)
    assert kept == TEXT
    without = TEXT.replace(TEXT[TEXT.index("    digests") : TEXT.index("    pythons")], "")
    assert pin_images(without, {OF_X86: NEW, OF_I686: NEW}, TODAY, ARCHES).endswith(block)
    assert pin_images(without, {}, TODAY, ARCHES) == without


def test_pin() -> None:
    """The digest comes behind the name, the day to the end of the line; comments stay."""
    text = pin_images(TEXT, {"debian:12": NEW, "debian:13": NEW, "alpine:3.19": NEW}, TODAY)
    assert f'{{image: "debian:12@{NEW}", prepare: *python3}}  # pinned 2026-11-21' in text
    assert f'image: "debian:13@{NEW}"  # pinned 2026-11-21 # why: it is stable' in text
    assert f'{{image: "alpine:3.19@{NEW}"}}  # pinned 2026-11-21\n' in text
    assert text.count("2026-01-01") == TEXT.count("2026-01-01") - 1
    assert "manylinux_2_28_{arch}" in text
    assert "# image: nobody:1 is" in text


def test_what_is_the_same_stays() -> None:
    """A digest that did not change keeps its day, and an unknown one its text."""
    assert pin_images(TEXT, {"alpine:3.19": OLD}, TODAY) == TEXT
    assert pin_images(TEXT, {}, TODAY) == TEXT


@pytest.mark.parametrize("name", ["targets.yaml", "builders.yaml"])
def test_the_committed_matrix(name: str) -> None:
    """Of the real files every image is found, and pinned they say the same but for digests."""
    text, arches = (MATRIX / name).read_text(), arches_of(read_matrix(MATRIX))
    pins = find_pins(text, arches)
    pinned = pin_images(text, {pin.image: NEW for pin in pins}, TODAY, arches)
    assert all(pin.digest == NEW for pin in find_pins(pinned, arches))
    said = yaml.safe_load(pinned.replace(f"@{NEW}", ""))
    of_arches = [entry.pop("digests", {}) for entry in said.get("builders", ())]
    assert said == yaml.safe_load(text)
    assert len(pins) == len(set(_images(said))) + sum(map(len, of_arches))


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
    renewed = renew_images({path: TEXT}, digests, TODAY, {})
    assert "image: debian:13   # why" in renewed[path]
    patch = patch_of({path: TEXT}, renewed)
    assert patch.startswith("--- a/matrix/targets.yaml\n+++ b/matrix/targets.yaml\n")
    assert patch.count("\n+  ") == 2
