"""Digests of images in the matrix files: YAML text and digests in, the same text pinned out. Pure.

A file stays as people wrote it: only the digest behind an image's name is put in or changed,
with the day of it at the end of the line, so that a renewal reads well in review.
"""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

_IMAGE = re.compile(
    r"""(?P<key>\bimage:\s*)(?P<quote>["']?)(?P<name>[^\s"'#,{}@]+)"""
    r"""(?:@(?P<digest>sha256:[0-9a-f]{64}))?(?P=quote)(?P<rest>[^#\n]*)"""
    r"""(?:\#\ pinned\ (?P<day>\d{4}-\d{2}-\d{2}))?"""
)
"""An image that stands for itself."""
_TEMPLATE = re.compile(
    r"""(?P<margin>\s*(?:- )?)image:\s*["']?(?P<name>[^\s"'#]*\{arch\}[^\s"'#]*).*"""
)
"""The image of a builder, one an arch, on a line of its own; its digests stand below it."""
_BELOW = re.compile(
    r"""\s+(?P<arch>\w+):\s*["'](?P<digest>sha256:[0-9a-f]{64})["']"""
    r"""(?:\s+\#\ pinned\ (?P<day>\d{4}-\d{2}-\d{2}))?"""
)

Arches = Mapping[str, Sequence[str]]
"""The arches of each image that has one an arch: ``{"pypa/manylinux2014_{arch}": ("i686",)}``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """An image that a matrix file names."""

    image: str
    """Without its digest: ``debian:12``."""
    digest: str = ""
    """Empty where it is not pinned."""
    day: str = ""
    """When it was pinned, ISO 8601; empty where nobody wrote it down."""


def find_pins(text: str, arches: Arches | None = None) -> tuple[Pin, ...]:
    """Return the images that a matrix file names, each once: those of builders are the last."""
    own = [_pin(found) for found in _images(text)]
    of_arches = [
        below.get(arch, Pin(image=_of_arch(template["name"], arch)))
        for template, below, _ in _templates(text.split("\n"))
        for arch in (arches or {}).get(template["name"], ())
    ]
    return tuple(dict.fromkeys((*own, *of_arches)))


def pin_images(
    text: str, digests: Mapping[str, str], today: date, arches: Arches | None = None
) -> str:
    """Return ``text`` with the ``digests`` of images by name; a day changes with its digest."""
    lines = [_pin_line(line, digests, today) for line in text.split("\n")]
    for template, below, rows in reversed([*_templates(lines)]):
        wanted = (arches or {}).get(template["name"])
        if wanted is None:
            continue
        pins = [_renewed(below, template["name"], arch, digests, today) for arch in wanted]
        lines[rows.start : rows.stop] = _lines_below(_margin(template), wanted, pins)
    return "\n".join(lines)


def _pin_line(line: str, digests: Mapping[str, str], today: date) -> str:

    def pinned(found: re.Match[str]) -> str:
        digest = digests.get(found["name"])
        if not _is_value(found) or digest is None or digest == found["digest"]:
            return found[0]
        quote = found["quote"] or '"'
        rest = found["rest"].rstrip()
        name = f"{quote}{found['name']}@{digest}{quote}"
        comment = " " if found.string[found.end() :].startswith("#") else ""
        return f"{found['key']}{name}{rest}  # pinned {today.isoformat()}{comment}"

    return _IMAGE.sub(pinned, line)


def _templates(lines: Sequence[str]) -> Iterator[tuple[re.Match[str], dict[str, Pin], range]]:
    """Yield each image of one an arch, its pins by arch, and which lines they are written on."""
    for at, line in enumerate(lines, 1):
        if template := _TEMPLATE.fullmatch(line):
            stop = at
            if stop < len(lines) and lines[stop] == f"{_margin(template)}digests:":
                stop += 1
                while stop < len(lines) and _BELOW.fullmatch(lines[stop]):
                    stop += 1
            found = [each for each in map(_BELOW.fullmatch, lines[at:stop]) if each]
            pins = {each["arch"]: _pin_below(template["name"], each) for each in found}
            yield template, pins, range(at, stop)


def _pin_below(template: str, found: re.Match[str]) -> Pin:
    name = _of_arch(template, found["arch"])
    return Pin(image=name, digest=found["digest"], day=found["day"] or "")


def _renewed(
    below: Mapping[str, Pin], template: str, arch: str, digests: Mapping[str, str], today: date
) -> Pin:
    before = below.get(arch, Pin(image=_of_arch(template, arch)))
    digest = digests.get(before.image, before.digest)
    return (
        before if digest == before.digest else replace(before, digest=digest, day=today.isoformat())
    )


def _lines_below(margin: str, arches: Sequence[str], pins: Sequence[Pin]) -> list[str]:
    rows = [
        f'{margin}  {arch}: "{pin.digest}"' + (f"  # pinned {pin.day}" if pin.day else "")
        for arch, pin in zip(arches, pins, strict=True)
        if pin.digest
    ]
    return [f"{margin}digests:", *rows] if rows else []


def _margin(template: re.Match[str]) -> str:
    return " " * len(template["margin"])


def _of_arch(template: str, arch: str) -> str:
    return template.replace("{arch}", arch)


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
