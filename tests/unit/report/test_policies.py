"""Effects of policies as text and Markdown."""

from harness.core.cells import Outcome, Stage
from harness.core.observations import Prediction
from harness.core.policy import Policy
from harness.core.subjects import IndexSource
from harness.predict.policy_effects import Shift, Verified
from harness.report.policies import (
    format_cost,
    format_policy,
    format_scope,
    format_verified,
    policies_markdown,
)

POLICY = Policy(id="some", title="Some: change", link="https://example.org", targets=("*",))
RELEASES = (IndexSource(name="demo", version="1.0"), IndexSource(name="other", version="2"))
COST = "It took little."


def shift(target: str, before: Outcome, after: Outcome, wheel: str = "demo-1.0-a-b-c.whl") -> Shift:
    predicted = [Prediction(outcome=outcome, stage=Stage.IMPORT) for outcome in (before, after)]
    return Shift(target=target, wheel=wheel, before=predicted[0], after=predicted[1])


FIXED = shift("alpine/x86_64", Outcome.IMPORT_FAILED, Outcome.PASS)
BROKEN = shift("debian/x86_64", Outcome.PASS, Outcome.IMPORT_FAILED, "other-2-a-b-c.whl")
SAME = shift("debian/x86_64", Outcome.CRASHED, Outcome.CRASHED)


def test_a_policy() -> None:
    """Counts per effect, then the affected wheels and targets."""
    assert format_policy(POLICY, [FIXED, BROKEN, SAME]) == (
        "some: Some: change\n"
        "  https://example.org\n"
        "  1 regressed, 1 fixed, 0 works as before, 1 fails as before\n"
        "  regressed: other 2: debian/x86_64\n"
        "  fixed: demo 1.0: alpine/x86_64\n"
    )


def test_a_page() -> None:
    """The table has the counts, a section the wheels, and the last line the bytes read."""
    page = policies_markdown([(POLICY, [FIXED, SAME])], "Much.", COST).splitlines()
    assert "| [Some: change](https://example.org) | 0 | 1 | 0 | 1 |" in page
    assert "| fixed | demo 1.0 | alpine/x86_64 |" in page
    assert page[-2:] == ["", COST]
    two = policies_markdown([(POLICY, [FIXED, BROKEN]), (POLICY, [SAME])], "Much.", COST)
    assert two.count("## Some: change") == 1
    assert any("subjects-150.txt" in line for line in page)
    other = policies_markdown([(POLICY, [FIXED, SAME])], "Much.", COST, "mine.txt")
    assert "The list is mine.txt." in other
    assert "150" not in other


def test_scope() -> None:
    """Releases with versions, and the number of targets left out."""
    whole = format_scope(releases=RELEASES, wheels=3, targets=["a/x86_64"], passports=1)
    assert whole == ("2 releases, 3 wheels that are chosen on 1 targets: demo 1.0, other 2.")
    less = format_scope(releases=RELEASES, wheels=3, targets=["a/x86_64", "b/x86_64"], passports=1)
    assert less.endswith(" 1 targets left out: no passport is recorded (--measure measures it).")


def test_cost() -> None:
    """Bytes read and total bytes; zero wheels cause no error."""
    assert format_cost(wheels=4, closer=1, size=200 << 20, read=5 << 20) == (
        "Of 4 wheels of 200.0 MiB, 5.0 MiB (2.5%) were read: names of all, the ELF files of "
        "the 1 that a policy shifts."
    )
    assert "Of 0 wheels of 0.0 MiB, 0.0 MiB were read" in format_cost(
        wheels=0, closer=0, size=0, read=0
    )


def test_verified() -> None:
    """Agreements are counted, disagreements listed with the prediction."""
    agreed = Verified(
        shift=FIXED, on="later/x86_64", before=Outcome.IMPORT_FAILED, after=Outcome.PASS
    )
    differs = Verified(shift=BROKEN, on="later/x86_64", before=Outcome.PASS, after=Outcome.PASS)
    assert format_verified([agreed, differs]) == (
        "  verified: 1 of 2 went as predicted, before and after\n"
        "    other-2-a-b-c.whl: debian/x86_64 pass, later/x86_64 pass; "
        "predicted pass and import-failed\n"
    )
    assert "no affected wheel" in format_verified([])
