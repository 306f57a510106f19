"""The table of ``.data/`` schemes agrees with the agent's own copy."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.probe.agent import installer
from harness.wheels.archive.data_schemes import SCHEMES, site_path, target_path


def test_agent_unpacks_where_the_table_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent moves what the table installs to site-packages, and the rest as pip's --target."""
    members = ["demo/__init__.py", *(f"demo-1.0.data/{scheme}/of_{scheme}" for scheme in SCHEMES)]
    wheel, site = tmp_path / "demo-1.0-py3-none-any.whl", tmp_path / "site"
    with zipfile.ZipFile(wheel, "w") as archive:
        for member in members:
            archive.writestr(member, "")

    def run_here(body: Callable[[list[str]], None], *_: object) -> None:
        body(["token"])

    monkeypatch.setattr(installer, "run_child", run_here)
    monkeypatch.setattr(installer, "sign", lambda *_: None)
    installer.unpack([str(wheel)], str(site), str(tmp_path), None)  # type: ignore[no-untyped-call]
    installed = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    in_site = {path for member in members if (path := site_path(member))}
    assert in_site == {"demo/__init__.py", "of_purelib", "of_platlib"}
    in_target = {path for member in members if (path := target_path(member))}
    assert in_target == {*in_site, "bin/of_scripts", "of_data"}
    assert installed == {*in_target, "demo-1.0.data/headers/of_headers"}
