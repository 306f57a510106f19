"""Remedies as text."""

import io

from harness.predict.remedies import Proposal, Remedy, RemedyEffect
from harness.report.console import Console
from harness.report.remedies import SIMULATED, print_effects

BOTH = Remedy(name="both-x86_64-linux-musl", catch="twice", variant="both-x86_64-linux-musl")
INSTALL = Remedy(name="install-rename", catch="declined", by_triplet={"x86_64-linux-musl": "r"})
HOSTILE = "\x1b[2Jowned"


def printed(*effects: RemedyEffect, impossible: tuple[tuple[str, str], ...] = ()) -> str:
    page = io.StringIO()
    proposal = Proposal(variants=(), remedies=(), impossible=impossible)
    print_effects(effects, proposal, Console(file=page, width=120))
    return page.getvalue()


def effect(remedy: Remedy, *, fixed: tuple[str, ...] = (), added: int = 0) -> RemedyEffect:
    return RemedyEffect(remedy=remedy, fixed=fixed, broken=(), added=added, run=0)


def test_a_row_per_remedy() -> None:
    """Counts, size and catch; targets are listed once below."""
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


def test_simulated_links_are_mentioned() -> None:
    """A wheel cannot contain a link."""
    assert SIMULATED in printed(effect(INSTALL))
    assert SIMULATED not in printed(effect(BOTH))


def test_reasons_are_escaped() -> None:
    assert "\x1b" not in printed(impossible=(("abi3", HOSTILE),))
