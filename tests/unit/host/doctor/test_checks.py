"""Checks of the engine, the disk and the tools."""

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


def test_engine_checks_report_version_storage_and_limits() -> None:
    """A suitable engine gives three checks that are ok."""
    engine, storage, limits = checks.engine_checks(INFO)
    assert engine.detail == "docker 20.10.24 (API 1.41) on x86_64, kernel 6.1.0"
    assert (storage.detail, limits.detail) == ("overlay2", "memory, pids, cpu")
    assert engine.ok
    assert storage.ok
    assert limits.ok


def test_unenforceable_limits_are_named() -> None:
    """Without the pids controller a fork bomb is not contained."""
    *_, limits = checks.engine_checks(replace(INFO, limits=frozenset({"memory"})))
    assert (limits.ok, limits.detail) == (False, "cannot enforce: pids, cpu")


def test_vfs_storage_is_reported_as_slow() -> None:
    """The vfs driver copies every layer for every container."""
    _, storage, _ = checks.engine_checks(replace(INFO, storage_driver="vfs"))
    assert not storage.ok


def test_missing_engine_is_one_check_with_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A DOCKER_HOST without an engine neither hangs nor raises."""
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    (check,) = check_engine()
    assert not check.ok
    assert "DOCKER_HOST=tcp://127.0.0.1:1" in check.detail
    assert "unset it" in check.remedy


def test_missing_mmdebstrap_does_not_block(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The remedy names the registry way."""
    monkeypatch.setenv("PATH", str(tmp_path))
    check = check_assembler()
    assert (check.ok, check.blocking) == (False, False)
    assert "--images registry" in check.remedy


def test_missing_make_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Replicas cannot be built without make."""
    (tmp_path / "mmdebstrap").write_text("#!/bin/sh\necho mmdebstrap 1.3.5\n")
    (tmp_path / "mmdebstrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(checks, "KEYRINGS", tmp_path)
    (tmp_path / "debian-archive-keyring.gpg").touch()
    check = check_assembler()
    assert not check.ok
    assert check.detail == "no make: no replica can be built"


def test_zig_reports_its_version() -> None:
    """Zig is a dependency, so it is always installed."""
    check = check_compiler()
    assert check.ok
    assert check.detail[0].isdigit()


def test_free_space_of_a_missing_folder_is_its_parents(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The nearest existing parent decides."""
    future = tmp_path / "not" / "yet"
    assert str(future) in check_disk("cache", future).detail
    monkeypatch.setattr(checks, "ROOMY", 1 << 62)
    assert not check_disk("cache", future).ok
