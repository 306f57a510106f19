"""The signed index of a suite, asked through apt: what sets and sources come to today.

mmdebstrap makes a root of its own for apt, which fetches the index and verifies who signed it
and that it is not past its date. No package is downloaded here.
"""

import errno
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

from harness.core.errors import UpstreamError
from harness.core.targets import Suite
from harness.host.process import ProcessError, run_process
from harness.images.debian.mirrors import MIRRORS, Mirrors, host_of
from harness.images.debian.packages import SOURCE, Package, PackageSet

INDEX_SECONDS = 180

# Every question is one of apt's: what it would download, with addresses and digests. A glob is
# resolved here to the oldest package that it matches.
_ASK = r"""
set -eu
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
ask() { apt-get -qq --print-uris -o Acquire::ForceHash=sha256 "$@"; }
sed -n 's/^Date: /@date /p' "$1"/var/lib/apt/lists/*Release | head -n 1
echo "$WHEELGRID_ASK" | while read -r number how names; do
    chosen=
    set -f
    for name in $names; do
        case $name in *'*'*)
            arch=${name#*:}
            wanted=$(echo "${name%%:*}" | sed 's/[.+]/\\&/g; s/\*/[0-9]+/')
            name=$(apt-cache search --names-only "^$wanted\$" | cut -d' ' -f1 |
                sort -V | head -n 1):$arch ;;
        esac
        chosen="$chosen $name"
    done
    echo "@set $number"
    case $how in
        depends) ask install $chosen ;;
        alone) ask download $chosen ;;
        source) ask source --download-only $chosen ;;
    esac
done
"""
# The release pocket alone: it changes at point releases only, and it is never half-synchronised
# as the other pockets' mirrors may be.
_RELEASE_POCKET = r"""sed -i -E '/-(security|updates)/d' "$1/etc/apt/sources.list" """
_WITH_SOURCES = r"""sed -i -E 'p;s/^deb /deb-src /' "$1/etc/apt/sources.list" """

MERGED_USR = "/usr/share/mmdebstrap/hooks/merged-usr"
"""Hooks without which a root asks for the package that merges its ``/usr``."""

