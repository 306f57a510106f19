"""Renew the image digests that a matrix folder pins, and show the changes as a patch."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from harness.core.cells import Matrix
from harness.core.errors import ImageError
from harness.matrix.pins import Arches, Pin, find_pins, pin_images, unified_diff

FILES = ("targets.yaml", "builders.yaml")
"""The matrix files that name images."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Digests:
    """Digests that registries reported."""

    by_image: Mapping[str, str]
    problems: tuple[str, ...]
    """One line for each image without an answer; its pin stays."""


def image_texts(matrix: Path) -> dict[Path, str]:
    """Return the text of each matrix file that names images."""
    return {
        path: path.read_bytes().decode() for path in map(matrix.joinpath, FILES) if path.exists()
    }


def arches_of(matrix: Matrix) -> Arches:
    """Return the arches of each builder image with ``{arch}`` in its name."""
    return {builder.image: tuple(builder.promises) for builder in matrix.builders if builder.image}


def pins_of(texts: Mapping[Path, str], arches: Arches) -> tuple[Pin, ...]:
    """Return the images that the files name, each once."""
    return tuple(dict.fromkeys(pin for text in texts.values() for pin in find_pins(text, arches)))


def ask_registries(pins: Iterable[Pin], newest_digest: Callable[[str], str]) -> Digests:
    """Ask for the digest of each image once. Collect ``ImageError``; others propagate."""
    found, problems = {}, []
    for image in dict.fromkeys(pin.image for pin in pins):
        try:
            found[image] = newest_digest(image)
        except ImageError as error:
            problems.append(str(error))
    return Digests(by_image=found, problems=tuple(problems))


def renew_images(
    texts: Mapping[Path, str], digests: Digests, today: date, arches: Arches
) -> dict[Path, str]:
    """Return the new text of the files that change."""
    renewed = {
        path: pin_images(text, digests.by_image, today, arches) for path, text in texts.items()
    }
    return {path: text for path, text in renewed.items() if text != texts[path]}


def patch_of(before: Mapping[Path, str], after: Mapping[Path, str]) -> str:
    """Return the changes of all files as a patch."""
    return "".join(unified_diff(str(path), before.get(path, ""), after[path]) for path in after)
