"""Find the images that matrix files pin by digest, and write new digests into the text.

Only digests and their dates change. Everything else in a file stays byte for byte, so that a
renewal reads well in review.
"""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import yaml

from harness.core.errors import MatrixFileError
from harness.core.problems import DataPath
from harness.matrix.files.yamltree import read_tree, trailing_comments

_PINNED_ON = re.compile(r"# pinned (\d{4}-\d{2}-\d{2})")

Arches = Mapping[str, Sequence[str]]
"""The arches of each image name with ``{arch}``: ``{"pypa/manylinux2014_{arch}": ("i686",)}``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """An image that a matrix file names."""

    image: str
    """Without its digest: ``debian:12``."""
    digest: str = ""
    """Empty if the image is not pinned."""
    day: str = ""
    """When it was pinned, ISO 8601; empty if the file does not say."""


def find_pins(text: str, arches: Arches | None = None) -> tuple[Pin, ...]:
    """Return each image that a matrix file names once; builder images, one per arch, come last.

    Raises ``MatrixFileError`` if the text is not YAML.
    """
    pins = _PinEditor(text)
    named = [pin for _, pin in pins.images()]
    per_arch = [
        pins.of_arch(builder, arch)
        for builder, template in pins.templates()
        for arch in (arches or {}).get(template, ())
    ]
    return tuple(dict.fromkeys((*named, *per_arch)))


def pin_images(
    text: str, digests: Mapping[str, str], today: date, arches: Arches | None = None
) -> str:
    """Return ``text`` with the ``digests`` of images by name; a date changes with its digest.

    Raises ``MatrixFileError`` if the text is not YAML, or if a name that gets a digest is written
    with escapes or over several lines.
    """
    pins = _PinEditor(text)
    for path, pin in pins.images():
        digest = digests.get(pin.image, pin.digest)
        if digest != pin.digest:
            old = f"{pin.image}@{pin.digest}" if pin.digest else pin.image
            pins.replace(path, old, f"{pin.image}@{digest}", today)
    for builder, template in pins.templates():
        added = {}
        for arch in (arches or {}).get(template, ()):
            pin = pins.of_arch(builder, arch)
            digest = digests.get(pin.image, pin.digest)
            if not pin.digest and digest:
                added[arch] = digest
            elif digest != pin.digest:
                pins.replace((*builder, "digests", arch), pin.digest, digest, today)
        if added:
            pins.add(builder, added, today)
    return pins.edited()


class _PinEditor:
    def __init__(self, text: str) -> None:
        tree, problems = read_tree("", text.encode())
        if tree is None:
            raise MatrixFileError([str(problem) for problem in problems])
        self._text, self._tree = text, tree
        self._comments = trailing_comments(text)
        self._splices: list[tuple[int, int, str]] = []

    def images(self) -> Iterator[tuple[DataPath, Pin]]:
        """Yield each image that stands for itself, without ``{arch}`` in its name."""
        for path, written in self._named_images():
            if "{" not in written:
                image, _, digest = written.partition("@")
                yield path, Pin(image=image, digest=digest, day=self._day(path))

    def templates(self) -> Iterator[tuple[DataPath, str]]:
        """Yield each builder with an image per arch, and the image's name with ``{arch}``."""
        for path, written in self._named_images():
            if "{arch}" in written:
                yield path[:-1], written

    def of_arch(self, builder: DataPath, arch: str) -> Pin:
        """Return the builder's image for ``arch``; its digest is listed below ``digests``."""
        image = self._tree.texts[(*builder, "image")].replace("{arch}", arch)
        path = (*builder, "digests", arch)
        digest = self._tree.texts.get(path, "")
        return Pin(image=image, digest=digest, day=self._day(path) if digest else "")

    def replace(self, path: DataPath, old: str, new: str, today: date) -> None:
        """Replace ``old`` in the scalar at ``path``, and date its line. Quote a plain scalar."""
        node = self._tree.nodes[path]
        start = self._text.rfind(old, node.start_mark.index, node.end_mark.index)
        if start < 0 or node.style in {"|", ">"}:
            what = "write it in one line, without escapes, so that its digest can be changed"
            raise MatrixFileError([str(self._tree.problem(path, what))])
        self._splices.append((start, start + len(old), new if node.style else f'"{new}"'))
        self._set_day(node.end_mark, today)

    def add(self, builder: DataPath, digests: Mapping[str, str], today: date) -> None:
        """Add ``digests`` by arch to those of ``builder``, in the style of the surrounding text."""
        image = self._tree.nodes[(*builder, "image")]
        held = self._tree.nodes.get((*builder, "digests"))
        last = held.value[-1][1] if held and held.value else held or image
        if (held or self._tree.nodes[builder]).flow_style:
            self._add_inline(last, held, digests)
            self._set_day(last.end_mark, today)
            return
        margin = " " * (self._tree.keys[(*builder, "image")].column - 1)
        if held:
            inner, rows = " " * held.value[0][0].start_mark.column, []
        else:
            inner, rows = f"{margin}  ", [f"{margin}digests:"]
        rows += [f'{inner}{arch}: "{digests[arch]}"  # pinned {today}' for arch in digests]
        line_break = "\r\n" if "\r\n" in self._text else "\n"
        _, stop = self._comments[last.end_mark.line]
        self._splices.append((stop, stop, "".join(f"{line_break}{row}" for row in rows)))

    def edited(self) -> str:
        parts, done = [], 0
        # An aliased scalar is spliced once; several pins of a line have one date.
        for start, stop, new in sorted(dict.fromkeys(self._splices), key=lambda each: each[:2]):
            parts += [self._text[done:start], new]
            done = stop
        return "".join([*parts, self._text[done:]])

    def _add_inline(self, last: yaml.Node, held: object, digests: Mapping[str, str]) -> None:
        entries = ", ".join(f'{arch}: "{digest}"' for arch, digest in digests.items())
        at = last.end_mark.index
        if held is None:
            entries = f", digests: {{{entries}}}"
        elif last is held:  # {}
            at -= 1
        else:
            entries = f", {entries}"
        self._splices.append((at, at, entries))

    def _named_images(self) -> Iterator[tuple[DataPath, str]]:
        return ((at, name) for at, name in self._tree.texts.items() if at[-1:] == ("image",))

    def _day(self, path: DataPath) -> str:
        comment = self._comments.get(self._tree.nodes[path].end_mark.line)
        found = _PINNED_ON.match(self._text, *comment) if comment else None
        return found[1] if found else ""

    def _set_day(self, mark: yaml.Mark, today: date) -> None:
        if comment := self._comments.get(mark.line):  # none where the line ends inside a scalar
            start, stop = comment
            if found := _PINNED_ON.match(self._text, start, stop):
                self._splices.append((*found.span(1), today.isoformat()))
            else:
                day = f"# pinned {today}"
                self._splices.append((start, start, f"{day} " if stop > start else f"  {day}"))


def unified_diff(name: str, before: str, after: str) -> str:
    """Return what changed in the file ``name`` as a patch; empty if nothing changed."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{name}", f"b/{name}"
    )
    return "".join(lines)
