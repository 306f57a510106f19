"""Resolve package sets and sources with apt, from the signed index of a suite.

mmdebstrap creates an empty root for apt, which downloads the index and checks its signature and
date. No package is downloaded.
"""

import errno
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

from harness.core.errors import UpstreamError
from harness.core.targets import Suite
from harness.host.process import ProcessError, run_process
from harness.images.debian.mirrors import MIRRORS, Mirrors, host_of
from harness.images.debian.packages import SOURCE, Package, PackageSet

INDEX_SECONDS = 180

# apt prints what it would download, with addresses and digests. A glob resolves to the oldest
# package that it matches.
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
# Only the release pocket: it changes at point releases only, and mirrors of the other pockets may
# be synchronised in part.
_RELEASE_POCKET = r"""sed -i -E '/-(security|updates)/d' "$1/etc/apt/sources.list" """
_WITH_SOURCES = r"""sed -i -E 'p;s/^deb /deb-src /' "$1/etc/apt/sources.list" """

MERGED_USR = "/usr/share/mmdebstrap/hooks/merged-usr"
"""Hooks that merge ``/usr``, so that apt does not require a package for it."""

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
"""Prefixes of error lines that concern a tool and not the reason of its failure."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexAnswer:
    """The packages that an index names."""

    sets: Mapping[PackageSet, tuple[Package, ...]]
    sources: Mapping[str, Package]
    """Source package name → upstream archive."""


CheckReachable = Callable[[str], str]
"""Maps an address to the reason why it does not answer; empty if it does."""


def ask_index(
    suite: Suite,
    mirrors: Mirrors,
    sets: Sequence[PackageSet],
    sources: Sequence[str],
    reach: CheckReachable,
) -> IndexAnswer:
    """Resolve ``sets`` (of one suite and the same arches) and ``sources`` from today's index.

    The first mirror with a valid index is used. Mirrors that ``reach`` rejects are skipped, since
    apt has long timeouts. Takes 3 to 5 s for the download of the index. Raises ``UpstreamError``
    with the problem of each mirror.
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
        problems = [f"no Debian mirror is known; set {MIRRORS}"]
    raise UpstreamError("; ".join(dict.fromkeys(problems)))


def _ask(
    suite: Suite, mirrors: Mirrors, mirror: str, sets: Sequence[PackageSet], sources: Sequence[str]
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
        # Date and signature concern the whole suite, so the same message serves all arches.
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
    """Return apt's reason for a failure, without the script that ran it."""
    output = error.output
    if not output and error.reason == os.strerror(errno.ENOENT):
        return f"{error.argv[0]} is not installed; `wheelgrid doctor --fix` installs it"
    if found := _EXPIRED.search(output):
        return f"it expired {found['by']} ago"
    if found := _UNKNOWN_KEY.search(output):
        return f"it is signed by an untrusted key ({found['key']})"
    complaints = [_in_words(found["what"]) for found in _COMPLAINT.finditer(output)]
    wanted = [what for what in complaints if not what.startswith(_TOOLS)]
    timeout = error.reason if error.reason.startswith("took longer") else "apt gives no reason"
    return next(iter(wanted), timeout)


def _in_words(complaint: str) -> str:
    """Return an error line without addresses, which may hold a password."""
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
            "apt's output has another format than harness/images/debian/apt_index.py expects"
        )
    files = [_files(part, mirror, f"signed:{date}") for part in parts]
    return IndexAnswer(
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
    """Return the files that apt would download, without their package names and versions."""
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
    """Return the upstream archive of a source package, which must have exactly one."""
    versions = [found for file in files if (found := _DSC.fullmatch(file.name))]
    archives = [file for file in files if _ORIG.fullmatch(file.name)]
    if len(archives) != 1 or len(versions) != 1:
        raise UpstreamError(f"the source package {name} does not have exactly one upstream archive")
    return _named(archives[0], versions[0])


def _named(file: Package, found: re.Match[str]) -> Package:
    arch = found.groupdict().get("arch", SOURCE)
    return replace(file, name=found["name"], version=found["version"], arch=arch)
