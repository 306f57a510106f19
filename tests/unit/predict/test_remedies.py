"""Remedies of wheels whose module names some targets do not read."""

import io
from pathlib import Path

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from harness.core.cells import Outcome
from harness.core.errors import UsageError
from harness.core.passport import Passport
from harness.predict.remedies import (
    UNCHANGED,
    Proposal,
    RemedyEffect,
    common_modules,
    predict_all,
    propose,
    remedy_effects,
    select_remedies,
    targets_that_differ,
    triplet_of,
)
from harness.wheels.archive.contents import WheelFacts, read_contents
from harness.wheels.archive.rewrite import WheelBytes
from tests.support.elves import module
from tests.support.passports import make_passport
from tests.support.wheels import write_demo

CORE = module("_core")
MODULE = "demo/_core.cpython-39-x86_64-linux-gnu.so"
GNU, MUSL = "x86_64-linux-gnu", "x86_64-linux-musl"
MUSLLINUX = ("cp39-cp39-musllinux_1_1_x86_64", "cp39-abi3-musllinux_1_1_x86_64")


def passport(*suffixes: str, tags: tuple[str, ...] = MUSLLINUX) -> Passport:
    """Return the passport of an interpreter with those suffixes and plain ``.so``."""
    names = tuple(f".cpython-39-{triplet}.so" for triplet in suffixes)
    return make_passport(
        "x86_64",
        python="3.9.2",
        triplet=suffixes[0],
        extension_suffixes=(*names, ".abi3.so", ".so"),
        tags=tags,
        libc="",
    )


def read(wheel: WheelBytes) -> WheelFacts:
    return read_contents(wheel.filename, io.BytesIO(wheel.data))


TARGETS = {
    "docker/x86_64": passport(GNU),
    "alpine-ga/x86_64": passport(MUSL),
    "alpine/x86_64": passport(MUSL, GNU),
    "alpine-old-pip/x86_64": passport(MUSL, tags=("cp39-cp39-linux_x86_64",)),
}


def init_of(name: str) -> bytes:
    """Return an ELF file with the init function of that member."""
    return module(Path(name).name.partition(".")[0])


def made(folder: Path, *names: str, data: bytes = CORE) -> WheelBytes:
    members = ((name, data or init_of(name)) for name in names)
    path = write_demo(folder, *members, ("demo/__init__.py", b""))
    return WheelBytes(filename=path.name, data=path.read_bytes())


HELD = st.sets(
    st.builds(
        "demo/{}{}".format,
        st.sampled_from(["_a", "_b", "sub/_a"]),
        st.sampled_from(
            [f".cpython-39-{GNU}.so", f".cpython-39-{MUSL}.so", f".abi3-{MUSL}.so", ".abi3.so",
             ".so", ".libs.so.1"]
        ),
    ),
    min_size=1,
    max_size=6,
)  # fmt: skip


def contents(facts: WheelFacts) -> dict[str, int]:
    """Return the sizes of members by name, without metadata."""
    return {m.name: m.size for m in facts.members if ".dist-info/" not in m.name}


def stems(facts: WheelFacts) -> set[str]:
    """Return the modules without their suffixes."""
    return {name.partition(".")[0] for name in contents(facts)}


