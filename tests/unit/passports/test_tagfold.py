"""Tags folded and unfolded."""

from hypothesis import given
from hypothesis import strategies as st

from harness.passports.tagfold import fold_tags, unfold_tags
from tests.support.forecasts import GLIBC

PARTS = st.tuples(*map(st.sampled_from, (["cp311", "py3"], ["abi3", "none"], ["any", "linux_a"])))


@given(st.lists(PARTS.map("-".join)))
def test_there_and_back(tags: list[str]) -> None:
    """Any list of tags comes back in its order, what stands twice as well."""
    assert list(unfold_tags(fold_tags(tags))) == tags


def test_what_it_is_for() -> None:
    """Pythons and ABIs that take the same platforms in a row share one list of them."""
    platforms = ("linux_s390x", "any")
    tags = [f"{abi}-{platform}" for abi in ("cp39-cp39", "cp39-abi3") for platform in platforms]
    assert fold_tags(tags).runs == ((("cp39-cp39", "cp39-abi3"), platforms),)
    assert len(fold_tags(GLIBC.tags).runs) < len(GLIBC.tags)
