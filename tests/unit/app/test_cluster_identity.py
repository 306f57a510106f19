"""What a worker of a cluster says of itself."""

import shutil
from pathlib import Path

from harness.app.cluster_identity import WorkerIdentity, own_identity, refusal, served
from harness.host.package_data import matrix_folder

OURS = WorkerIdentity(harness="1.0+aa", matrix="bb")


def test_resources_name_the_arches_and_both_versions() -> None:
    """They are read back; resources of others are not."""
    resources = OURS.resources(["x86_64", "s390x"]) | {"GPU": 2.0, "wheelgrid": 1.0}
    assert served(resources) == {"x86_64": OURS, "s390x": OURS}
    assert served({"GPU": 2.0}) == {}


def test_refusals_name_both_versions() -> None:
    """The same harness and matrix are taken."""
    assert refusal(OURS, OURS) == ""
    newer = WorkerIdentity(harness="1.1+cc", matrix="bb")
    assert refusal(newer, OURS) == "it has harness 1.1+cc, this run has 1.0+aa"
    other = WorkerIdentity(harness="1.0+aa", matrix="dd")
    assert refusal(other, OURS) == "it has matrix dd, this run has bb"
    assert refusal(None, OURS) == "it was not started by `wheelgrid worker`"


def test_the_matrix_is_known_by_its_content(tmp_path: Path) -> None:
    """A copy is the same; one other byte is not."""
    copy = tmp_path / "matrix"
    shutil.copytree(matrix_folder(), copy)
    ours = own_identity(matrix_folder())
    assert own_identity(copy) == ours
    with (copy / "targets.yaml").open("a") as stream:
        stream.write("\n")
    changed = own_identity(copy)
    assert (changed.harness, changed.matrix != ours.matrix) == (ours.harness, True)
