"""Tags folded and unfolded."""

from hypothesis import given
from hypothesis import strategies as st

from harness.passports.tagfold import fold_tags, unfold_tags
from tests.support.forecasts import GLIBC

PARTS = st.tuples(*map(st.sampled_from, (["cp311", "py3"], ["abi3", "none"], ["any", "linux_a"])))


@given(st.lists(PARTS.map("-".join)))
def test_round_trip(tags: list[str]) -> None:
    """Any list of tags unfolds to the same list, duplicates included."""
    assert list(unfold_tags(fold_tags(tags))) == tags


def test_equal_platform_lists_are_shared() -> None:
    """Consecutive pairs of Python and ABI with equal platforms share one list."""
    platforms = ("linux_s390x", "any")
    tags = [f"{abi}-{platform}" for abi in ("cp39-cp39", "cp39-abi3") for platform in platforms]
    assert fold_tags(tags).runs == ((("cp39-cp39", "cp39-abi3"), platforms),)
    assert len(fold_tags(GLIBC.tags).runs) < len(GLIBC.tags)
