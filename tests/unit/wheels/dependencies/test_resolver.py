"""The resolver: which wheels an installer adds, and why a dependency is refused."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from harness.core.errors import PackageIndexError
from harness.wheels.dependencies import resolver
from harness.wheels.dependencies.marker_environment import marker_environment
from harness.wheels.dependencies.offers import OfferedWheel
from harness.wheels.dependencies.requirements import Wanted
from harness.wheels.dependencies.resolver import DependencyRefusedError, Installable, resolve
from harness.wheels.dependencies.selection import TargetInstaller
from harness.wheels.index.lock import LockedWheel
from tests.support.offers import Offer, Shelf, files_of
from tests.support.passports import make_passport

GLIBC = "cp311-cp311-manylinux_2_17_{}"
MUSL = "cp311-cp311-musllinux_1_2_{}"
ANY = "py3-none-any"
Offers = Mapping[str, Mapping[str, Offer]]


def installer(
    machine: str = "x86_64", libc: str = GLIBC, *, strict: bool = True
) -> TargetInstaller:
    """Return an installer that accepts two tags: its own, and any platform."""
    passport = make_passport(
        machine=machine, tags=(libc.format(machine), ANY), implementation="CPython"
    )
    return TargetInstaller(
        environment=marker_environment(passport),
        tags=passport.tags,
        python=passport.python,
        strict=strict,
    )


def solve(
    offers: Offers,
    *requires: str,
    at: TargetInstaller | None = None,
    companions: Sequence[str] = (),
    constraints: Sequence[str] = (),
) -> list[str]:
    """Return the files that a wheel with these requirements gets."""
    wheel = LockedWheel(filename=f"demo-1.0-{ANY}.whl", sha256="0" * 64)
    subject = Installable(
        project="demo",
        extra="",
        version=Version("1.0"),
        offered=OfferedWheel(wheel=wheel),
        requires=requires,
        chain=("demo 1.0",),
    )
    beside = [
        Wanted(project=name, specifier=SpecifierSet(f"=={version}"), text=pin, chain=())
        for pin in companions
        for name, version in [pin.split("==")]
    ]
    return files_of(resolve(subject, beside, constraints, Shelf(offers), at or installer()))


NEWER = {"1.0": Offer(), "2.0": Offer()}

RESOLVED: dict[str, tuple[Offers, tuple[str, ...], list[str]]] = {
    "nothing": ({}, (), []),
    "newest": ({"a": NEWER}, ("a",), [f"a-2.0-{ANY}"]),
    "bounded": ({"a": NEWER}, ("a<2",), [f"a-1.0-{ANY}"]),
    "two bounds": ({"a": NEWER}, ("a<3", "a!=2.0"), [f"a-1.0-{ANY}"]),
    "chain": (
        {"a": {"1.0": Offer(requires=("b>=1",))}, "b": NEWER},
        ("a",),
        [f"a-1.0-{ANY}", f"b-2.0-{ANY}"],
    ),
    "circle": (
        {"a": {"1.0": Offer(requires=("b",))}, "b": {"1.0": Offer(requires=("a>=1", "demo"))}},
        ("a",),
        [f"a-1.0-{ANY}", f"b-1.0-{ANY}"],
    ),
    "conflict of the newest": (
        {"a": {"1.0": Offer(), "2.0": Offer(requires=("b>=2",))}, "b": NEWER},
        ("a", "b<2"),
        [f"a-1.0-{ANY}", f"b-1.0-{ANY}"],
    ),
    "extra": (
        {
            "a": {"1.0": Offer(requires=('b; extra == "Fast_Path"', 'c; extra == "x"', "d"))},
            **{key: {"1.0": Offer()} for key in "bcd"},
        },
        ("a[fast-path]",),
        [f"a-1.0-{ANY}", f"b-1.0-{ANY}", f"d-1.0-{ANY}"],
    ),
    "extra of an extra": (
        {
            "a": {"1.0": Offer(requires=('a[b]; extra == "all"', 'c; extra == "b"'))},
            "c": NEWER,
        },
        ("a[all]<3",),
        [f"a-1.0-{ANY}", f"c-2.0-{ANY}"],
    ),
    "unknown extra": ({"a": NEWER}, ("a[nothing]",), [f"a-2.0-{ANY}"]),
    "own extra": (
        {"a": NEWER, "b": NEWER},
        ('demo[b]; python_version > "3"', 'a; extra == "b"', 'b; extra == "c"'),
        [f"a-2.0-{ANY}"],
    ),
    "marker for another arch": ({"a": NEWER}, ('a; platform_machine == "armv7l"',), []),
    "pre-release": ({"a": {"1.0": Offer(), "2.0rc1": Offer()}}, ("a",), [f"a-1.0-{ANY}"]),
    "named pre-release": (
        {"a": {"1.0": Offer(), "2.0rc1": Offer()}},
        ("a>=2.0rc1",),
        [f"a-2.0rc1-{ANY}"],
    ),
    "only pre-releases": ({"a": {"2.0b1": Offer()}}, ("a",), [f"a-2.0b1-{ANY}"]),
    "yanked": ({"a": {"1.0": Offer(), "2.0": Offer(yanked=True)}}, ("a",), [f"a-1.0-{ANY}"]),
    "pinned yanked": (
        {"a": {"1.0": Offer(), "2.0": Offer(yanked=True)}},
        ("a==2.0",),
        [f"a-2.0-{ANY}"],
    ),
    "for a newer Python": (
        {"a": {"1.0": Offer(), "2.0": Offer(python=">=3.12")}},
        ("a",),
        [f"a-1.0-{ANY}"],
    ),
    "for a newer Python, unlisted": (
        {"a": {"1.0": Offer(), "2.0": Offer(hidden_python=">=3.12")}},
        ("a",),
        [f"a-1.0-{ANY}"],
    ),
    "best tag": (
        {"a": {"1.0": Offer(tags=(ANY, GLIBC.format("x86_64"), GLIBC.format("s390x")))}},
        ("a",),
        [f"a-1.0-{GLIBC.format('x86_64')}"],
    ),
    "newest without a wheel": (
        {"a": {"1.0": Offer(), "2.0": Offer(tags=())}},
        ("a",),
        [f"a-1.0-{ANY}"],
    ),
    "damaged metadata": (
        {"a": {"1.0": Offer(), "2.0": Offer(damaged=True)}},
        ("a",),
        [f"a-1.0-{ANY}"],
    ),
    "metadata that pip passes over": (
        {"a": {"1.0": Offer(), "2.0": Offer(requires=("b>=1.*",))}},
        ("a",),
        [f"a-1.0-{ANY}"],
    ),
    "too many lines": (
        {"a": {"1.0": Offer(), "2.0": Offer(requires=("b",) * (resolver.MOST_LINES + 1))}},
        ("a",),
        [f"a-1.0-{ANY}"],
    ),
    "own legacy specifier": ({"a": NEWER}, ("a (>=1.5.*)",), [f"a-2.0-{ANY}"]),
}


@pytest.mark.parametrize("name", RESOLVED)
def test_wheels_are_those_of_pip(name: str) -> None:
    """The release is the newest that fits, its file the installer's best."""
    offers, requires, files = RESOLVED[name]
    assert solve(offers, *requires) == files


