"""``check`` of a lock file: every dependency is installed with what the lock has for it."""

import json
from pathlib import Path

import pytest

from harness.images.debian_root import native_arch
from tests.support.commands import wheelgrid
from tests.support.loopback_index import LoopbackIndex, loopback_index
from tests.support.released import Releases, sha256

__all__ = ["loopback_index"]

pytestmark = pytest.mark.integration

NATIVE = native_arch().name


def test_dependencies_are_those_of_the_lock(loopback_index: LoopbackIndex, tmp_path: Path) -> None:
    """Versions, digests, markers and extras are the lock's; what it lacks is refused."""
    releases = Releases(loopback_index, tmp_path / "served")
    releases.folder.mkdir()
    asks = 'speedups; extra == "fast"'
    old = releases.add("helper", "1.0", asks, code="import speedups")
    releases.add("helper", "2.0", code="raise ImportError('too new')")
    fast = releases.add("speedups")
    demo = releases.add("demo", "1.0", "helper", code="import helper")
    lacks = releases.add("lacks", "1.0", "unlocked")
    releases.add("unlocked")
    lock = tmp_path / "requirements.txt"
    lock.write_text(
        f"demo==1.0 --hash=sha256:{sha256(demo)}\n"
        f"helper==1.0 \\\n    --hash=sha256:{sha256(old)}\n"
        f"speedups==1.0 --hash=sha256:{sha256(fast)}\n"
        f"lacks==1.0 --hash=sha256:{sha256(lacks)}\n"
        "colorama==0.4.6 ; sys_platform == 'win32'\n"
    )
    on = ("--images", "assembled", "--target", "debian-12", "--arch", NATIVE, "-n", "1")
    kept = ("--out", tmp_path / "grid", "--store", tmp_path / "store.db")
    ended = wheelgrid(
        "check", lock, *on, *kept, "--index-url", loopback_index.endpoint, timeout=300
    )
    assert ended.status == 0, ended.said
    cells = json.loads((tmp_path / "grid" / "run.json").read_text())["cells"]
    seen = {cell["subject"]: cell["observation"] for cell in cells}
    assert {name: each["outcome"] for name, each in seen.items()} == {
        "demo-1.0": "pass",
        "helper-1.0": "pass",
        "speedups-1.0": "pass",
        "lacks-1.0": "refused",
    }
    both = ["helper-1.0-py3-none-any.whl", "speedups-1.0-py3-none-any.whl"]
    assert seen["demo-1.0"]["companions"] == both
    assert seen["lacks-1.0"]["evidence"] == (
        "the lock file has no project unlocked (lacks 1.0 → unlocked)"
    )
