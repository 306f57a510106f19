"""The cache carried to a machine without network."""

import os
from pathlib import Path

import pytest

from harness.images.debian_root import native_arch
from tests.support.commands import wheelgrid

pytestmark = pytest.mark.integration

CELLS = (
    *("--target", "debian-12", "--arch", native_arch().name, "--images", "assembled"),
    *("--subject", "markupsafe", "--subject", "cffi"),
)
NO_NETWORK = {
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy"), "http://127.0.0.1:9"),
    "https_proxy": "http://127.0.0.1:9",
    "NO_PROXY": "",
    "no_proxy": "",
}
"""Whatever is downloaded fails: nobody listens there."""


def test_a_carried_cache_is_all_that_a_run_needs(tmp_path: Path) -> None:
    """Built ahead, exported, imported elsewhere, run offline; an empty one lists what it lacks."""
    first, other, empty = ({"WHEELGRID_CACHE": str(tmp_path / name)} for name in "abc")
    built = wheelgrid("image", "build", "--all", *CELLS, env=first, timeout=300)
    assert (built.status, built.out.splitlines()[-1]) == (0, "wheels of 2 of 2 cells"), built.said
    exported = wheelgrid("cache", "export", tmp_path / "cache.tar", env=first)
    digest = exported.out.split()[-1]
    imported = wheelgrid("cache", "import", tmp_path / "cache.tar", "--digest", digest, env=other)
    assert imported.status == 0, imported.said

    kept = ("--store", tmp_path / "runs.db", "--out", tmp_path / "grid")
    words = ("run", "--offline", *CELLS, *kept)
    alone = wheelgrid(*words, env=other | NO_NETWORK, timeout=300)
    assert (alone.status, "2 of 2 cells as expected" in alone.out) == (0, True), alone.said
    lacking = wheelgrid(*words, env=empty | NO_NETWORK)
    assert lacking.status == 3
    said = lacking.err.splitlines()
    assert said[0].startswith("wheelgrid: offline: 2 things are missing; ")
    assert [line.partition(":")[0].rpartition("/")[2] for line in said[1:]] == [
        "markupsafe",
        "cffi",
    ]
    assert not os.environ.get("WHEELGRID_OFFLINE")
