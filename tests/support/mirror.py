"""A mirror of a tiny distribution on loopback: real packages, a signed index, and its faults.

``Distribution`` makes pool and index with dpkg-deb and gpg; ``serve`` answers for them, as torn as
a test asks for, and counts what it was asked.
"""

import contextlib
import gzip
import hashlib
import http.server
import io
import subprocess
import tarfile
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

SUITE = "demo"
ARCHES = ("amd64", "s390x")


@dataclass(kw_only=True, slots=True)
class Distribution:
    """A pool and an index below ``root``, which are made apart: one may be ahead of the other."""

    root: Path
    key: "Key"
    stanzas: dict[str, str] = field(default_factory=dict)
    """What the index says of each package file, by its path."""
    sources: list[str] = field(default_factory=list)

    def add(  # noqa: PLR0913 - a package's fields
        self,
        name: str,
        version: str,
        arch: str,
        *,
        depends: str = "",
        changelog: str = "",
        files: dict[str, bytes] | None = None,
        listed: bool = True,
    ) -> Path:
        """Put a package into the pool, and into the next index if it is ``listed``."""
        control = f"Package: {name}\nVersion: {version}\nArchitecture: {arch}\n"
        control += f"Maintainer: nobody <nobody@localhost>\nDescription: {name}\n"
        control += f"Depends: {depends}\n" if depends else ""
        tree = self.root.parent / "build" / f"{name}_{version}_{arch}"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN/control").write_text(control)
        doc = f"usr/share/doc/{name}/changelog.Debian.gz"
        for path, data in {doc: gzip.compress(changelog.encode()), **(files or {})}.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_bytes(data)
        path = f"pool/main/{name[0]}/{name}/{name}_{version}_{arch}.deb"
        deb = self.root / path
        deb.parent.mkdir(parents=True, exist_ok=True)
        _run("dpkg-deb", "--root-owner-group", "--build", str(tree), str(deb))
        if listed:
            self.list(control, path)
        return deb

    def list(self, control: str, path: str) -> None:
        """Name a file of the pool in the next index."""
        self.stanzas[path] = f"{control}Filename: {path}\n{_sums(self.root / path)}\n"

    def add_source(self, name: str, version: str, top: str) -> Path:
        """Put a source package with an upstream archive into pool and index."""
        folder = f"pool/main/{name[0]}/{name}"
        (self.root / folder).mkdir(parents=True, exist_ok=True)
        orig = self.root / folder / f"{name}_{version}.orig.tar.gz"
        orig.write_bytes(_tar(f"{top}/main.c", b"int main(void) { return 0; }\n"))
        dsc = orig.with_name(f"{name}_{version}-1.dsc")
        dsc.write_text("Format: 3.0 (quilt)\n")
        listed = "".join(
            f"\n {hashlib.sha256(p.read_bytes()).hexdigest()} {p.stat().st_size} {p.name}"
            for p in (dsc, orig)
        )
        self.sources.append(
            f"Package: {name}\nBinary: {name}\nVersion: {version}-1\nArchitecture: any\n"
            f"Format: 3.0 (quilt)\nDirectory: {folder}\nChecksums-Sha256:{listed}\n"
        )
        return orig

    def publish(self, *, days: int = 0, valid: int | None = None, signed: bool = True) -> str:
        """Write the index as of ``days`` ago, valid for ``valid`` days; return its date."""
        dist = self.root / "dists" / SUITE
        texts = {
            f"main/binary-{arch}/Packages": "\n".join(
                text
                for text in self.stanzas.values()
                if f"Architecture: {arch}\n" in text or "Architecture: all\n" in text
            )
            for arch in ARCHES
        }
        texts["main/source/Sources"] = "\n".join(self.sources)
        for path, text in texts.items():
            (dist / path).parent.mkdir(parents=True, exist_ok=True)
            (dist / path).write_text(text)
        now = datetime.now(UTC) - timedelta(days=days)
        until = now + timedelta(days=valid or 0)
        sums = "".join(
            f" {hashlib.sha256(text.encode()).hexdigest()} {len(text.encode())} {path}\n"
            for path, text in texts.items()
        )
        release = (
            f"Origin: Demo\nSuite: {SUITE}\nCodename: {SUITE}\nComponents: main\n"
            f"Architectures: {' '.join(ARCHES)}\nDate: {format_datetime(now, usegmt=True)}\n"
            + (f"Valid-Until: {format_datetime(until, usegmt=True)}\n" if valid else "")
            + f"SHA256:\n{sums}"
        )
        (dist / "InRelease").write_bytes(self.key.sign(release) if signed else release.encode())
        return f"{now:%Y-%m-%d}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """A throw-away key that signs an index."""

    home: Path
    keyring: Path
    """What verifies its signatures."""

    def sign(self, text: str) -> bytes:
        return _run("gpg", "--homedir", str(self.home), "--batch", "--clearsign", data=text)


@contextlib.contextmanager
def make_key() -> Iterator[Key]:
    """Make a key, in a folder that apt's own user may read; 0.3 s."""
    with tempfile.TemporaryDirectory(prefix="demo-key-") as name:
        Path(name).chmod(0o755)
        key = _key(Path(name))
        try:
            yield key
        finally:
            _run("gpgconf", "--homedir", str(key.home), "--kill", "all")


