"""The table of ``.data/`` schemes agrees with the agent's own copy."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.core.observations import CELL_SITE
from harness.probe.agent import installer
from harness.probe.agent.installer import site_of
from harness.wheels.archive.data_schemes import SCHEMES, cell_path, site_path


def test_agent_unpacks_where_the_table_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent moves what the table installs to site-packages, and the rest as pip's --target.

    It puts data in ``lib`` above, where no name leads out of it.
    """
    members = ["demo/__init__.py", *(f"demo-1.0.data/{scheme}/of_{scheme}" for scheme in SCHEMES)]
    members += ["demo-1.0.data/data/lib/libx.so", "demo-1.0.data/platlib/lib/part.py"]
    wheel, site = tmp_path / "demo-1.0-py3-none-any.whl", Path(site_of(str(tmp_path)))  # type: ignore[no-untyped-call]
    with zipfile.ZipFile(wheel, "w") as archive:
        for member in (*members, "demo-1.0.data/data/lib/../out.so"):
            archive.writestr(member, "")

    def run_here(body: Callable[[list[str]], None], *_: object) -> None:
        body(["token"])

    monkeypatch.setattr(installer, "run_child", run_here)
    monkeypatch.setattr(installer, "sign", lambda *_: None)
    installer.unpack([str(wheel)], str(site), str(tmp_path), None)  # type: ignore[no-untyped-call]
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path != wheel]
    installed = {os.path.relpath(path, site) for path in files}
    in_site = {path for member in members if (path := site_path(member))}
    assert in_site == {
        *("demo/__init__.py", "of_purelib", "of_platlib", "lib/part.py"),
        "../../libx.so",
    }
    in_cell = {path for member in members if (path := cell_path(member))}
    assert in_cell == {*in_site, "bin/of_scripts", "of_data"}
    assert installed == {*in_cell, "demo-1.0.data/headers/of_headers"}


def test_messages_are_read_with_the_path_that_the_agent_installs_to() -> None:
    assert site_of("/tmp/cell") + "/" == CELL_SITE  # type: ignore[no-untyped-call]


def test_data_goes_where_it_lies_in_an_environment() -> None:
    """Nothing is named for the folder itself, and only ``lib`` is special."""
    placed = {
        "demo-1.0.data/data/lib/": "",
        "demo-1.0.data/data/lib/libx.so.1": "../../libx.so.1",
        "demo-1.0.data/data/lib64/libx.so": "",
        "demo-1.0.data/data/share/x": "",
        "demo-1.0.data/platlib/lib/x.so": "lib/x.so",
        "lib/x.so": "lib/x.so",
    }
    assert {name: site_path(name) for name in placed} == placed
    assert cell_path("demo-1.0.data/data/share/x") == "share/x"