@given(held=HELD)
@settings(max_examples=60)
def test_remedy_changes_only_names_or_tags(
    held: set[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """For any wheel a remedy changes only the names or tags that it is about."""
    proposal = propose(
        [made(tmp_path_factory.mktemp("wheel"), *sorted(held), data=b"")], TARGETS, read
    )
    ((before,), variants) = proposal.variants[0].facts, proposal.variants[1:]
    for name, (after,) in ((variant.name, variant.facts) for variant in variants):
        kind = name.partition("-")[0]
        kept, new = contents(before), contents(after)
        held_by = {Path(n.name).name.partition(".")[0]: n.elf for n in before.native}
        assert all(held_by[Path(n.name).name.partition(".")[0]] == n.elf for n in after.native)
        assert stems(after) == stems(before), name
        assert (after.generator, after.requires_dist) == (before.generator, before.requires_dist)
        if kind not in ("abi3", "retag"):
            assert after.name == before.name, name
        match kind:
            case "retag":
                assert new == kept
            case "both":
                assert kept.items() < new.items()
            case _:
                assert len(new) == len(kept), name
                untouched = {n for n in kept if "-linux-" not in n}
                assert untouched <= set(new), name


@given(held=HELD)
@settings(max_examples=60)
def test_a_second_name_breaks_nothing(
    held: set[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Both names, in the wheel or by a link at install, break no target."""
    proposal = propose(
        [made(tmp_path_factory.mktemp("wheel"), *sorted(held), data=b"")], TARGETS, read
    )
    predictions = predict_all(proposal, TARGETS, lambda _: frozenset())
    for effect in remedy_effects(proposal, TARGETS, predictions, {}):
        event(f"{effect.remedy.name.partition('-')[0]} fixes {len(effect.fixed)}")
        if effect.remedy.name.startswith(("both-", "install-symlink")):
            assert effect.broken == (), effect.remedy.name


def effects_of(
    proposal: Proposal, observed: dict[tuple[str, str], Outcome]
) -> dict[str, RemedyEffect]:
    predictions = predict_all(proposal, TARGETS, lambda _: frozenset(), ("demo._core",))
    effects = remedy_effects(proposal, TARGETS, predictions, observed)
    return {effect.remedy.name: effect for effect in effects}


def test_both_names_fix_without_breaking(tmp_path: Path) -> None:
    """Both names fix targets and break none; a rename fixes one and breaks the other.

    pypa/pip#10678. A pip that refuses the tag is not helped by any name.
    """
    effects = effects_of(propose([made(tmp_path, MODULE)], TARGETS, read), {})
    ga, docker = ("alpine-ga/x86_64",), ("docker/x86_64",)
    assert {name: (e.fixed, e.broken) for name, e in effects.items()} == {
        "both-x86_64-linux-musl": (ga, ()),
        "bare": (ga, ()),
        "abi3": (ga, ()),
        "rename-x86_64-linux-musl": (ga, docker),
        "install-rename": (ga, ()),
        "install-symlink": (ga, ()),
    }
    assert list(effects)[-1] == "rename-x86_64-linux-musl"
    assert effects["install-rename"].added == 0
    assert effects["both-x86_64-linux-musl"].added > 200


def test_remedies_at_install(tmp_path: Path) -> None:
    """A rename at install gives each target its suffix, or nothing if the wheel has it."""
    proposal = propose([made(tmp_path, MODULE)], TARGETS, read)
    (remedy,) = (r for r in proposal.remedies if r.name == "install-rename")
    assert remedy.on(TARGETS["docker/x86_64"]) == UNCHANGED
    assert remedy.on(TARGETS["alpine/x86_64"]) == "rename-x86_64-linux-musl"


def test_targets_that_differ(tmp_path: Path) -> None:
    """Targets that read both names or refuse the wheel do not differ."""
    proposal = propose([made(tmp_path, MODULE)], TARGETS, read)
    predictions = predict_all(proposal, TARGETS, lambda _: frozenset(), ("demo._core",))
    assert set(targets_that_differ(predictions)) == {"docker/x86_64", "alpine-ga/x86_64"}


def test_observation_overrides_prediction(tmp_path: Path) -> None:
    """An observation replaces the prediction; a miss does not."""
    cell = ("alpine-ga/x86_64", "bare")
    proposal = propose([made(tmp_path, MODULE)], TARGETS, read)
    failed = effects_of(proposal, {cell: Outcome.CRASHED})
    assert failed["bare"].fixed == ()
    seen = effects_of(proposal, {cell: Outcome.PASS})["bare"]
    assert (seen.fixed, seen.run) == (("alpine-ga/x86_64",), 1)
    missed = effects_of(proposal, {cell: Outcome.MISS})["bare"]
    assert (missed.fixed, missed.run) == (("alpine-ga/x86_64",), 0)


def test_impossible(tmp_path: Path) -> None:
    """A change without effect is impossible and no remedy."""
    proposal = propose([made(tmp_path, MODULE)], TARGETS, read)
    assert dict(proposal.impossible) == {"retag": "changes nothing in the wheel"}


def test_wheel_with_both_names(tmp_path: Path) -> None:
    """A wheel with both names needs no other triplet."""
    wheel = made(tmp_path, MODULE, MODULE.replace("gnu", "musl"))
    names = {remedy.name for remedy in propose([wheel], TARGETS, read).remedies}
    assert names == {"bare", "abi3"}


def test_select_remedies(tmp_path: Path) -> None:
    """Remedies are selected by name or kind; unused variants are left out."""
    proposal = propose([made(tmp_path, MODULE)], TARGETS, read)
    assert select_remedies(proposal, []) == proposal
    chosen = select_remedies(proposal, ["both", "install-symlink"])
    assert [remedy.name for remedy in chosen.remedies] == [
        "both-x86_64-linux-musl",
        "install-symlink",
    ]
    assert [v.name for v in chosen.variants] == [UNCHANGED, "both-x86_64-linux-musl"]
    with pytest.raises(UsageError, match="no remedy is called 'bear'; did you mean 'bare'"):
        select_remedies(proposal, ["bear"])


def test_common_modules(tmp_path: Path) -> None:
    """The modules that every wheel has, as dotted names."""
    below = "demo-1.0.data/platlib/extra/_x.cpython-39-x86_64-linux-gnu.so"
    (tmp_path / "one").mkdir()
    both = propose([made(tmp_path, MODULE, below), made(tmp_path / "one", MODULE)], TARGETS, read)
    assert common_modules(both.variants[0].facts) == ("demo._core",)
    assert common_modules(both.variants[0].facts[:1]) == ("demo._core", "extra._x")


@pytest.mark.parametrize(
    ("suffix", "triplet"),
    [
        (".cpython-39-arm-linux-musleabihf.so", "arm-linux-musleabihf"),
        (".cpython-313t-x86_64-linux-gnu.so", GNU),
        (".abi3-x86_64-linux-gnu.so", GNU),
        (".abi3.so", ""),
        (".so", ""),
    ],
)
def test_triplet_of(suffix: str, triplet: str) -> None:
    """The triplet follows the hyphen after the version."""
    assert triplet_of(suffix) == triplet