def test_marker_is_evaluated_for_the_target() -> None:
    """A marker that holds on armv7l alone adds its dependency there and nowhere else."""
    offers = {"a": {"1.0": Offer()}, "b": {"1.0": Offer()}}
    marked = ('a; platform_machine == "armv7l"', 'b; platform_machine != "armv7l"')
    assert solve(offers, *marked, at=installer("armv7l")) == [f"a-1.0-{ANY}"]
    for machine in ("x86_64", "aarch64", "i686", "ppc64le", "s390x", "riscv64"):
        assert solve(offers, *marked, at=installer(machine)) == [f"b-1.0-{ANY}"]


def test_musl_gets_the_wheels_of_musl() -> None:
    """No marker names the libc: a release for musl alone is chosen there, by its tags."""
    offers = {
        "a": {
            "1.0": Offer(tags=(GLIBC.format("x86_64"), MUSL.format("x86_64"))),
            "2.0": Offer(tags=(MUSL.format("x86_64"),), requires=("b",)),
        },
        "b": {"1.0": Offer()},
    }
    on_musl = solve(offers, "a", at=installer(libc=MUSL))
    assert on_musl == [f"a-2.0-{MUSL.format('x86_64')}", f"b-1.0-{ANY}"]
    assert solve(offers, "a", at=installer()) == [f"a-1.0-{GLIBC.format('x86_64')}"]


