"""What is concluded about an engine, a disk and a machine without either."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.host.doctor import checks
from harness.host.doctor.checks import check_assembler, check_compiler, check_disk, check_engine
from harness.host.engine.api import EngineInfo

INFO = EngineInfo(
    version="20.10.24",
    api_version="1.41",
    storage_driver="overlay2",
    arch="x86_64",
    kernel="6.1.0",
    limits=frozenset({"memory", "pids", "cpu"}),
    rootless=False,
)


def test_an_engine_that_answers_tells_version_storage_and_limits() -> None:
    """Three lines, all ok, for an engine that can do what probing needs."""
    engine, storage, limits = checks.judge_engine(INFO)
    assert engine.detail == "docker 20.10.24 (API 1.41) on x86_64, kernel 6.1.0"
    assert (storage.detail, limits.detail) == ("overlay2", "memory, pids, cpu")
    assert engine.ok
    assert storage.ok
    assert limits.ok


def test_limits_that_cannot_be_enforced_are_named() -> None:
    """A fork bomb in a wheel is not held where the kernel has no pids controller."""
    *_, limits = checks.judge_engine(replace(INFO, limits=frozenset({"memory"})))
    assert (limits.ok, limits.detail) == (False, "cannot enforce: pids, cpu")


def test_copying_storage_is_said_to_be_slow() -> None:
    """The vfs driver copies every layer of every container."""
    _, storage, _ = checks.judge_engine(replace(INFO, storage_driver="vfs"))
    assert not storage.ok


def test_no_engine_is_one_line_with_the_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A DOCKER_HOST where nobody listens is named, and nothing hangs or raises."""
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    (check,) = check_engine()
    assert not check.ok
    assert "DOCKER_HOST=tcp://127.0.0.1:1" in check.detail
    assert "unset it" in check.remedy


def test_without_mmdebstrap_images_can_still_be_pulled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its absence does not block a run, and the way around it is named."""
    monkeypatch.setenv("PATH", str(tmp_path))
    check = check_assembler()
    assert (check.ok, check.blocking) == (False, False)
    assert "--images registry" in check.remedy


def test_without_make_replicas_cannot_be_built(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A machine that assembles images and has no make says what that costs."""
    (tmp_path / "mmdebstrap").write_text("#!/bin/sh\necho mmdebstrap 1.3.5\n")
    (tmp_path / "mmdebstrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(checks, "KEYRINGS", tmp_path)
    (tmp_path / "debian-archive-keyring.gpg").touch()
    check = check_assembler()
    assert not check.ok
    assert check.detail == "no make: no replica can be built"


def test_zig_is_there_and_tells_its_version() -> None:
    """The compiler comes with the package, so it runs wherever the harness does."""
    check = check_compiler()
    assert check.ok
    assert check.detail[0].isdigit()


def test_free_space_is_measured_where_the_folder_will_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A cache that does not exist yet lives on the disk of its nearest parent."""
    future = tmp_path / "not" / "yet"
    assert str(future) in check_disk("cache", future).detail
    monkeypatch.setattr(checks, "ROOMY", 1 << 62)
    assert not check_disk("cache", future).ok
