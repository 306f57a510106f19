"""Render transitions of cells as an Atom feed, ``feed.atom`` (RFC 4287)."""

import uuid
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from urllib.parse import quote

from harness.report.changes import seen_words
from harness.report.untrusted import visible
from harness.results.past import Transition

NAMESPACE = "http://www.w3.org/2005/Atom"
ENTRIES = 200


def atom_feed(transitions: Sequence[Transition], *, updated: str, url: str = "") -> str:
    """Return the feed of ``transitions``, newest first.

    ``updated``: start of the newest run, ISO 8601. ``url``: address of the page that entries link
    to; empty if unknown.
    """
    feed = ET.Element("feed", xmlns=NAMESPACE)
    _add(feed, "title", "Wheelgrid: what changed")
    _add(feed, "id", _name(url or "wheelgrid"))
    _add(feed, "updated", updated)
    ET.SubElement(ET.SubElement(feed, "author"), "name").text = "wheelgrid"
    if url:
        ET.SubElement(feed, "link", href=url)
    for transition in transitions[:ENTRIES]:
        feed.append(_entry(transition, url))
    ET.indent(feed)
    return ET.tostring(feed, encoding="unicode", xml_declaration=True) + "\n"


def _entry(transition: Transition, url: str) -> ET.Element:
    change = transition.change
    entry = ET.Element("entry")
    _add(entry, "title", f"{change.change}: {change.id}")
    _add(entry, "id", _name(f"{change.id} {transition.when}"))
    _add(entry, "updated", transition.when)
    ET.SubElement(entry, "link", href=f"{url}#cell={quote(change.id, safe='/')}")
    lines = [f"{seen_words(change.base)} → {seen_words(change.now)}"]
    lines += [f"{d.aspect}: {d.base} → {d.now}" for d in change.differences]
    if change.now and change.now.observation and change.now.observation.evidence:
        lines.append(change.now.observation.evidence)
    _add(entry, "content", "\n".join(lines), type="text")
    return entry


def _add(parent: ET.Element, tag: str, text: str, **attributes: str) -> None:
    ET.SubElement(parent, tag, attributes).text = visible(text, keep="\n\t")


def _name(of: str) -> str:
    # A stable id, by which feed readers recognize an entry.
    return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, of)}"
