"""Problems of ``machines.yaml`` and of the names that targets give."""

from collections.abc import Callable

import pytest

LARGE = (
    "  - {id: 64k, title: large, arches: [ppc64le], page_size: 65536, source: https://example.org}"
)
Problems = Callable[..., list[str]]
MACHINES = f"machines:\n{LARGE}\n"


Targets = Callable[[str], str]


@pytest.fixture
def with_machines(good: dict[str, str]) -> Targets:
    return lambda words: good["targets"] + f"    machines: {words}\n"


def test_a_target_on_a_machine(problems: Problems, with_machines: Targets) -> None:
    assert problems(machines=MACHINES, targets=with_machines("{64k: [ppc64el]}")) == []


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("{65k: [ppc64le]}", "no machine is called '65k'; did you mean '64k'?"),
        ("{64k: [x86_64]}", "machine '64k' is not for x86_64; known: ppc64le"),
        ("{64k: [s390x]}", "the target has no arch 's390x'; known: ppc64le x86_64"),
    ],
)
def test_wrong_machines_of_a_target(
    problems: Problems, with_machines: Targets, words: str, what: str
) -> None:
    (line,) = problems(machines=MACHINES, targets=with_machines(words))
    assert line.startswith("matrix/targets.yaml:8:")
    assert line.endswith(what)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (("page_size: 65536, ", ""), "needs 'cpu', 'page_size' or both"),
        (("65536", "65000"), "65000 is no page size; write a power of two of at least 4096"),
        (("65536", "1024"), "1024 is no page size; write a power of two of at least 4096"),
        (("page_size", "has: {hwcap3: 1}, page_size"), "hwcap or hwcap2"),
        (("64k", "64K"), "lower-case letters"),
    ],
)
def test_wrong_rows(problems: Problems, change: tuple[str, str], what: str) -> None:
    (line,) = problems(machines=MACHINES.replace(*change))
    assert line.startswith("matrix/machines.yaml:2:")
    assert what in line


def test_an_unknown_machine_in_a_glob(problems: Problems, with_machines: Targets) -> None:
    profiles = 'profiles: [{name: all, targets: ["debian-12@65k"]}]\n'
    (line,) = problems(
        machines=MACHINES, targets=with_machines("{64k: [ppc64le]}"), profiles=profiles
    )
    assert line.endswith("no machine matches '65k'; did you mean '64k'?")
