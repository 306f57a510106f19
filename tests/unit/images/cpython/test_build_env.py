"""Build environments: errors of commands and their logs."""

from pathlib import Path

import pytest

from harness.core.arches import find_arch
from harness.core.errors import BuildError
from harness.host.cache import Cache, CacheError
from harness.host.process import run_process
from harness.images.cpython.build_env import logged, open_build_env

X86_64 = find_arch("x86_64")


def test_compile_error_has_tail_and_log_path(tmp_path: Path) -> None:
    """The log has the full output of the compiler."""
    build_env = open_build_env(tmp_path / "work", X86_64, "musl", Cache(tmp_path))
    source = tmp_path / "bad.c"
    source.write_text("int main(void) { return nothing_of_that_name; }\n")
    with pytest.raises(BuildError) as raised, logged("demo 1.0 x86_64", Cache(tmp_path)):
        run_process(("cc", source), timeout=60, cwd=tmp_path, env=build_env.env, merge=True)
    log = tmp_path / "logs/demo-1.0-x86_64.log"
    assert str(raised.value).endswith(f"full log: {log}")
    assert "demo 1.0 x86_64 does not compile" in str(raised.value)
    assert "undeclared identifier 'nothing_of_that_name'" in str(raised.value)
    assert "nothing_of_that_name" in log.read_text()


def test_unwritable_log_is_a_cache_error(tmp_path: Path) -> None:
    """A full disk is reported."""
    (tmp_path / "logs").write_text("a file where the folder should be")
    with pytest.raises(CacheError, match="set WHEELGRID_CACHE"), logged("demo", Cache(tmp_path)):
        run_process(("false",), timeout=60, merge=True)
