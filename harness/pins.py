"""Digests of images in the matrix files: YAML text and digests in, the same text pinned out. Pure.

A file stays as people wrote it: only the digest behind an image's name is put in or changed,
with the day of it at the end of the line, so that a renewal reads well in review.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

_IMAGE = re.compile(
    r"""(?P<key>\bimage:\s*)(?P<quote>["']?)(?P<name>[^\s"'#,{}@]+)"""
    r"""(?:@(?P<digest>sha256:[0-9a-f]{64}))?(?P=quote)(?P<rest>[^#\n]*)"""
    r"""(?:\#\ pinned\ (?P<day>\d{4}-\d{2}-\d{2}))?"""
)
"""An image that stands for itself: the image of a builder, one an arch, holds ``{arch}``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """An image that a matrix file names."""

    image: str
    """Without its digest: ``debian:12``."""
    digest: str = ""
    """Empty where it is not pinned."""
    day: str = ""
    """When it was pinned, ISO 8601; empty where nobody wrote it down."""


def find_pins(text: str) -> tuple[Pin, ...]:
    """Return the images that a matrix file names, each once, in its order."""
    return tuple(dict.fromkeys(_pin(found) for found in _images(text)))


def pin_images(text: str, digests: Mapping[str, str], today: date) -> str:
    """Return ``text`` with the ``digests`` of images by name; a day changes with its digest."""

    def pinned(found: re.Match[str]) -> str:
        digest = digests.get(found["name"])
        if not _is_value(found) or digest is None or digest == found["digest"]:
            return found[0]
        quote = found["quote"] or '"'
        rest = found["rest"].rstrip()
        name = f"{quote}{found['name']}@{digest}{quote}"
        comment = " " if found.string[found.end() :].startswith("#") else ""
        return f"{found['key']}{name}{rest}  # pinned {today.isoformat()}{comment}"

    return "\n".join(_IMAGE.sub(pinned, line) for line in text.split("\n"))


def unified_diff(name: str, before: str, after: str) -> str:
    """Return what changed in the file ``name``, as a patch; empty where nothing did."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{name}", f"b/{name}"
    )
    return "".join(lines)


def _images(text: str) -> Iterator[re.Match[str]]:
    for line in text.split("\n"):
        yield from filter(_is_value, _IMAGE.finditer(line))


def _is_value(found: re.Match[str]) -> bool:
    # A name that goes on with {arch} was cut there; a comment is no value.
    return not found["rest"].startswith("{") and "#" not in found.string[: found.start()]


def _pin(found: re.Match[str]) -> Pin:
    return Pin(image=found["name"], digest=found["digest"] or "", day=found["day"] or "")
