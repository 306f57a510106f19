"""Hostile frames: an answer of another shape is an ``AnswerError`` and nothing else."""

import json
from typing import Any

import pytest

from harness.core.causes import Cause
from harness.core.cells import Outcome, Stage
from harness.probe.answers import (
    EVIDENCE_KEPT,
    LOG_KEPT,
    MAX_BLOB,
    AnswerError,
    CompileAnswer,
    HelloAnswer,
    InstallAnswer,
    ProbeAnswer,
    read_answer,
)
from tests.support.answers import HELLO

REPORT = {"outcome": "pass", "stage": "call", "cause": "", "evidence": "", "log": ""}
PROBE = {**REPORT, "token": "t", "turn": 0, "clean": True, "seconds": 0.5}


def changed(answer: dict[str, Any], **fields: object) -> bytes:
    return json.dumps({**answer, **fields}).encode()


def test_answer_of_the_schema() -> None:
    """A well-formed answer is read into its types."""
    answer = read_answer(ProbeAnswer, changed(PROBE, outcome="crashed", cause="signal"))
    assert (answer.outcome, answer.stage) == (Outcome.CRASHED, Stage.CALL)
    assert (answer.cause, answer.blobs) == (Cause.SIGNAL, ())
    assert read_answer(HelloAnswer, changed(HELLO)).elf.machine == 62
    signed = {name: PROBE[name] for name in ("token", "turn", "clean", "seconds")}
    assert read_answer(InstallAnswer, changed(signed)).report is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("outcome", "passed"),
        ("outcome", ["pass"]),
        ("stage", ""),
        ("cause", "infra:unknown"),
        ("cause", None),
        ("evidence", 1),
        ("evidence", ["x"]),
        ("log", {"x": 1}),
        ("token", "t" * 501),
        ("turn", -1),
        ("turn", 1.5),
        ("turn", 1 << 64),
        ("turn", "one"),
        ("turn", "0"),
        ("turn", True),
        ("clean", "yes"),
        ("clean", 1),
        ("seconds", -1),
        ("seconds", 1e7),
        ("seconds", "0.5"),
        ("seconds", True),
        ("seconds", 1 << 4096),
        ("blobs", [-1]),
        ("blobs", ["1"]),
        ("blobs", [MAX_BLOB + 1]),
        ("blobs", [1, 1]),
        ("blobs", 1),
        ("extra", 1),
    ],
)
def test_field_of_another_shape(field: str, value: object) -> None:
    """A wrong type, an unknown word, a number out of range or an extra key names its field."""
    with pytest.raises(AnswerError, match=f"^{field}"):
        read_answer(ProbeAnswer, changed(PROBE, **{field: value}))


@pytest.mark.parametrize("field", PROBE)
def test_missing_field(field: str) -> None:
    """Every field is required."""
    with pytest.raises(AnswerError, match=f"{field}: Field required"):
        read_answer(ProbeAnswer, changed({k: v for k, v in PROBE.items() if k != field}))


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"null",
        b"[]",
        b'"token"',
        b"{",
        b"\xff\xfe{",
        changed(PROBE) + b"{}",
        changed(PROBE, **{"\ud800": 1}),
        changed(PROBE, seconds=float("nan")),
        changed(PROBE, seconds=float("inf")),
        changed(PROBE, seconds=float("-inf")),
        changed(PROBE).replace(b"0.5", b"1e999"),
        changed(PROBE).replace(b"0.5", b"9" * 10_000),
        b"[" * 500_000,
        b'{"token":' * 100_000,
        changed(PROBE).replace(b'"t"', b"[" * 900 + b"]" * 900),
    ],
    ids=lambda frame: repr(frame[:30])[2:-1],
)
def test_frame_of_another_shape(frame: bytes) -> None:
    """No JSON, JSON of another shape, NaN and infinities, endless digits and deep nesting."""
    with pytest.raises(AnswerError) as caught:
        read_answer(ProbeAnswer, frame)
    str(caught.value).encode()


def test_lone_surrogates_are_escaped() -> None:
    """What an answer says can be stored in any encoding of Unicode."""
    answer = read_answer(ProbeAnswer, changed(PROBE, evidence="a\ud800", log="\udfff"))
    assert (answer.evidence, answer.log) == ("a\\ud800", "\\udfff")
    hello = read_answer(HelloAnswer, changed(HELLO, tags=["\ud800"], failed="\udc80"))
    assert (hello.tags, hello.failed) == (("\\ud800",), "\\udc80")


def test_long_text_is_cut() -> None:
    """Evidence and log are kept up to their limits."""
    answer = read_answer(ProbeAnswer, changed(PROBE, evidence="e" * 10_000, log="l" * 100_000))
    assert (len(answer.evidence), len(answer.log)) == (EVIDENCE_KEPT, LOG_KEPT)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tags", ["x"] * 10_001),
        ("tags", "py3-none-any"),
        ("tags", ["x" * 501]),
        ("extension_suffixes", [1]),
        ("elf", {"machine": 62, "bits": 64, "little": True, "more": 1}),
        ("elf", {"machine": -1, "bits": 64, "little": True}),
        ("page_size", 1 << 41),
        ("externally_managed", 0),
        ("lacks", "tkinter"),
        ("lacks", ["a"] * 10_001),
        ("enforced", {"status": []}),
        ("enforced", None),
    ],
)
def test_hello_of_another_shape(field: str, value: object) -> None:
    """Lists that are too long and nested objects of another shape name their field."""
    with pytest.raises(AnswerError, match=f"^{field}"):
        read_answer(HelloAnswer, changed(HELLO, **{field: value}))


def test_answer_to_another_request() -> None:
    """An answer to one request is none to another."""
    with pytest.raises(AnswerError):
        read_answer(CompileAnswer, changed(PROBE))
    with pytest.raises(AnswerError):
        read_answer(InstallAnswer, changed(PROBE))
