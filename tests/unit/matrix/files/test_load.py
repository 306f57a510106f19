"""Broken matrix files: the exact messages."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.core.errors import MatrixFileError
from harness.matrix.files import load_matrix
from harness.matrix.files.shape import FILES

Problems = Callable[..., list[str]]
WriteMatrix = Callable[..., Path]
Good = dict[str, str]


def test_the_valid_matrix_has_no_problem(problems: Problems) -> None:
    """The matrix that the tests below break is valid."""
    assert problems() == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "ppc64le]",
            "ppc64lee]",
            ["6:22: targets[0].arches: unknown arch 'ppc64lee'; did you mean 'ppc64le'?"],
        ),
        (
            '"3.11"',
            "3.10",
            ['4:13: targets[0].python: 3.10 without quotes is the number 3.1; quote it: "3.10"'],
        ),
        (
            "id: debian-12",
            "id: on",
            ['2:9: targets[0].id: on without quotes is the boolean true; quote it: "on"'],
        ),
        (
            "id: debian-12",
            "id: Debian/12",
            [
                (
                    "2:9: targets[0].id: 'Debian/12' is not valid here; write lower-case letters, "
                    "digits, '.', '_' and '-', as `-k` can select it"
                )
            ],
        ),
        (
            "title:",
            "titel:",
            [
                "2:5: targets[0]: the key 'title' is missing; add it",
                "3:5: targets[0]: unknown key 'titel'; did you mean 'title'?",
            ],
        ),
        (
            "    libc: glibc\n",
            "    libc: glibc\n    libc: musl\n",
            ["6:5: targets[0]: duplicate key 'libc', first in line 5; remove one"],
        ),
        ("glibc", "glib", ["5:11: targets[0].libc: unknown value 'glib'; did you mean 'glibc'?"]),
        (
            "[x86_64, ppc64le]",
            "[x86_64, amd64]",
            ["6:13: targets[0].arches: 'amd64' and 'x86_64' are the same arch; remove one"],
        ),
        (
            "[x86_64, ppc64le]",
            "x86_64",
            ["6:13: targets[0].arches: must be a list, not the text 'x86_64'"],
        ),
        ("[x86_64, ppc64le]", "", ["6:12: targets[0].arches: must be a list, not nothing"]),
        (
            "[x86_64, ppc64le]",
            "[]",
            ["6:13: targets[0].arches: is empty; fill it in, or remove the key"],
        ),
        (
            "    registry:",
            "    overrides: {ppc64el: {registry: {imagge: x}}}\n    registry:",
            [
                (
                    "7:38: targets[0].overrides.ppc64el.registry: unknown key 'imagge'; "
                    "did you mean 'image'?"
                )
            ],
        ),
        (
            "    registry:",
            "    overrides: {riscv64: {title: x}, pcp64le: {}}\n    registry:",
            [
                (
                    "7:26: targets[0].overrides.riscv64: the target has no arch 'riscv64'; "
                    "known: ppc64le x86_64"
                ),
                "7:38: targets[0].overrides: unknown arch 'pcp64le'; did you mean 'ppc64le'?",
            ],
        ),
        (
            "    registry:",
            "    overrides: {ppc64le: {assembled: {suite: sid}, registry: null}}\n    registry:",
            [
                (
                    "7:38: targets[0].overrides.ppc64le.assembled: the target has no 'assembled' "
                    "to merge into; add packages"
                )
            ],
        ),
        (
            "    registry:",
            "    overrides: {ppc64le: {registry: null}}\n    registry:",
            ["7:16: targets[0].overrides: no way to get its image on ppc64le; keep one"],
        ),
        (
            '    registry: {image: "debian:12", prepare: [apt-get update]}\n',
            "",
            ["2:5: targets[0]: no way to get its image; add 'registry', 'assembled' or 'replica'"],
        ),
        (
            "    registry:",
            "    <<: {}\n    registry:",
            [
                (
                    "7:5: targets[0]: unknown key '<<'; known: allow_failure arches assembled id "
                    "interpreter libc overrides python registry replica title"
                )
            ],
        ),
    ],
)
def test_problems_of_targets(
    problems: Problems, good: Good, old: str, new: str, expected: list[str]
) -> None:
    """One edit of ``targets.yaml`` and its messages."""
    found = problems(targets=good["targets"].replace(old, new, 1))
    assert found == [f"matrix/targets.yaml:{line}" for line in expected]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "interpreter: cpython-3.11",
            "interpreter: cpython-3.1",
            (
                "9:20: targets[0].replica.interpreter: no interpreter is called 'cpython-3.1'; "
                "did you mean 'cpython-3.11'?"
            ),
        ),
        (
            "naming: fedora",
            "naming: fedroa",
            (
                "10:15: targets[0].replica.naming: no naming is called 'fedroa'; "
                "did you mean 'fedora'?"
            ),
        ),
        (
            "differs: {pip: older}",
            "differs: {piip: older}",
            "14:17: targets[0].replica.differs: unknown value 'piip'; did you mean 'pip'?",
        ),
        (
            "      pip: ",
            "      pipp: ",
            "12:7: targets[0].replica: unknown key 'pipp'; did you mean 'pip'?",
        ),
        (
            '"22.0.4"',
            "latest",
            (
                "12:12: targets[0].replica.pip: 'latest' is not valid here; "
                'write a released version, such as "22.0.4"'
            ),
        ),
        (
            "    replica:\n",
            "    overrides: {ppc64le: {replica: {naming: gun}}}\n    replica:\n",
            (
                "8:45: targets[0].overrides.ppc64le.replica.naming: no naming is called 'gun'; "
                "did you mean 'gnu'?"
            ),
        ),
    ],
)
def test_problems_of_replicas(
    problems: Problems, good: Good, replica: Good, old: str, new: str, expected: str
) -> None:
    """One edit of a target with a replica and its first message."""
    targets = (good["targets"] + replica.pop("targets")).replace(old, new, 1)
    found = problems(**replica, targets=targets)
    assert found[-1 if "pipp" in new else 0] == f"matrix/targets.yaml:{expected}"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "builds: gnu",
            "builds: gun",
            (
                "3:13: namings[0].builds: 'gun' is neither a triplet such as "
                "ppc64le-linux-gnu nor gnu, musl or none; did you mean 'gnu'?"
            ),
        ),
        (
            "builds: gnu",
            "builds: none",
            (
                "3:13: namings[0].builds: no triplet for x86_64, i686, aarch64, armv7l, ppc64le, "
                "s390x, riscv64; add one for 'others'"
            ),
        ),
        (
            "others: gnu",
            "s390x: gnu",
            (
                "5:13: namings[1].builds: no triplet for x86_64, i686, aarch64, armv7l, riscv64; "
                "add one for 'others'"
            ),
        ),
        (
            "ppc64le: gnu",
            "ppc64lee: gnu",
            "6:12: namings[1].last: unknown arch 'ppc64lee'; did you mean 'ppc64le'?",
        ),
        (
            "ppc64le: gnu",
            "ppc64le: gnuu",
            (
                "6:21: namings[1].last.ppc64le: 'gnuu' is neither a triplet such as "
                "ppc64le-linux-gnu nor gnu, musl or none; did you mean 'gnu'?"
            ),
        ),
        (
            "ppc64le: gnu",
            "ppc64le: gnu, ppc64el: musl",
            "6:11: namings[1].last: 'ppc64el' and 'ppc64le' are the same arch; remove one",
        ),
    ],
)
def test_problems_of_namings(
    problems: Problems, replica: Good, old: str, new: str, expected: str
) -> None:
    """One edit of ``namings.yaml`` and its messages."""
    found = problems(namings=replica["namings"].replace(old, new, 1))
    assert found == [f"matrix/namings.yaml:{expected}"]


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (
            "fixture: plain\n    builder: crss",
            "10:14: subjects[1].builder: no builder is called 'crss'; did you mean 'cross'?",
        ),
        ("fixture: plain", "7:5: subjects[1]: the key 'builder' is missing; add it"),
        ("call: 1 == 1", "7:5: subjects[1]: needs exactly one of 'fixture' and 'index'"),
        (
            "index: a==1\n    fixture: b",
            "7:5: subjects[1]: needs exactly one of 'fixture' and 'index'",
        ),
        (
            "index: a==1\n    any_python: true",
            "10:17: subjects[1].any_python: applies only to a fixture subject; remove it here",
        ),
        (
            "index: a 1",
            "9:12: subjects[1].index: 'a 1' does not pin a release; write name==version",
        ),
        (
            "index: a>=1",
            "9:12: subjects[1].index: 'a>=1' does not pin a release; write name==version",
        ),
        (
            "index: a==1.*",
            "9:12: subjects[1].index: 'a==1.*' does not pin a release; write name==version",
        ),
        (
            "index: a==1\n    call: a b",
            "10:11: subjects[1].call: 'a b' is not a Python expression: invalid syntax",
        ),
        (
            'index: a==1\n    pythons: ["3.1"]',
            "10:15: subjects[1].pythons: no target has Python '3.1'; did you mean '3.11'?",
        ),
        (
            "index: a==1\n    include: [debain-12]",
            "10:15: subjects[1].include: no target matches 'debain-12'; did you mean 'debian-12'?",
        ),
        (
            "index: a==1\n    exclude: ['*/arm46']",
            (
                "10:15: subjects[1].exclude: no arch matches 'arm46'; "
                "known: aarch64 armv7l i686 ppc64le riscv64 s390x x86_64"
            ),
        ),
        (
            "index: a==1\n    exclude: ['*']",
            ("7:5: subjects[1]: it fits no target; widen pythons, include, exclude or the builder"),
        ),
        (
            "index: a==1\n    with: [b]",
            "10:12: subjects[1].with: 'b' does not pin a release; write name==version",
        ),
    ],
)
def test_problems_of_subjects(problems: Problems, good: Good, new: str, expected: str) -> None:
    """One edit of ``subjects.yaml`` and its messages."""
    text = good["subjects"].replace("index: markupsafe==3.0.2", new)
    assert problems(subjects=text) == [f"matrix/subjects.yaml:{expected}"]


def test_unreadable_value_is_reported_once(problems: Problems, good: Good) -> None:
    """The missing value is no second problem."""
    found = problems(targets=good["targets"].replace('"debian:12"', "!image debian"))
    what = "tag !image is not used here; remove it"
    assert found == [f"matrix/targets.yaml:7:23: targets[0].registry.image: {what}"]


@pytest.mark.parametrize("name", ["targets", "builders", "subjects"])
def test_duplicate_id(problems: Problems, good: Good, name: str) -> None:
    """The second entry is reported with the line of the first."""
    twice = good[name] + good[name].split("\n", 1)[1]
    (problem, *_) = problems(**{name: twice})
    assert "is already used in line 2; rename one" in problem


def test_unquoted_header_version(problems: Problems, good: Good) -> None:
    """The message says to quote it."""
    (found,) = problems(builders=good["builders"].replace('"3.11"', "3.11"))
    assert found.startswith(
        "matrix/builders.yaml:7:18: builders[0].headers[0].python: 3.11 without "
    )


BUILDERS = """\
builders:
  - id: cross
    kind: {kind}
    {rest}