def test_old_pip_reads_old_specifiers() -> None:
    """A pip before 24.1 takes a release whose metadata a later one passes over."""
    offers = {"a": {"1.0": Offer(), "2.0": Offer(requires=("b>=1.*",))}, "b": NEWER}
    assert solve(offers, "a", at=installer(strict=False)) == [f"a-2.0-{ANY}", f"b-2.0-{ANY}"]


def test_companions_and_constraints() -> None:
    """A companion is installed though nothing asks for it; a constraint only limits versions."""
    offers = {"a": NEWER, "b": NEWER, "c": NEWER}
    found = solve(
        offers, "a", companions=["b==1.0"], constraints=["a<2", "c<2", "b==2; os_name == 'nt'"]
    )
    assert found == [f"a-1.0-{ANY}", f"b-1.0-{ANY}"]


FOREIGN = {"a": {"1.0": Offer(), "1.1": Offer(tags=tuple(map(GLIBC.format, ("aarch64", "s390x"))))}}
REFUSED: dict[str, tuple[Offers, dict[str, Any], str]] = {
    "no wheel there": (
        FOREIGN,
        {"requires": ("a>1",)},
        (
            "no wheel of a 1.1 for x86_64; there are wheels for aarch64, s390x; "
            "users would compile it (demo 1.0 → a>1)"
        ),
    ),
    "no sdist either": (
        {"a": {"1.0": Offer(tags=(GLIBC.format("s390x"),), sdist=False)}},
        {"requires": ("a",)},
        (
            "no wheel of a 1.0 for x86_64; there are wheels for s390x; users cannot install it "
            "(demo 1.0 → a)"
        ),
    ),
    "sdist alone": (
        {
            "a": {"1.0": Offer(requires=("b",))},
            "b": {"1.0": Offer(tags=()), "2.0rc1": Offer(tags=())},
        },
        {"requires": ("a",)},
        "b 1.0 has no wheel for Linux; users would compile it (demo 1.0 → a 1.0 → b)",
    ),
    "another Python": (
        {"a": {"1.0": Offer(python=">=3.12")}},
        {"requires": ("a",)},
        "a 1.0 requires Python >=3.12; this is 3.11.2 (demo 1.0 → a)",
    ),
    "newest for another Python": (
        {
            "a": {
                "1.0": Offer(tags=(GLIBC.format("s390x"),)),
                "2.0": Offer(python=">=3.12", tags=(GLIBC.format("s390x"),)),
            }
        },
        {"requires": ("a",)},
        (
            "no wheel of a 1.0 for x86_64; there are wheels for s390x; users would compile it "
            "(demo 1.0 → a)"
        ),
    ),
    "unknown project": (
        {"a": {"1.0": Offer(requires=("nowhere",))}},
        {"requires": ("a",)},
        "the package index has no project nowhere (demo 1.0 → a 1.0 → nowhere)",
    ),
    "no such release": (
        {"a": NEWER},
        {"requires": ("a>=3",)},
        "no release of a fits >=3; the package index has 1.0, 2.0 (demo 1.0 → a>=3)",
    ),
    "yanked": (
        {"a": {"1.0": Offer(yanked=True)}},
        {"requires": ("a",)},
        "a 1.0 is yanked; a requirement must pin it (demo 1.0 → a)",
    ),
    "constraint": (
        {"a": NEWER},
        {"requires": ("a",), "constraints": ["a<1", "a>0"]},
        (
            "no release of a fits <1,>0; the package index has 1.0, 2.0 "
            "(demo 1.0 → a; the constraint is a<1, a>0)"
        ),
    ),
    "unresolvable": (
        {"a": {"1.0": Offer(requires=("b>=2",))}, "b": NEWER},
        {"requires": ("a", "b<2")},
        "no release of b fits all of: demo 1.0 → b<2; demo 1.0 → a 1.0 → b>=2",
    ),
    "another version of the wheel itself": (
        {"a": {"1.0": Offer(requires=("demo>=2",))}},
        {"requires": ("a",)},
        "no release of demo fits all of: demo 1.0; demo 1.0 → a 1.0 → demo>=2",
    ),
    "unusable metadata": (
        {"a": {"1.0": Offer(damaged=True)}},
        {"requires": ("a",)},
        "no release of a that fits has metadata that can be used (demo 1.0 → a)",
    ),
    "address": (
        {"a": {"1.0": Offer(requires=("b @ https://example.org/b-1.0.tar.gz",))}},
        {"requires": ("a",)},
        (
            "demo 1.0 → a 1.0: 'b @ https://example.org/b-1.0.tar.gz' is an address; "
            "only wheels of the package index and of --find-links are installed"
        ),
    ),
    "marker that does not parse": (
        {},
        {"requires": ("a; platform_libc == 'musl'",)},
        (
            "demo 1.0: \"a; platform_libc == 'musl'\" does not parse: "
            "Expected a marker variable or quoted string"
        ),
    ),
    "long chain": (
        {f"a{n}": {"1.0": Offer(requires=(f"a{n + 1}",))} for n in range(9)},
        {"requires": ("a0",)},
        "the package index has no project a9 (demo 1.0 → a0 1.0 → … → a7 1.0 → a8 1.0 → a9)",
    ),
    "companion": (
        {"a": NEWER},
        {"requires": (), "companions": ["a==3.0"]},
        "no release of a fits ==3.0; the package index has 1.0, 2.0 (a==3.0)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusal_names_the_dependency(name: str) -> None:
    """One line: what is missing, what there is, and who asks for it."""
    offers, question, message = REFUSED[name]
    options = {name: value for name, value in question.items() if name != "requires"}
    with pytest.raises(DependencyRefusedError, match=f"^{re.escape(message)}$"):
        solve(offers, *question["requires"], **options)


def test_many_dependencies() -> None:
    """300 dependencies are resolved."""
    names = [f"p{number:03}" for number in range(300)]
    offers = {
        name: {"1.0": Offer(requires=tuple(names[at + 1 : at + 3])), "0.9": Offer()}
        for at, name in enumerate(names)
    }
    assert solve(offers, *names) == [f"{name}-1.0-{ANY}" for name in names]


def test_limits_are_no_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too much for this program is its own limit, which names a way out."""
    offers = {f"p{number}": NEWER for number in range(5)}
    with pytest.raises(PackageIndexError, match=r"5001 lines Requires-Dist; .*--no-deps"):
        solve(offers, *["p1"] * (resolver.MOST_LINES + 1))
    monkeypatch.setattr(resolver, "MOST_ROUNDS", 3)
    with pytest.raises(PackageIndexError, match=r"more than 3 steps to resolve; .*--constraint"):
        solve(offers, *offers)
    monkeypatch.setattr(resolver, "MOST_PROJECTS", 3)
    with pytest.raises(PackageIndexError, match=r"more than 3 projects .*--no-deps"):
        solve(offers, *offers)


def test_a_broken_constraint_is_reported() -> None:
    """A constraint is checked before a run; the message names one that cannot be used."""
    with pytest.raises(DependencyRefusedError, match=r"a constraint: 'a \?' does not parse"):
        solve({}, constraints=["a ?"])
