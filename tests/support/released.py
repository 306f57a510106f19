"""Releases on a loopback index: wheels whose dependencies are resolved."""

import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.loopback_index import LoopbackIndex
from tests.support.wheels import make_wheel

METADATA = "{}-{}.dist-info/METADATA"


@dataclass
class Releases:
    """Serves releases from an index; ``folder`` keeps their wheels."""

    index: LoopbackIndex
    folder: Path

    def add(  # noqa: PLR0913 - what a release consists of
        self,
        name: str,
        version: str = "1.0",
        *requires: str,
        code: str = "x = 1",
        tag: str = "py3-none-any",
        attributes: str = "",
        metadata: bool = True,
        files: Mapping[str, str | bytes] | None = None,
    ) -> bytes:
        """Serve a release beside the earlier ones; return its wheel.

        ``attributes`` are those of its link. ``metadata``: whether METADATA is served (PEP 658).
        """
        wheel = make_wheel(
            self.folder, name, code, tag=tag, version=version, requires=requires, files=files
        )
        data = wheel.read_bytes()
        with zipfile.ZipFile(wheel) as archive:
            text = archive.read(METADATA.format(name, version))
        served = self.serve_metadata(wheel.name, text) if metadata else ""
        self.link(name, wheel.name, data, f"{served} {attributes}")
        return data

    def serve_metadata(self, filename: str, text: bytes) -> str:
        """Serve METADATA beside a wheel; return the attribute of its link."""
        self.index.pages[f"files/{filename}.metadata"] = text
        return f'data-core-metadata="sha256={sha256(text)}"'

    def add_sdist(self, name: str) -> None:
        """Serve an sdist, which nobody may download."""
        self.link(name, f"{name}-1.0.tar.gz", b"", "")
        del self.index.pages[f"files/{name}-1.0.tar.gz"]

    def link(self, name: str, filename: str, data: bytes, attributes: str) -> None:
        page = f"simple/{name}/"
        link = f'<a href="/files/{filename}#sha256={sha256(data)}" {attributes}>{filename}</a>\n'
        self.index.pages[page] = self.index.pages.get(page, b"") + link.encode()
        self.index.pages[f"files/{filename}"] = data


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
