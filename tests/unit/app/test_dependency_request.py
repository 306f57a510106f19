"""What a command line says about dependencies."""

from pathlib import Path

import pytest

from harness.app.dependency_request import read_dependency_options
from harness.core.errors import UsageError, WheelError
from tests.support.wheels import make_wheel


def test_wheels_and_constraints(tmp_path: Path) -> None:
    """Every wheel of the folders, and the lines of the file without comments."""
    siblings = tmp_path / "siblings"
    siblings.mkdir()
    wheels = [make_wheel(siblings, name, "") for name in ("one", "two")]
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("# pinned\n\nnumpy<2  # not yet\nscipy==1.16; python_version > '3'\n")
    options = read_dependency_options(find_links=[siblings], constraint=constraints)
    assert options.files == tuple(map(str, wheels))
    assert options.constraints == ("numpy<2", "scipy==1.16; python_version > '3'")
    assert not options.locked


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("-r other.txt", "options such as '-r' are not supported"),
        ("numpy ? 2", "'numpy ? 2' does not parse"),
        ("numpy @ https://example.org/numpy.whl", "neither an address nor extras"),
        ("numpy[fast]<2", "neither an address nor extras"),
    ],
)
def test_bad_constraint(tmp_path: Path, line: str, fault: str) -> None:
    """All bad lines are named with their number and an example."""
    path = tmp_path / "constraints.txt"
    path.write_text(f"six\n{line}\n{line}\n")
    with pytest.raises(UsageError) as caught:
        read_dependency_options(find_links=(), constraint=path)
    lines = str(caught.value).splitlines()
    assert [each.partition(": ")[0] for each in lines] == [f"{path}:2", f"{path}:3"]
    assert all(fault in each and "like numpy<2" in each for each in lines)


def test_missing_files(tmp_path: Path) -> None:
    """A folder or file that does not exist or holds nothing is a usage error."""
    (tmp_path / "empty").mkdir()
    for folder, fault in (("empty", "no .whl file"), ("nowhere", "no such folder")):
        with pytest.raises(UsageError, match=fault):
            read_dependency_options(find_links=[tmp_path / folder], constraint=None)
    with pytest.raises(UsageError, match="cannot be read"):
        read_dependency_options(find_links=(), constraint=tmp_path / "nowhere.txt")
    (tmp_path / "empty" / "odd.whl").touch()
    with pytest.raises(WheelError, match=r"odd\.whl"):
        read_dependency_options(find_links=[tmp_path / "empty"], constraint=None)