def _key(folder: Path) -> Key:
    home = folder / "gpg"
    home.mkdir(mode=0o700)
    gpg = ("gpg", "--homedir", str(home), "--batch")
    _run(*gpg, "--passphrase", "", "--quick-gen-key", "demo <demo@localhost>", "ed25519", "sign")
    keyring = folder / "demo.gpg"
    keyring.write_bytes(_run(*gpg, "--export"))
    keyring.chmod(0o644)
    return Key(home=home, keyring=keyring)


# --- what answers ---------------------------------------------------------------------------

Fault = Callable[["Handler", bytes | None], bool]
"""Answers a request instead of the file's bytes (None: no such file); False for not this time."""


@dataclass(kw_only=True, slots=True)
class Served:
    """A mirror that answers: its address, what it was asked, and how it is torn."""

    server: http.server.ThreadingHTTPServer
    faults: dict[str, Fault] = field(default_factory=dict)
    """Part of a path → what happens to requests for it."""
    asked: Counter[str] = field(default_factory=Counter)
    """Path → number of requests."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def count(self, part: str = "") -> int:
        """Return how many requests were made for paths with ``part`` in them."""
        return sum(count for path, count in self.asked.items() if part in path)

    def stop(self) -> None:
        """Vanish: nobody listens any more."""
        self.server.shutdown()
        self.server.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers from a folder, through the faults of a ``Served``."""

    root: Path
    served: Served
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.replace("%2b", "+").replace("%7e", "~").lstrip("/")
        self.served.asked[path] += 1
        file = self.root / path
        data = file.read_bytes() if file.is_file() else None
        for part, fault in list(self.served.faults.items()):
            if part in path and fault(self, data):
                return
        self.answer(404 if data is None else 200, data or b"")

    do_HEAD = do_GET  # noqa: N815 - the name is http.server's

    def answer(
        self,
        status: int,
        data: bytes,
        *,
        length: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def gone(handler: Handler, _: bytes | None) -> bool:
    """Answer that there is no such file."""
    handler.answer(404, b"")
    return True


def wrong_bytes(handler: Handler, data: bytes | None) -> bool:
    """Give a file of the same size with other bytes."""
    handler.answer(200, bytes(len(data or b"")))
    return True


def times(number: int, fault: Fault) -> Fault:
    """Return a fault that happens so often, and no more after that."""
    left = [number]

    def limited(handler: Handler, data: bytes | None) -> bool:
        left[0] -= 1
        return left[0] >= 0 and fault(handler, data)

    return limited


def half(handler: Handler, data: bytes | None) -> bool:
    """Promise a file and give half of it."""
    whole = data or b""
    handler.answer(200, whole[: len(whole) // 2], length=len(whole))
    return True


def busy(status: int, **headers: str) -> Fault:
    """Return a fault that answers with a status."""

    def answer(handler: Handler, _: bytes | None) -> bool:
        handler.answer(status, b"", headers=headers)
        return True

    return answer


def hanging(seconds: float) -> Fault:
    """Return a fault that says nothing for some time."""

    def wait(handler: Handler, _: bytes | None) -> bool:
        time.sleep(seconds)
        handler.close_connection = True
        return True

    return wait


def slow(seconds: float) -> Fault:
    """Return a fault that lets a right answer wait."""

    def wait(_: Handler, __: bytes | None) -> bool:
        time.sleep(seconds)
        return False

    return wait


@contextlib.contextmanager
def serve(root: Path) -> Iterator[Served]:
    """Answer from ``root`` on loopback."""

    class Answering(Handler):
        pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    Answering.root, Answering.served = root, (served := Served(server=server))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield served
    finally:
        served.stop()
        thread.join()


def _sums(path: Path) -> str:
    data = path.read_bytes()
    return f"Size: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n"


def _tar(name: str, data: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def _run(*argv: str, data: str = "") -> bytes:
    return subprocess.run(argv, check=True, capture_output=True, input=data.encode()).stdout
