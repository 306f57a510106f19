"""apt's recorded output: reasons of failures, and packages."""

import errno
import os

import pytest

from harness.core.errors import UpstreamError
from harness.core.targets import Suite
from harness.host.process import ProcessError
from harness.images.debian import PackageSet, apt_index
from harness.images.debian.apt_index import ask_index, explain
from harness.images.debian.mirrors import Mirrors
from harness.images.debian.packages import SOURCE

MIRROR = "http://user:secret@127.0.0.1:8080/debian"
ARGV = ("mmdebstrap", "--variant=extract")
END = """\
E: apt-get update --error-on=any -oAPT::Status-Fd=<$fd> -oDpkg::Use-Pty=false failed
I: main() received signal PIPE: waiting for setup...
I: removing tempdir /tmp/mmdebstrap.hYNCC_yCby...
E: mmdebstrap failed to run
"""
# As apt 2.6 and mmdebstrap 1.3 print it.
UNSIGNED = f"""\
W: GPG error: {MIRROR} toy InRelease: The following signatures couldn't be verified because the \
public key is not available: NO_PUBKEY F9BDEFFDA1C92BD2
E: The repository '{MIRROR} toy InRelease' is not signed.
"""
EXPIRED = f"""\
E: Release file for {MIRROR}/dists/toy/InRelease is expired (invalid since 324d 16h 30min 35s). \
Updates for this repository will not be applied.
"""
UNAVAILABLE = f"""\
E: Failed to fetch {MIRROR}/dists/toy/InRelease  503  Service Unavailable [IP: 127.0.0.1 8080]
E: The repository '{MIRROR} toy InRelease' is not signed.
"""
MISMATCH = f"""\
E: Failed to fetch {MIRROR}/dists/toy/main/binary-s390x/Packages  Hash Sum mismatch
   Hashes of expected file:
E: Some index files failed to download. They have been ignored, or old ones used instead.
"""
NO_RELEASE = f"E: The repository '{MIRROR} toy Release' does not have a Release file.\n"
UNKNOWN = """\
@set 0
E: Unable to locate package dmeo
E: setup failed: E: command failed:
set -eu
"""
PURE_CRASH = "E: run_chroot failed: E: pipe\n"


def failed(output: str, reason: str = "exit status 25") -> ProcessError:
    return ProcessError(ARGV, reason, output)


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (UNSIGNED, "it is signed by an untrusted key (NO_PUBKEY F9BDEFFDA1C92BD2)"),
        (EXPIRED, "it expired 324d ago"),
        (UNAVAILABLE, "InRelease: 503 Service Unavailable"),
        (MISMATCH, "Packages: Hash Sum mismatch"),
        (NO_RELEASE, "The repository 'toy Release' does not have a Release file."),
        (UNKNOWN, "Unable to locate package dmeo"),
        (PURE_CRASH, "apt gives no reason"),
        ("", "apt gives no reason"),
    ],
    ids=["key", "date", "503", "digest", "404", "name", "crash", "nothing"],
)
def test_reason_is_apts_error(output: str, reason: str) -> None:
    """It has no tool, script, exit status or address."""
    assert explain(failed(output + END)) == reason


def test_hanging_mirror_is_reported_with_its_time() -> None:
    """Apt's earlier output does not matter."""
    error = failed("I: running apt-get update...\n", "took longer than 180 s")
    assert explain(error) == "took longer than 180 s"


def test_missing_mmdebstrap_has_a_next_step() -> None:
    """Only this reason names a tool."""
    error = failed("", os.strerror(errno.ENOENT))
    assert explain(error) == ("mmdebstrap is not installed; `wheelgrid doctor --fix` installs it")