_URI = re.compile(r"'(?P<uri>\S+)' (?P<file>\S+) (?P<size>\d+) SHA256:(?P<sha256>[0-9a-f]{64})")
_DEB = re.compile(r"(?P<name>[^_]+)_(?P<version>[^_]+)_(?P<arch>[^_]+)\.deb")
_DSC = re.compile(r"(?P<name>[^_]+)_(?P<version>[^_]+)\.dsc")
_ORIG = re.compile(r"[^/]+\.orig\.tar\.(gz|xz|bz2|zst)")
_EXPIRED = re.compile(r"Release file for \S+ is expired \(invalid since (?P<by>\S+)[^)]*\)")
_UNKNOWN_KEY = re.compile(r"\b(?P<key>NO_PUBKEY [0-9A-F]+)")
_COMPLAINT = re.compile(r"^E: (?P<what>.*)$", re.MULTILINE)
_UNFETCHED = re.compile(
    r"Failed to fetch https?://\S+/(?P<file>\S+) +(?P<why>.*?)(?: \[IP: [^]]*\])?"
)
_ADDRESS = re.compile(r"\w+://\S+ ?|[^\s/@]+@")
_TOOLS = ("setup", "run_", "apt-get", "mmdebstrap")
"""What complaints begin with that are of a tool, and not of what it was given."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexAnswer:
    """What an index says today."""

    date: str
    """Of the index: ``2026-11-21``."""
    sets: Mapping[PackageSet, tuple[Package, ...]]
    sources: Mapping[str, Package]
    """Source package → its upstream archive."""


CheckReachable = Callable[[str], str]
"""Address → why it does not answer, after patience; empty where it does."""


def ask_index(
    suite: Suite,
    mirrors: Mirrors,
    sets: Sequence[PackageSet],
    sources: Sequence[str],
    reach: CheckReachable,
) -> IndexAnswer:
    """Return what ``sets`` (of one suite and the same arches) and ``sources`` come to today.

    The first mirror whose index is good is believed; apt, which is slow to give up, is not sent to
    one that ``reach`` gives up on. Takes 3 to 5 s, the download of the index. Raises
    ``UpstreamError`` with what each mirror lacks.
    """
    problems = []
    for mirror in mirrors.mirrors:
        if silence := reach(f"{mirror}/dists/{suite.id}/InRelease"):
            problems.append(f"{_title(suite, mirror)}: {silence}")
            continue
        try:
            return _ask(suite, mirrors, mirror, sets, sources)
        except UpstreamError as error:
            problems.append(str(error))
    if not problems:
        problems = [f"no mirror of Debian is known here; name one in {MIRRORS}"]
    raise UpstreamError("; ".join(dict.fromkeys(problems)))


def _ask(
    suite: Suite,
    mirrors: Mirrors,
    mirror: str,
    sets: Sequence[PackageSet],
    sources: Sequence[str],
) -> IndexAnswer:
    arches = sets[0].arches if sets else ("amd64",)
    questions = [(_how(one), one.names) for one in sets] + [("source", (s,)) for s in sources]
    asked = "\n".join(f"{n} {how} {' '.join(names)}" for n, (how, names) in enumerate(questions))
    argv = [
        *("mmdebstrap", "--variant=extract", "--format=null"),
        f"--architectures={','.join(arches)}",
        '--aptopt=Acquire::Languages "none"',
        '--aptopt=Acquire::Retries "3"',
        '--aptopt=Acquire::http::Timeout "20"',
        f'--aptopt=Acquire::Check-Valid-Until "{_check_date(suite, mirrors)}"',
        *([f"--keyring={mirrors.keyring}"] if mirrors.keyring else []),
        f"--setup-hook={_RELEASE_POCKET}",
        f"--hook-dir={MERGED_USR}",
        *([f"--setup-hook={_WITH_SOURCES}"] if sources else []),
        f"--extract-hook={_ASK}",
        *(suite.id, "-", mirror),
    ]
    try:
        said = run_process(argv, timeout=INDEX_SECONDS, env={"WHEELGRID_ASK": asked}, merge=True)
    except ProcessError as error:
        # Date and signature are those of the whole suite, and one line of the grid says so.
        whole = _EXPIRED.search(error.output) or _UNKNOWN_KEY.search(error.output)
        title = _title(suite, mirror, () if whole else sets)
        raise UpstreamError(f"{title}: {explain(error)}") from error
    return _read(said.decode("utf-8", "replace"), mirror, sets, sources)


def _title(suite: Suite, mirror: str, sets: Sequence[PackageSet] = ()) -> str:
    arches = f" for {' '.join(sets[0].arches)}" if sets else ""
    return f"the index of Debian {suite.id}{arches} at {host_of(mirror)}"


def _how(wanted: PackageSet) -> str:
    return "depends" if wanted.depends else "alone"


def _check_date(suite: Suite, mirrors: Mirrors) -> str:
    return "false" if suite.closed or mirrors.accept_expired else "true"


def explain(error: ProcessError) -> str:
    """Return the reason in words: what apt complains of, never the script that ran it."""
    output = error.output
    if not output and error.reason == os.strerror(errno.ENOENT):
        return f"{error.argv[0]} is not installed; `wheelgrid doctor --fix` installs it"
    if found := _EXPIRED.search(output):
        return f"it is past its date by {found['by']}"
    if found := _UNKNOWN_KEY.search(output):
        return f"it is signed by a key that is not trusted here ({found['key']})"
    complaints = [_in_words(found["what"]) for found in _COMPLAINT.finditer(output)]
    wanted = [what for what in complaints if not what.startswith(_TOOLS)]
    timeout = error.reason if error.reason.startswith("took longer") else "apt gives no reason"
    return next(iter(wanted), timeout)


def _in_words(complaint: str) -> str:
    """Return a complaint without addresses: one may hold a password."""
    if found := _UNFETCHED.fullmatch(complaint):
        complaint = f"{found['file']}: {found['why']}"
    return " ".join(_ADDRESS.sub("", complaint).split())


def _read(
    text: str, mirror: str, sets: Sequence[PackageSet], sources: Sequence[str]
) -> IndexAnswer:
    head, *parts = re.split(r"^@set \d+\n", text, flags=re.MULTILINE)
    date = _date(head)
    if len(parts) != len(sets) + len(sources):
        raise UpstreamError(
            "apt does not answer as it used to; harness/images/debian/apt_index.py reads its output"
        )
    files = [_files(part, mirror, f"signed:{date}") for part in parts]
    return IndexAnswer(
        date=date,
        sets={one: _debs(found) for one, found in zip(sets, files, strict=False)},
        sources={
            name: _upstream_archive(name, found)
            for name, found in zip(sources, files[len(sets) :], strict=True)
        },
    )


def _date(head: str) -> str:
    found = re.search(r"^@date (.*)$", head, re.MULTILINE)
    if found is None:
        return f"{datetime.now(UTC):%Y-%m-%d}"
    return f"{parsedate_to_datetime(found[1].strip()):%Y-%m-%d}"


def _files(text: str, mirror: str, vouched: str) -> list[Package]:
    """Return the files that apt would download; of each, name and version still to be read."""
    return [
        Package(
            name=unquote(found["file"]),
            version="",
            arch=SOURCE,
            sha256=found["sha256"],
            size=int(found["size"]),
            path=unquote(found["uri"].removeprefix(mirror).lstrip("/")),
            vouched=vouched,
        )
        for found in _URI.finditer(text)
    ]


def _debs(files: Sequence[Package]) -> tuple[Package, ...]:
    matches = ((file, _DEB.fullmatch(file.name)) for file in files)
    return tuple(sorted(_named(file, found) for file, found in matches if found))


def _upstream_archive(name: str, files: Sequence[Package]) -> Package:
    """Return the one upstream archive among the files of a source package."""
    versions = [found for file in files if (found := _DSC.fullmatch(file.name))]
    archives = [file for file in files if _ORIG.fullmatch(file.name)]
    if len(archives) != 1 or len(versions) != 1:
        raise UpstreamError(f"the source package {name} has not one upstream archive")
    return _named(archives[0], versions[0])


def _named(file: Package, found: re.Match[str]) -> Package:
    parts = found.groupdict()
    return Package(
        name=parts["name"],
        version=parts["version"],
        arch=parts.get("arch", SOURCE),
        sha256=file.sha256,
        size=file.size,
        path=file.path,
        vouched=file.vouched,
    )
