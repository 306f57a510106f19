"""Where the matrix and the fixture projects are."""

from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.host import package_data
from harness.host.package_data import fixtures_folder, matrix_folder, require_own
from tests.support.commands import ROOT


def test_a_checkout_has_its_data_beside_the_package() -> None:
    assert matrix_folder() == ROOT / "matrix"
    assert fixtures_folder() == ROOT / "fixtures"


def test_the_installed_matrix_is_not_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The message has the commands that write a copy instead."""
    monkeypatch.setattr(package_data, "_INSTALLED", tmp_path / "data")
    require_own(tmp_path / "matrix", "--record")
    installed = tmp_path / "data" / "matrix"
    with pytest.raises(UsageError, match=rf"--record: .* `cp -r {installed} matrix`") as caught:
        require_own(installed, "--record")
    assert str(caught.value).endswith("--record with --matrix matrix")