ROOT = PackageSet(suite="toy", arches=("s390x",), names=("demo",), depends=True)
HEADERS = PackageSet(suite="toy", arches=("s390x",), names=("libdemo-dev:s390x",), depends=False)
ANSWER = f"""\
I: running apt-get update...
@date Sat, 21 Nov 2026 09:12:33 UTC
@set 0
'{MIRROR}/pool/main/z/zlib/zlib1g_3%2bb1_s390x.deb' zlib1g_1%3a3+b1_s390x.deb 90 SHA256:{"a" * 64}
'{MIRROR}/pool/main/d/demo/demo_1.0%7erc1-1_all.deb' demo_1.0~rc1-1_all.deb 80 SHA256:{"b" * 64}
@set 1
W: something else
'{MIRROR}/pool/main/d/demo/libdemo-dev_2-1_s390x.deb' libdemo-dev_2-1_s390x.deb 70 SHA256:{"c" * 64}
@set 2
'{MIRROR}/pool/main/z/zlib/zlib_1.3-1.dsc' zlib_1.3-1.dsc 2 SHA256:{"d" * 64}
'{MIRROR}/pool/main/z/zlib/zlib_1.3.orig.tar.gz' zlib_1.3.orig.tar.gz 60 SHA256:{"e" * 64}
'{MIRROR}/pool/main/z/zlib/zlib_1.3.orig.tar.gz.asc' zlib_1.3.orig.tar.gz.asc 9 SHA256:{"f" * 64}
'{MIRROR}/pool/main/z/zlib/zlib_1.3-1.debian.tar.xz' zlib_1.3-1.debian.tar.xz 50 SHA256:{"0" * 64}
I: success
"""


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Answer each query with the next of these outputs; an error is raised."""
    outputs: list[str] = []

    def run(*_: object, **__: object) -> bytes:
        output = outputs.pop(0)
        if output.startswith("E:"):
            raise failed(output)
        return output.encode()

    monkeypatch.setattr(apt_index, "run_process", run)
    return outputs


def ask(*mirrors: str, sources: tuple[str, ...] = ("zlib",)) -> apt_index.IndexAnswer:
    found = Mirrors(mirrors=mirrors or (MIRROR,))
    return ask_index(Suite(id="toy"), found, (ROOT, HEADERS), sources, lambda _: "")


def test_answer_has_packages_by_set(printed: list[str]) -> None:
    """Sorted, with epochs, tildes, paths below the mirror and the date of the index."""
    printed.append(ANSWER)
    answer = ask()
    demo, zlib = answer.sets[ROOT]
    assert (demo.title, demo.arch, demo.size) == ("demo 1.0~rc1-1", "all", 80)
    assert (zlib.title, zlib.sha256) == ("zlib1g 1:3+b1", "a" * 64)
    assert zlib.path == "pool/main/z/zlib/zlib1g_3+b1_s390x.deb"
    assert {package.vouched for package in (demo, zlib)} == {"signed:2026-11-21"}
    assert [package.title for package in answer.sets[HEADERS]] == ["libdemo-dev 2-1"]


def test_source_is_its_upstream_archive(printed: list[str]) -> None:
    """Patches and signatures are ignored; the version is that of the .dsc."""
    printed.append(ANSWER)
    source = ask().sources["zlib"]
    assert (source.title, source.arch, source.size) == ("zlib 1.3-1", SOURCE, 60)
    assert source.filename == "zlib_1.3.orig.tar.gz"


def test_source_without_upstream_archive_is_an_error(printed: list[str]) -> None:
    """Native packages of the distribution have none."""
    printed.append(
        ANSWER.replace(".orig.tar.gz'", ".tar.gz'").replace(" zlib_1.3.orig", " zlib_1.3")
    )
    with pytest.raises(UpstreamError, match="zlib does not have exactly one"):
        ask()


def test_incomplete_answer_is_an_error(printed: list[str]) -> None:
    """Another version of apt may print another format."""
    printed.append(ANSWER.partition("@set 2")[0])
    with pytest.raises(UpstreamError, match=r"output has another format.*apt_index\.py"):
        ask()


def test_first_mirror_with_a_valid_index_is_used(printed: list[str]) -> None:
    """The others are not queried."""
    printed += [UNAVAILABLE, ANSWER.replace(MIRROR, "http://two.test"), "E: never asked"]
    answer = ask("http://one.test", "http://two.test", "http://three.test")
    assert answer.sets[HEADERS][0].path == "pool/main/d/demo/libdemo-dev_2-1_s390x.deb"
    assert printed == ["E: never asked"]


def test_reasons_of_all_mirrors_are_reported(printed: list[str]) -> None:
    """With hosts, without passwords."""
    printed += [UNAVAILABLE, EXPIRED]
    with pytest.raises(UpstreamError) as caught:
        ask(MIRROR, "http://two.test/debian")
    assert str(caught.value) == (
        "the index of Debian toy for s390x at 127.0.0.1:8080: InRelease: 503 Service Unavailable; "
        "the index of Debian toy at two.test: it expired 324d ago"
    )


def test_missing_mirror_names_the_setting() -> None:
    """No program runs."""
    with pytest.raises(UpstreamError, match="set WHEELGRID_DEBIAN_MIRRORS"):
        ask_index(Suite(id="toy"), Mirrors(mirrors=()), (ROOT,), (), lambda _: "")


def test_unreachable_mirror_is_skipped(printed: list[str]) -> None:
    """Apt's timeout takes minutes."""
    printed.append(ANSWER)
    asked: list[str] = []

    def reach(address: str) -> str:
        asked.append(address)
        return "no answer (ConnectTimeout)" if len(asked) == 1 else ""

    found = Mirrors(mirrors=("http://one.test/debian", MIRROR))
    answer = ask_index(Suite(id="toy"), found, (ROOT, HEADERS), ("zlib",), reach)
    assert answer.sets.keys() == {ROOT, HEADERS}
    assert asked == [f"{m}/dists/toy/InRelease" for m in found.mirrors]
