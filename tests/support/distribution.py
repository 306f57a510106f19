"""A tiny Debian distribution: real packages by dpkg-deb, and an index that gpg signs."""

import contextlib
import gzip
import hashlib
import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

SUITE = "demo"
ARCHES = ("amd64", "s390x")


@dataclass(kw_only=True, slots=True)
class Distribution:
    """A pool and an index below ``root``; either may be ahead of the other."""

    root: Path
    key: "Key"
    stanzas: dict[str, str] = field(default_factory=dict)
    """The index entry of each package file, by its path."""
    sources: list[str] = field(default_factory=list)

    def add(
        self,
        name: str,
        version: str,
        arch: str,
        *,
        depends: str = "",
        changelog: str = "",
        files: dict[str, bytes] | None = None,
    ) -> Path:
        """Add a package to the pool, and to the next index."""
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
        self.stanzas[path] = f"{control}Filename: {path}\n{_sums(deb)}\n"
        return deb

    def add_source(self, name: str, version: str, top: str) -> Path:
        """Add a source package with an upstream archive to pool and index."""
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
    """A temporary key that signs an index."""

    home: Path
    keyring: Path
    """The file that verifies its signatures."""

    def sign(self, text: str) -> bytes:
        return _run("gpg", "--homedir", str(self.home), "--batch", "--clearsign", data=text)


@contextlib.contextmanager
def make_key() -> Iterator[Key]:
    """Make a key in a folder that apt's user can read; takes 0.3 s."""
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
