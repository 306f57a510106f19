"""Addresses of engines, and the order in which cells try them."""

import pytest

from harness.core.arches import find_arch
from harness.core.engine_places import (
    HERE,
    EnginePlace,
    KnownEngine,
    addresses_for,
    best_engines,
    certificates_of,
    declared_places,
    engine_title,
    is_native,
    login_words,
    parse_place,
    rank_engines,
    shown_address,
)
from harness.core.errors import UsageError

ARM = find_arch("aarch64")


@pytest.mark.parametrize(
    ("text", "arch", "address"),
    [
        ("aarch64=ssh://builder@arm1", "aarch64", "ssh://builder@arm1"),
        ("arm64=ssh://arm1:2222/run/d.sock", "aarch64", "ssh://arm1:2222/run/d.sock"),
        ("s390x=tcp://z:2376?certs=/etc/z", "s390x", "tcp://z:2376?certs=/etc/z"),
        ("x86_64=unix:///run/d.sock", "x86_64", "unix:///run/d.sock"),
        ("ppc64le=power-lab", "ppc64le", "power-lab"),
    ],
)
def test_an_engine_is_an_arch_and_an_address(text: str, arch: str, address: str) -> None:
    place = parse_place(text)
    assert place == EnginePlace(arch=arch, address=address)
    assert parse_place(str(place)) == place


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ssh://arm1", "--engine ssh://arm1: write ARCH=ADDRESS"),
        ("aarch64=", "--engine aarch64=: write ARCH=ADDRESS"),
        ("arm46=ssh://arm1", "unknown arch 'arm46'; did you mean 'arm64'?"),
        ("aarch64=http://arm1", "must begin with one of unix://, tcp://, ssh://"),
        ("aarch64=ssh://", "not of the form ssh://HOST"),
        ("aarch64=ssh://me:secret@arm1", "not of the form ssh://HOST, without a password"),
        ("aarch64=ssh://-oProxyCommand=x", "not of the form ssh://HOST"),
        ("aarch64=ssh://-l@arm1", "not of the form ssh://HOST"),
        ("aarch64=ssh://arm1:port", "engine ssh://arm1:port: Port could not be cast"),
        ("aarch64=unix://run/d.sock", "not of the form unix:///PATH"),
        ("aarch64=tcp://z:2376?cert=/etc", "not of the form tcp://HOST:PORT?certs=DIR"),
        ("aarch64=ssh://z?certs=/etc", "not of the form tcp://HOST:PORT?certs=DIR"),
        ("aarch64=-H", "no name of a Docker context"),
    ],
)
def test_a_wrong_engine_is_refused_with_the_next_step(text: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_place(text)
    assert message in str(raised.value)


def test_certificates_are_part_of_an_address_and_not_of_its_name() -> None:
    assert certificates_of("tcp://z:2376?certs=/etc/z") == "/etc/z"
    assert certificates_of("tcp://z:2376") == ""
    assert shown_address("tcp://z:2376?certs=/etc/z") == "tcp://z:2376"
    assert engine_title("tcp://z:2376?certs=/etc/z") == "engine tcp://z:2376"
    assert engine_title(HERE) == "this machine's engine"


def test_every_arch_may_use_this_machine_s_engine() -> None:
    places = [parse_place(f"{arch}={name}") for arch, name in (("arm64", "a"), ("s390x", "z"))]
    places += [parse_place("arm64=b"), parse_place("aarch64=a")]
    assert addresses_for(places, ARM) == ("a", "b", HERE)
    assert addresses_for(places, find_arch("riscv64")) == (HERE,)


def ranked(
    machines: dict[str, str], turn: int = 0, arch: str = "aarch64", **processors: int
) -> list[str]:
    engines = [
        KnownEngine(
            address=name,
            native=is_native(each, find_arch(arch)),
            processors=processors.get(name, 2),
        )
        for name, each in machines.items()
    ]
    return [engine.address for engine in rank_engines(engines, turn)]


def test_native_engines_come_before_those_that_emulate() -> None:
    machines = {"x": "x86_64", "a": "aarch64", HERE: "x86_64"}
    assert ranked(machines) == ["a", "x", HERE]
    assert ranked({"x": "x86_64", HERE: "aarch64"}) == [HERE, "x"]
    assert ranked({"a": "aarch64", HERE: "aarch64"}) == ["a", HERE]


def test_a_32_bit_x86_is_native_on_a_64_bit_machine() -> None:
    assert ranked({"a": "aarch64", HERE: "x86_64"}, arch="i686") == [HERE, "a"]


def test_equal_engines_are_balanced_over_workers() -> None:
    machines = {"a": "aarch64", "b": "aarch64", "c": "aarch64", HERE: "x86_64"}
    assert [ranked(machines, turn)[0] for turn in range(4)] == ["a", "b", "c", "a"]
    assert [ranked(machines, turn)[-1] for turn in range(4)] == [HERE] * 4
    assert ranked(machines, 1) == ["b", "c", "a", HERE]


def test_an_engine_is_the_first_of_as_many_workers_as_it_has_processors() -> None:
    machines = {"a": "aarch64", "b": "aarch64", HERE: "x86_64"}
    first = [ranked(machines, turn, a=1, b=4)[0] for turn in range(5)]
    assert sorted(first) == ["a", "b", "b", "b", "b"]
    assert [ranked(machines, turn, a=4, b=4)[0] for turn in range(4)] == ["a", "b", "a", "b"]


def test_the_best_engines_are_those_that_are_equal_to_the_first() -> None:
    engines = [
        KnownEngine(address=name, native=native)
        for name, native in (("x", False), ("a", True), (HERE, True), ("b", True))
    ]
    assert [engine.address for engine in best_engines(engines)] == ["a", "b"]


def test_a_table_has_one_address_or_several() -> None:
    table = {"arm64": "ssh://arm1", "s390x": ["z1", "z2"]}
    assert list(map(str, declared_places(table))) == ["arm64=ssh://arm1", "s390x=z1", "s390x=z2"]


def test_a_login_is_written_as_a_user_types_it() -> None:
    assert login_words("ssh://me@arm1:2222/run/d.sock") == "ssh -p 2222 me@arm1"
    assert login_words("ssh://arm1") == "ssh arm1"
