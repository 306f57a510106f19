"""Checks as people and as programs read them."""

import json

from harness.host.doctor.check import Check, MachinePart, checks_json, format_checks, is_ready

FINE = Check(part=MachinePart.ENGINE, name="engine", ok=True, detail="docker 20.10")
GONE = Check(
    part=MachinePart.EMULATION,
    name="emulation s390x",
    ok=False,
    detail="no binfmt_misc handler",
    remedy="run `wheelgrid doctor --fix`",
)
SLOW = Check(
    part=MachinePart.NETWORK, name="package index", ok=False, detail="no answer", blocking=False
)


def test_one_line_per_check_and_the_remedy_below_it() -> None:
    """A line says verdict, name, what was seen; one that is not ok says how to mend it."""
    assert format_checks([FINE, GONE, SLOW]).splitlines() == [
        "ok      engine           docker 20.10",
        "not ok  emulation s390x  no binfmt_misc handler",
        "                         → run `wheelgrid doctor --fix`",
        "note    package index    no answer",
    ]


def test_no_checks_are_no_text() -> None:
    """An empty row of checks formats to nothing."""
    assert format_checks([]) == ""


def test_only_blocking_checks_decide_whether_a_run_can_start() -> None:
    """Without the package index what the cache holds can still be probed."""
    assert is_ready([FINE, SLOW])
    assert not is_ready([FINE, GONE])


def test_json_has_every_field_and_the_verdict() -> None:
    """The JSON form is versioned and loses nothing."""
    document = json.loads(checks_json([FINE, GONE]))
    assert (document["schema"], document["ready"]) == (1, False)
    assert document["checks"][1] == {
        "part": "emulation",
        "name": "emulation s390x",
        "ok": False,
        "detail": "no binfmt_misc handler",
        "remedy": "run `wheelgrid doctor --fix`",
        "blocking": True,
    }