"""


@pytest.mark.parametrize(
    ("kind", "rest", "complaint"),
    [
        ("cross", "libc: glibc", "2:5: builders[0]: the key 'promises' is missing; a cross"),
        ("container", "image: i", "2:5: builders[0]: the key 'pythons' is missing; a container"),
        ("distribution", "libc: musl", "does not apply to a distribution builder; remove it"),
        ("distribution", "target: debian-1", "no target is called 'debian-1'; did you mean"),
        ("cross", "names: [upstrem]", "no naming is called 'upstrem'; did you mean 'upstream'?"),
        ("cross", "headers: [{arches: [i686]}]", "needs exactly one of 'suite' and 'interpreter'"),
        ("cross", "headers: [{suite: sid, arches: [i686]}]", "'python' is missing; a suite has"),
        (
            "cross",
            'headers: [{interpreter: cpython, python: "3.9", arches: [i686]}]',
            "an interpreter defines its own; remove it",
        ),
        (
            "cross",
            "headers: [{interpreter: cpy, arches: [i686]}]",
            "no interpreter is called 'cpy'",
        ),
    ],
)
def test_builders(problems: Problems, kind: str, rest: str, complaint: str) -> None:
    """A builder has only the keys of its kind, and its names exist."""
    found = problems(builders=BUILDERS.format(kind=kind, rest=rest))
    assert any(complaint in problem for problem in found), found


def test_a_distribution_builder_needs_headers(problems: Problems, good: Good) -> None:
    """A target that is only pulled has no headers."""
    found = problems(
        builders=good["builders"] + "  - {id: own, kind: distribution, target: pulled}\n",
        targets=good["targets"]
        + "  - {id: pulled, title: t, python: '3.11', libc: glibc, interpreter: python3,\n"
        "     arches: [x86_64], registry: {image: 'i:1'}}\n",
    )
    assert [problem.partition(": ")[2] for problem in found] == [
        (
            "builders[1].target: 'pulled' is only pulled, so the headers of its Python are "
            "unavailable; give it a 'replica', or name a target that has one"
        )
    ]


def test_all_problems_of_all_files_at_once(problems: Problems) -> None:
    """In file order; the names of a broken entry are still checked."""
    rest = "reason: r, link: 'https://example.org'"
    found = problems(
        targets="targets: [}",
        builders="builder: []",
        expectations=f"expectations:\n- {{target: a, subject: plian, outcome: refusd, {rest}}}\n",
        profiles="profiles: [{name: A}, x]",
    )
    assert found == [
        (
            "matrix/targets.yaml:1:11: not YAML: while parsing a flow node "
            "expected the node content, but found '}'"
        ),
        "matrix/builders.yaml:1:1: unknown key 'builder'; did you mean 'builders'?",
        "matrix/builders.yaml:1:1: the key 'builders' is missing; add it, with a list below it",
        (
            "matrix/expectations.yaml:2:24: expectations[0].subject: no subject matches 'plian'; "
            "did you mean 'plain'?"
        ),
        (
            "matrix/expectations.yaml:2:40: expectations[0].outcome: unknown value 'refusd'; "
            "did you mean 'refused'?"
        ),
        (
            "matrix/profiles.yaml:1:19: profiles[0].name: 'A' is not valid here; write lower-case "
            "letters, digits, '.', '_' and '-', as `-k` can select it"
        ),
        "matrix/profiles.yaml:1:23: profiles[1]: must be a mapping, not the text 'x'",
    ]


def test_an_expectation_meets_a_cell_and_no_other_expectation(problems: Problems) -> None:
    """Unused and overlapping expectations are reported."""
    rest = "outcome: refused, reason: r, link: 'https://example.org'}"
    found = problems(
        expectations="expectations:\n"
        f"  - {{target: debian-12, arch: s390x, subject: plain, {rest}\n"
        f"  - {{target: 'debian-*', subject: plain, {rest}\n"
        f"  - {{target: '*', arch: amd64, subject: '*', {rest}\n"
    )
    assert found == [
        (
            "matrix/expectations.yaml:2:5: expectations[0]: "
            "matches no cell; correct its globs, or remove it"
        ),
        (
            "matrix/expectations.yaml:4:5: expectations[2]: debian-12/x86_64/plain is expected at "
            "matrix/expectations.yaml:3 already; narrow one of the two"
        ),
    ]


@pytest.mark.parametrize("outcome", ["pass", "miss"])
def test_only_an_incompatibility_can_be_expected(problems: Problems, outcome: str) -> None:
    """Neither a pass nor a miss can be expected."""
    entry = f"{{target: '*', subject: '*', outcome: {outcome}, reason: r, link: 'https://e.org'}}"
    (problem,) = problems(expectations=f"expectations: [{entry}]")
    assert problem.endswith(f"outcome: {outcome!r} is not an incompatibility; remove the entry")


def test_a_profile_selects_something(problems: Problems, good: Good) -> None:
    """Globs that select no cell together are reported."""
    text = good["subjects"] + '    exclude: ["debian-12/ppc64le"]\n'
    profile = "profiles: [{name: none, arches: [ppc64el], subjects: [markupsafe]}]"
    assert problems(subjects=text, profiles=profile) == [
        "matrix/profiles.yaml:1:12: profiles[0]: its globs select no cell together; widen one"
    ]


@pytest.mark.parametrize(
    "name", ["interpreters", "namings", "builders", "expectations", "profiles", "policies"]
)
def test_optional_files_may_be_missing(problems: Problems, good: Good, name: str) -> None:
    """Without builders there can be no fixtures."""
    index_only = "subjects:\n" + good["subjects"][good["subjects"].index("  - id: markupsafe") :]
    assert problems(**{name: None, "subjects": index_only}) == []


def test_missing_targets_and_subjects_are_reported(problems: Problems) -> None:
    assert problems(targets=None, subjects=None, builders=None) == [
        f"matrix/{name}.yaml: no such file; matrix/README.md shows what belongs in it"
        for name in ("targets", "subjects")
    ]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("- a", "1:1: needs the key 'targets:' with a list below it"),
        ("targets: 3", "1:10: targets: must be a list; an empty one is written []"),
        ("targets: []\nx: 1", "2:1: unknown key 'x'; known: targets"),
    ],
)
def test_a_file_is_one_key_with_a_list(problems: Problems, text: str, what: str) -> None:
    """Other content is reported with the file's key."""
    assert f"matrix/targets.yaml:{what}" in problems(targets=text)


