"""Remedies and policies in words."""

import io

import pytest
from rich.console import Console

from harness.model import Outcome, Policy, Prediction, Stage
from harness.policies import Shift, Verified
from harness.remedies import Effect, Proposal, Remedy
from harness.report.policies import (
    format_policy,
    format_scope,
    format_verified,
    policies_markdown,
)
from harness.report.remedies import SIMULATED, print_effects

BOTH = Remedy(name="both-x86_64-linux-musl", catch="twice", variant="both-x86_64-linux-musl")
INSTALL = Remedy(name="install-rename", catch="declined", by_triplet={"x86_64-linux-musl": "r"})
HOSTILE = "\x1b[2Jowned"


def printed(*effects: Effect, impossible: tuple[tuple[str, str], ...] = ()) -> str:
    page = io.StringIO()
    proposal = Proposal(variants=(), remedies=(), impossible=impossible)
    print_effects(effects, proposal, Console(file=page, width=120))
    return page.getvalue()


def effect(remedy: Remedy, *, fixed: tuple[str, ...] = (), added: int = 0) -> Effect:
    return Effect(remedy=remedy, fixed=fixed, broken=(), added=added, run=0)


def test_a_row_a_remedy() -> None:
    """Each remedy has its counts, what it costs and its catch; targets are named once below."""
    text = printed(
        effect(BOTH, fixed=("alpine/x86_64", "alpine/aarch64"), added=20 << 10),
        effect(INSTALL, fixed=("alpine/x86_64", "alpine/aarch64")),
    )
    rows = [line.split() for line in text.splitlines()]
    assert rows[1] == ["both-x86_64-linux-musl", "2", "0", "0/2", "+20", "KiB", "twice"]
    assert rows[2] == ["install-rename", "2", "0", "0/2", "at", "install", "declined"]
    assert (
        "fixed by both-x86_64-linux-musl, install-rename: alpine/{x86_64,aarch64}"
        in text.splitlines()
    )


def test_what_is_simulated_is_said() -> None:
    """A wheel cannot hold a link: where one is proposed, the page says what was done instead."""
    assert SIMULATED in printed(effect(INSTALL))
    assert SIMULATED not in printed(effect(BOTH))


def test_reasons_cannot_act_on_the_terminal() -> None:
    """Symbols out of a wheel are shown, not obeyed."""
    assert "\x1b" not in printed(impossible=(("abi3", HOSTILE),))


def shift(target: str, before: Outcome, after: Outcome, wheel: str = "demo-1.0-x.whl") -> Shift:
    said = [Prediction(outcome=outcome, stage=Stage.IMPORT) for outcome in (before, after)]
    return Shift(policy="p", target=target, wheel=wheel, before=said[0], after=said[1])


POLICY = Policy(id="p", title="Somebody: other names", link="https://e.org", targets=("*",))
FIXED = shift("alpine/x86_64", Outcome.IMPORT_FAILED, Outcome.PASS)
BROKEN = shift("alpine/armv7l", Outcome.PASS, Outcome.IMPORT_FAILED, "other-2-x.whl")
SAME = shift("alpine/s390x", Outcome.PASS, Outcome.PASS)


def test_a_policy_in_words() -> None:
    """Counts of every effect, then the releases behind what moves."""
    assert format_policy(POLICY, [FIXED, BROKEN, SAME]).splitlines() == [
        "p: Somebody: other names",
        "  https://e.org",
        "  1 regressed, 1 fixed, 1 works as before, 0 fails as before",
        "  regressed: other 2: alpine/armv7l",
        "  fixed: demo 1.0: alpine/x86_64",
    ]


def test_a_page_of_policies() -> None:
    """One row a policy; only those under which something moves have a part of their own."""
    page = policies_markdown([(POLICY, [FIXED, BROKEN]), (POLICY, [SAME])], "Scope.")
    assert page.count("| [Somebody: other names](https://e.org) |") == 2
    assert page.count("## Somebody") == 1
    assert "| fixed | demo 1.0 | alpine/x86_64 |" in page


@pytest.mark.parametrize(("passports", "left"), [(1, "1 targets left out"), (2, "")])
def test_what_was_left_out(passports: int, left: str) -> None:
    """A target without a passport is not passed over in silence."""
    text = format_scope(releases=3, wheels=5, targets=["a/x86_64", "b/x86_64"], passports=passports)
    assert left in text
    assert bool(left) == ("--measure" in text)


def test_what_was_verified() -> None:
    """Agreement is counted; what went otherwise than predicted is spelt out."""
    good = Verified(shift=FIXED, on="later/x86_64", before=Outcome.CRASHED, after=Outcome.PASS)
    bad = Verified(shift=FIXED, on="later/x86_64", before=Outcome.PASS, after=Outcome.PASS)
    text = format_verified([good, bad])
    assert "1 of 2 went as predicted" in text
    assert text.count("later/x86_64 pass; predicted import-failed and pass") == 1
    assert "nothing shifts" in format_verified([])
