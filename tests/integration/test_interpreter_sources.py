"""Source packages from an archive on loopback that answers as bad archives do."""

import hashlib
import http.server
import io
import re
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cache import Cache
from harness.errors import BuildError
from harness.interpreters import sources
from harness.interpreters.sources import source_tree

pytestmark = pytest.mark.integration

ORIG, DEBIAN, DSC = "demo_1.0.orig.tar.gz", "demo_1.0-1.debian.tar.gz", "demo_1.0-1.dsc"


class Archive(http.server.BaseHTTPRequestHandler):
    """Serves ``files``; may give other bytes, or end in the middle, as often as ``cuts`` says."""

    files: dict[str, bytes]
    cuts: int
    asked: list[str]

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        data = self.files.get(name)
        if data is None:
            self.send_error(404)
            return
        self.asked.append(name)
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(found[1]) if found else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if name == ORIG and self.cuts:
            type(self).cuts -= 1
            data = data[: start + (len(data) - start) // 2]
            self.close_connection = True
        self.wfile.write(data[start:])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def tar(folder: str, member: str, size: int) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as archive:
        info = tarfile.TarInfo(f"{folder}/{member}")
        info.size = size
        archive.addfile(
            info,
            io.BytesIO(
                b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(size // 32 + 1))[:size]
            ),
        )
    return stream.getvalue()


def package() -> dict[str, bytes]:
    """Return the files of a small archive with the one source package ``demo``."""
    files = {ORIG: tar("demo-1.0", "big.c", 1 << 20), DEBIAN: tar("debian", "rules", 64)}

    def sums(names: tuple[str, ...]) -> str:
        return "".join(
            f"\n {hashlib.sha256(files[name]).hexdigest()} {len(files[name])} {name}"
            for name in names
        )

    head = "Binary: demo\nVersion: 1.0-1\nMaintainer: nobody <nobody@localhost>\n"
    head += "Architecture: any\nFormat: 3.0 (quilt)\n"
    files[DSC] = f"Source: demo\n{head}Checksums-Sha256:{sums((ORIG, DEBIAN))}\n".encode()
    listed = sums((DSC, ORIG, DEBIAN))
    files["Sources"] = f"Package: demo\n{head}Directory: .\nChecksums-Sha256:{listed}\n\n".encode()
    files["Release"] = f"Suite: demo\nCodename: demo\nSHA256:{sums(('Sources',))}\n".encode()
    return files


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Archive]]:
    handler = type("Served", (Archive,), {"files": package(), "cuts": 0, "asked": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    line = f"deb [trusted=yes] http://127.0.0.1:{server.server_port}/ ./"
    monkeypatch.setattr(sources, "ARCHIVE", (line,))
    yield handler
    server.shutdown()
    server.server_close()
    thread.join()


def fetch(root: Path) -> sources.SourceTree:
    return source_tree("demo", "bookworm", cache=Cache(root), announce=print)


def test_a_source_package(archive: type[Archive], tmp_path: Path) -> None:
    """The upstream archive comes, is unpacked, and is not fetched again."""
    tree = fetch(tmp_path)
    assert tree.version == "1.0"
    assert (tree.root / "big.c").stat().st_size == 1 << 20
    archive.files.clear()
    assert fetch(tmp_path) == tree


def test_an_archive_that_ends_in_the_middle(archive: type[Archive], tmp_path: Path) -> None:
    """It is asked again, for what is missing."""
    archive.cuts = 1
    assert fetch(tmp_path).version == "1.0"
    assert archive.asked.count(ORIG) == 2


def test_an_archive_that_never_ends_a_file(archive: type[Archive], tmp_path: Path) -> None:
    """What is missing is told with the next step, nothing half is kept, and later it works."""
    archive.cuts = 99
    with pytest.raises(BuildError, match=r"source of demo in Debian bookworm cannot be had"):
        fetch(tmp_path)
    assert list((tmp_path / "sources").iterdir()) == []
    archive.cuts = 0
    assert fetch(tmp_path).version == "1.0"


def test_another_checksum_than_the_list_has(archive: type[Archive], tmp_path: Path) -> None:
    """Bytes that are not those that were listed are never unpacked."""
    orig = archive.files[ORIG]
    archive.files[ORIG] = orig[:-1] + bytes([orig[-1] ^ 1])
    with pytest.raises(BuildError, match="another checksum than the release's own list says"):
        fetch(tmp_path)
    assert not (tmp_path / "source-trees").exists()