def test_unreadable_file_gives_the_system_error(
    problems: Problems, write_matrix: WriteMatrix
) -> None:
    (write_matrix(profiles=None) / "profiles.yaml").mkdir()
    assert problems(profiles=None) == ["matrix/profiles.yaml: cannot be read: Is a directory"]


def test_missing_folder_is_reported_once(tmp_path: Path) -> None:
    with pytest.raises(MatrixFileError, match="nowhere: no such folder; name one with --matrix"):
        load_matrix(tmp_path / "nowhere")


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(0, 9)
    | st.floats(0, 9)
    | st.sampled_from(["x", "*", ""]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["image", "suite", "s390x", "3.11"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_value_gives_our_own_messages(problems: Problems, data: st.DataObject) -> None:
    """No input causes a traceback or a message of pydantic."""
    name = data.draw(st.sampled_from(list(FILES)))
    keys = [field.alias or key for key, field in FILES[name].model_fields.items()]
    entry = data.draw(st.dictionaries(st.sampled_from(keys), VALUES))
    found = problems(**{name: f"{name}: [{json.dumps(entry)}]"})
    assert not [line for line in found if "Input" in line or "should" in line]


def test_unknown_fixture_project(write_matrix: Callable[..., Path]) -> None:
    """Checked only if the fixture projects are known."""
    folder = write_matrix()
    load_matrix(folder, fixtures=["plain"])
    with pytest.raises(MatrixFileError) as caught:
        load_matrix(folder, fixtures=["plan", "pure"])
    assert str(caught.value) == (
        "matrix/subjects.yaml:4:14: subjects[0].fixture: no fixture project is called 'plain'; "
        "did you mean 'plan'?"
    )


POLICY = """\
policies:
  - id: other-names
    title: Other names
    targets: [debian-12]
    naming: fedora
    reads: [".abi3-{gnu}.so"]
    verified_on: {debian-12: debian-12}
    link: https://example.org/why
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "", ""),
        ("[debian-12]", "[debian-21]",
         "4:15: policies[0].targets: no target matches 'debian-21'; did you mean 'debian-12'?"),
        ("naming: fedora", "naming: fedoras",
         "5:13: policies[0].naming: no naming is called 'fedoras'; did you mean 'fedora'?"),
        ("{gnu}", "{glibc}",
         ("6:13: policies[0].reads: '.abi3-{glibc}.so' is not valid here; write the suffix of a "
         "module, such as .abi3-{gnu}.so")),
        ("debian-12: debian-12", "debian-12: debian-21",
         ("7:30: policies[0].verified_on.debian-12: no target is called 'debian-21'; "
         "did you mean 'debian-12'?")),
        ('    naming: fedora\n    reads: [".abi3-{gnu}.so"]\n', "",
         "2:5: policies[0]: changes nothing; add 'naming', 'reads' or 'builds'"),
    ],
)  # fmt: skip
def test_problems_of_policies(
    problems: Problems, good: Good, replica: Good, old: str, new: str, expected: str
) -> None:
    """One edit of ``policies.yaml`` and its messages."""
    files = {**good, **replica, "targets": good["targets"] + replica["targets"]}
    found = problems(**files, policies=POLICY.replace(old, new, 1) if old else POLICY)
    assert found == ([f"matrix/policies.yaml:{expected}"] if expected else [])
