"""Find the Debian mirrors and the snapshot archive: from the environment, apt or mmdebstrap."""

import os
import re
import shlex
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from harness.core.errors import UsageError
from harness.host.process import ProcessError, run_process
from harness.images.debian.packages import Package

MIRRORS = "WHEELGRID_DEBIAN_MIRRORS"
"""Environment variable: addresses of mirrors, separated by spaces."""
ARCHIVE = "WHEELGRID_DEBIAN_ARCHIVE"
"""Environment variable: address of the snapshot archive, with ``@SNAPSHOTID@`` in it."""
PYTHON_ARCHIVE = "WHEELGRID_PYTHON_ARCHIVE"
"""Environment variable: address of a mirror of CPython's release archive."""
KEYRING = "WHEELGRID_DEBIAN_KEYRING"
"""Environment variable: file with the keys that sign the index, instead of Debian's."""

_RELEASES = re.compile(r"https://www\.python\.org/ftp/python/(?P<path>.+)")
_SECONDS = 20
_SNAPSHOT = "@SNAPSHOTID@"
_DEFAULT_SUITE = "stable"
_DEB_LINE = re.compile(r"^deb (?:\[[^]]*\] )?(?P<url>\S+) ", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Mirrors:
    """The servers for files of the pool, in order."""

    mirrors: tuple[str, ...]
    """Addresses without a trailing slash."""
    archive: str = ""
    """Address of the snapshot archive, with ``@SNAPSHOTID@`` for the time. May be empty."""
    releases: str = ""
    """Address of a mirror of CPython's release archive; empty for the archive itself."""
    keyring: str = ""
    """File of the keys that sign the index; empty for the distribution's."""
    accept_expired: bool = False
    """This machine's apt accepts an expired index (``Acquire::Check-Valid-Until``)."""

    def addresses(self, package: Package) -> tuple[str, ...]:
        """Return the addresses of a file in the order to try."""
        if is_address(package.path):
            release = _RELEASES.fullmatch(package.path)
            mirrored = release and self.releases and f"{self.releases}/{release['path']}"
            return (mirrored or package.path,)
        path = quote(package.path, safe="/+~:")
        found = tuple(f"{mirror}/{path}" for mirror in self.mirrors)
        if not self.archive:
            return found
        # The snapshot at the end of the day on which an index named the file.
        time = f"{package.day.replace('-', '')}T235959Z"
        return (*found, f"{self.archive.replace(_SNAPSHOT, time).rstrip('/')}/{path}")


def is_address(text: str) -> bool:
    """Whether the text is an HTTP address with a host."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def host_of(address: str) -> str:
    """Return the host of an address for messages, without a password."""
    return urlsplit(address).netloc.rpartition("@")[2]


def named_mirrors() -> tuple[str, ...]:
    """Return the mirrors in the environment.

    Raises ``UsageError`` for an invalid address, also of the archive.
    """
    named = tuple(os.environ.get(MIRRORS, "").split())
    others = ((variable, os.environ.get(variable)) for variable in (ARCHIVE, PYTHON_ARCHIVE))
    for variable, address in (*((MIRRORS, m) for m in named), *others):
        if address and not is_address(address):
            raise UsageError(  # without the address, which may hold a password
                f"{variable}: one of its addresses is not http:// or https:// with a host; "
                "write it as http://HOST/debian"
            )
    return named


def find_mirrors() -> Mirrors:
    """Return the mirrors of the environment, else of apt, else of mmdebstrap; may be empty.

    Takes 0.1 s for apt. Raises ``UsageError`` for an invalid address in the environment.
    """
    named = named_mirrors()
    settings = _apt_settings()
    return Mirrors(
        mirrors=tuple(m.rstrip("/") for m in named or _apt_mirrors() or _default_mirror()),
        archive=os.environ.get(ARCHIVE) or settings.get("SNAPSHOTS", ""),
        releases=os.environ.get(PYTHON_ARCHIVE, "").rstrip("/"),
        keyring=os.environ.get(KEYRING, ""),
        accept_expired=settings.get("EXPIRED", "") in ("false", "no", "0", "off"),
    )


def _apt_settings() -> dict[str, str]:
    return parse_settings(
        _output(
            *("apt-config", "shell"),
            *("SNAPSHOTS", "Acquire::Snapshots::URI::Origin::Debian"),
            *("EXPIRED", "Acquire::Check-Valid-Until"),
        )
    )


def parse_settings(text: str) -> dict[str, str]:
    """Parse the output of ``apt-config shell``: lines ``NAME='value'``."""
    words = (word.partition("=") for word in shlex.split(text))
    return {name: value for name, equals, value in words if equals}


def _apt_mirrors() -> tuple[str, ...]:
    return parse_targets(
        _output("apt-get", "indextargets", "--format", "$(REPO_URI) $(ORIGIN) $(CODENAME)")
    )


def parse_targets(text: str) -> tuple[str, ...]:
    """Return Debian's mirrors from ``apt-get indextargets``: lines of address, origin, codename.

    The security archive is left out, since it has only other packages.
    """
    rows = (line.split() for line in text.splitlines())
    found = (row[0] for row in rows if row[1:2] == ["Debian"] and "-security" not in row[-1])
    return tuple(dict.fromkeys(url for url in found if url.startswith(("http:", "https:"))))


def _default_mirror() -> tuple[str, ...]:
    """Return the mirror of mmdebstrap, from the sources list that it would use."""
    hook = 'cat "$1/etc/apt/sources.list"; exit 1'
    command = ("mmdebstrap", "--variant=custom", "--format=null", f"--setup-hook={hook}")
    try:
        run_process((*command, _DEFAULT_SUITE, "-"), timeout=_SECONDS, merge=True)
    except ProcessError as error:
        found = _DEB_LINE.search(error.output)
        return (found["url"],) if found else ()
    return ()


def _output(*argv: str) -> str:
    try:
        return run_process(argv, timeout=_SECONDS).decode("utf-8", "replace")
    except ProcessError:
        return ""
