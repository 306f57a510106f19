"""Digests of images in the matrix files: added and renewed, with nothing else changed."""

from datetime import date
from pathlib import Path

import pytest
import yaml

from harness.app.wiring import read_matrix
from harness.core.errors import ImageError, MatrixFileError
from harness.matrix.pin_renewal import arches_of, ask_registries, patch_of, renew_images
from harness.matrix.pins import Pin, find_pins, pin_images

OLD, NEW = "sha256:" + "1" * 64, "sha256:" + "2" * 64
TODAY = date(2026, 11, 21)
MATRIX = Path(__file__).parents[3] / "matrix"

TEXT = f"""\
# image: nobody:1 is in a comment only
x-prepare: &python3 [python3]
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
    """Each image is found once, pinned or not. Comments are ignored."""
    assert find_pins(TEXT) == (
        Pin(image="debian:12"),
        Pin(image="debian:13"),
        Pin(image="alpine:3.19", digest=OLD, day="2026-01-01"),
    )


def test_find_builder_images() -> None:
    """A builder has one image per arch; its digests are listed below it."""
    assert find_pins(TEXT, ARCHES)[3:] == (
        Pin(image=OF_X86, digest=OLD, day="2026-01-01"),
        Pin(image=OF_I686),
    )


def test_pin_builder_images() -> None:
    """Digests are renewed, added to the block, or get a new block; nothing around it changes."""
    day = f'"{NEW}"  # pinned 2026-11-21\n'
    block = f'    digests:\n      x86_64: {day}      i686: {day}    pythons: ["3.9"]\n'
    assert pin_images(TEXT, {OF_X86: NEW, OF_I686: NEW}, TODAY, ARCHES).endswith(block)
    kept = pin_images(TEXT, {OF_X86: OLD}, TODAY, ARCHES)
    assert kept == TEXT
    without = TEXT.replace(TEXT[TEXT.index("    digests") : TEXT.index("    pythons")], "")
    assert pin_images(without, {OF_X86: NEW, OF_I686: NEW}, TODAY, ARCHES).endswith(block)
    assert pin_images(without, {}, TODAY, ARCHES) == without


def test_pin() -> None:
    """The digest follows the name and the date ends the line; comments stay."""
    text = pin_images(TEXT, {"debian:12": NEW, "debian:13": NEW, "alpine:3.19": NEW}, TODAY)
    assert f'{{image: "debian:12@{NEW}", prepare: *python3}}  # pinned 2026-11-21' in text
    assert f'image: "debian:13@{NEW}"   # pinned 2026-11-21 # why: it is stable' in text
    assert f'{{image: "alpine:3.19@{NEW}"}}  # pinned 2026-11-21\n' in text
    assert text.count("2026-01-01") == TEXT.count("2026-01-01") - 1
    assert "manylinux_2_28_{arch}" in text
    assert "# image: nobody:1 is in" in text


def test_unchanged_digests_keep_their_date() -> None:
    """An image without a known digest keeps its text."""
    assert pin_images(TEXT, {"alpine:3.19": OLD}, TODAY) == TEXT
    assert pin_images(TEXT, {}, TODAY) == TEXT


DATED = "  # pinned 2026-11-21"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("image:   'debian:12'", f"image:   'debian:12@{NEW}'{DATED}"),
        ('image: "debian:12" # "image: x"', f'image: "debian:12@{NEW}" {DATED[2:]} # "image: x"'),
        (f"image: debian:12@{OLD}", f'image: "debian:12@{NEW}"{DATED}'),
        ("image: &base debian:12\nb: {image: *base}",
         f'image: &base "debian:12@{NEW}"{DATED}\nb: {{image: *base}}'),
        ("{image: !!str 'debian:12', note: 'a # b'}  # why",
         f"{{image: !!str 'debian:12@{NEW}', note: 'a # b'}}  {DATED[2:]} # why"),
        ("{image: debian:12, note: 'a\n  b'} # why",
         f"{{image: \"debian:12@{NEW}\", note: 'a\n  b'}} # why"),
        ("note: |\n  image: debian:12\nimage: debian:12\n",
         f'note: |\n  image: debian:12\nimage: "debian:12@{NEW}"{DATED}\n'),
        (f"\ufeff# é\r\nimage: 'debian:12@{OLD}'  # pinned 2026-01-01, why\r\nb: 1\r\n",
         f"\ufeff# é\r\nimage: 'debian:12@{NEW}'{DATED}, why\r\nb: 1\r\n"),
    ],
)  # fmt: skip
def test_text_around_a_pin_stays(before: str, after: str) -> None:
    """Quotes, anchors, tags, flow mappings, comments, CRLF and a byte order mark are kept."""
    assert pin_images(before, {"debian:12": NEW}, TODAY) == after
    assert find_pins(before)[0].image == "debian:12"
    assert find_pins(after)[0].digest == NEW


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{image: 'b_{arch}'}", f"{{image: 'b_{{arch}}', digests: {{x: \"{NEW}\"}}}}{DATED}"),
        ("image: b_{arch}\ndigests: {}", f'image: b_{{arch}}\ndigests: {{x: "{NEW}"}}{DATED}'),
        (f"image: b_{{arch}}\ndigests: {{y: '{OLD}'}} # why",
         f"image: b_{{arch}}\ndigests: {{y: '{OLD}', x: \"{NEW}\"}} {DATED[2:]} # why"),
        (f"digests: # why\r\n   y: {OLD} # old\r\nimage: b_{{arch}}\r\n",
         f'digests: # why\r\n   y: {OLD} # old\r\n   x: "{NEW}"{DATED}\r\nimage: b_{{arch}}\r\n'),
        ("a:\r\n  image: b_{arch} # why\r\n",
         f'a:\r\n  image: b_{{arch}} # why\r\n  digests:\r\n    x: "{NEW}"{DATED}\r\n'),
        (f"image: b_{{arch}}\ndigests:\n  x: &d '{OLD}' # why\n",
         f"image: b_{{arch}}\ndigests:\n  x: &d '{NEW}' {DATED[2:]} # why\n"),
    ],
)  # fmt: skip
def test_text_around_builder_digests_stays(before: str, after: str) -> None:
    """New digests are written in the style of the mapping that they are added to."""
    arches = {"b_{arch}": ("x",)}
    assert pin_images(before, {"b_x": NEW}, TODAY, arches) == after
    assert find_pins(after, arches) == (Pin(image="b_x", digest=NEW, day="2026-11-21"),)


@pytest.mark.parametrize("image", [r'"debian\x3a12"', ">-\n  debian:12\n"])
def test_name_that_cannot_be_spliced(image: str) -> None:
    """The error names the place; an image without a new digest is no error."""
    assert pin_images(f"image: {image}", {}, TODAY) == f"image: {image}"
    with pytest.raises(MatrixFileError, match=r":1:8: image: write it in one line"):
        pin_images(f"image: {image}", {"debian:12": NEW}, TODAY)


@pytest.mark.parametrize("name", ["targets.yaml", "builders.yaml"])
def test_the_committed_matrix(name: str) -> None:
    """Every image of the committed files is found; pinning changes nothing but digests."""
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


def test_registry_without_an_answer() -> None:
    """An image whose registry fails keeps its pin and is reported; the others are renewed."""

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
