"""Checks as text and as JSON."""

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


def test_one_line_per_check_and_remedy() -> None:
    """Each line has status, name and detail; a failed check has its remedy below."""
    assert format_checks([FINE, GONE, SLOW]).splitlines() == [
        "ok      engine           docker 20.10",
        "not ok  emulation s390x  no binfmt_misc handler",
        "                         → run `wheelgrid doctor --fix`",
        "note    package index    no answer",
    ]


def test_no_checks_format_to_nothing() -> None:
    """Without checks the text is empty."""
    assert format_checks([]) == ""


def test_only_blocking_checks_decide_readiness() -> None:
    """Without the package index, cached wheels can still be probed."""
    assert is_ready([FINE, SLOW])
    assert not is_ready([FINE, GONE])


def test_json_has_every_field() -> None:
    """The JSON form has a version, the readiness and all fields."""
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
