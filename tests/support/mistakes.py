"""Mistakes of users: on the command line, in matrix files, in a project's configuration."""

MATRIX = {
    "targets": """\
targets:
  - id: debian-12
    title: Debian 12
    python: "3.11"
    libc: glibc
    arches: [x86_64, s390x]
    assembled: {suite: bookworm, packages: [python3]}
    replica:
      interpreter: cpython-3.11
      naming: upstream
      suite: bookworm
      pip: "22.0.4"
      replicates: Debian
      differs: {pip: older}
""",
    "interpreters": """\
interpreters:
  - {id: cpython-3.11, python: "3.11", suite: bookworm, source: python3.11}
""",
    "namings": """\
namings:
  - id: upstream
    builds: gnu
    last: {s390x: gnu}
""",
    "builders": """\
builders:
  - id: cross
    kind: cross
    libc: glibc
    promises: {x86_64: "2.17", s390x: "2.17"}
    headers:
      - {python: "3.11", suite: bookworm, arches: [x86_64, s390x]}
      - {python: "3.9", suite: bullseye, arches: [x86_64]}
""",
    "subjects": """\
subjects:
  - id: plain
    group: fixture wheels
    fixture: plain
    builder: cross
    imports: [wheelgrid_plain]
    exclude: ["*/x86_64"]
  - id: numpy
    group: index wheels
    index: numpy==2.4.6
    imports: [numpy]
""",
    "expectations": """\
expectations:
  - target: debian-12
    arch: s390x
    subject: numpy
    outcome: crashed
    reason: the emulator loses a thread
    link: https://example.org/1
""",
    "profiles": """\
profiles:
  - {name: smoke, subjects: [numpy]}
""",
    "policies": """\
policies:
  - id: other-names
    title: Other names
    targets: [debian-12]
    reads: [".abi3-{gnu}.so"]
    verified_on: {debian-12: debian-12}
    link: https://example.org/why
""",
}

EXPECTATION = "{target: '*', subject: '*', outcome: refused, reason: r, link: 'https://e.org'}"
BY_CAUSE = EXPECTATION.replace("subject: '*'", "cause: tag-refused")
EDITS: tuple[tuple[str, str, str | None], ...] = (
    ("targets", "s390x]", "s390]"),
    ("targets", "s390x]", "amd64]"),
    ("targets", "[x86_64, s390x]", "x86_64"),
    ("targets", "[x86_64, s390x]", "[]"),
    ("targets", "[x86_64, s390x]", ""),
    ("targets", '"3.11"', "3.10"),
    ("targets", "id: debian-12", "id: on"),
    ("targets", "id: debian-12", "id: Debian/12"),
    ("targets", "title:", "titel:"),
    ("targets", "    libc: glibc\n", "    libc: glibc\n    libc: musl\n"),
    ("targets", "libc: glibc", "libc: glib"),
    ("targets", "libc: glibc", "libc: !c glibc"),
    ("targets", "libc: glibc", "libc: [glibc"),
    ("targets", "    replica:", "    overrides: {riscv64: {title: x}}\n    replica:"),
    ("targets", "    replica:", "    overrides: {s390x: {registry: {imagge: x}}}\n    replica:"),
    ("targets", "    replica:", "    overrides: {s390: {}}\n    replica:"),
    ("targets", "    replica:", "    overrides: {s390x: {replica: {naming: gun}}}\n    replica:"),
    ("targets", "    replica:", "    overrides: {s390x: {assembled: , replica: }}\n    replica:"),
    ("targets", "    replica:", "    <<: {}\n    replica:"),
    ("targets", "[python3]", "!!set {python3}"),
    ("targets", "[python3]", "*packages"),
    ("targets", "libc: glibc", "allow_failure: !!bool maybe\n    libc: glibc"),
    ("targets", "interpreter: cpython-3.11", "interpreter: cpython-3.1"),
    ("targets", "naming: upstream", "naming: upstraem"),
    ("targets", '"22.0.4"', "latest"),
    ("targets", "{pip: older}", "{piip: older}"),
    ("namings", "{s390x: gnu}", "{s390x: gnuu}"),
    ("namings", "builds: gnu", "builds: {s390x: gnu}"),
    ("namings", "{s390x: gnu}", "{s390xx: gnu}"),
    ("namings", "{s390x: gnu}", "{arm64: gnu, aarch64: musl}"),
    ("namings", "{s390x: gnu}", "{3.10: gnu}"),
    ("namings", "{s390x: gnu}", "{[s390x]: gnu}"),
    ("builders", 'promises: {x86_64: "2.17", s390x: "2.17"}', ""),
    ("builders", "kind: cross", "kind: container"),
    ("builders", "suite: bookworm, ", ""),
    ("builders", '"3.11"', "3.11"),
    ("builders", 'python: "3.11", ', ""),
    ("builders", "suite: bookworm", "interpreter: cpython-3.11"),
    ("builders", 'python: "3.11", suite: bookworm', "interpreter: cpy"),
    ("builders", "libc: glibc", "libc: glibc\n    names: [upstrem]"),
    ("builders", "headers:", "target: debian-1\n    headers:"),
    ("builders", "s:\n", "s:\n  - {id: own, kind: distribution, target: debian-1, libc: musl}\n"),
    ("subjects", "builder: cross", "builder: crss"),
    ("subjects", "fixture: plain", "fixture: plian"),
    ("subjects", "    builder: cross\n", ""),
    ("subjects", "    index: numpy==2.4.6\n", ""),
    ("subjects", "index: numpy==2.4.6", "fixture: plain\n    index: numpy==2.4.6"),
    ("subjects", "numpy==2.4.6", "numpy>=2"),
    ("subjects", "numpy==2.4.6", "numpy 2"),
    ("subjects", "numpy==2.4.6", "numpy==2.*"),
    ("subjects", "[numpy]", "[numpy]\n    with: [b]"),
    ("subjects", "[numpy]", '[numpy]\n    pythons: ["3.1"]'),
    ("subjects", "[numpy]", "[numpy]\n    exclude: ['*/arm46']"),
    ("subjects", "[numpy]", "[numpy]\n    call: a b"),
    ("subjects", "[numpy]", "[numpy]\n    any_python: true"),
    ("subjects", "[numpy]", "[numpy]\n    include: [debain-12]"),
    ("subjects", "[numpy]", "[numpy]\n    exclude: ['*']"),
    ("subjects", "id: numpy", "id: plain"),
    ("expectations", "outcome: crashed", "outcome: crushed"),
    ("expectations", "outcome: crashed", "outcome: pass"),
    ("expectations", "outcome: crashed", "outcome: miss"),
    ("expectations", "arch: s390x", "arch: s390"),
    ("expectations", "subject: numpy", "cause: suffix-mismtach"),
    ("expectations", "subject: numpy\n", "\n"),
    ("expectations", "expectations:\n", f"expectations:\n  - {BY_CAUSE}\n  - {BY_CAUSE}\n"),
    ("expectations", "expectations:\n", f"expectations:\n  - {EXPECTATION}\n"),
    ("profiles", "[numpy]", "[nunpy]"),
    ("profiles", "profiles:\n", "profiles:\n  - x\n"),
    ("profiles", "", "- a"),
    ("profiles", "", "profiles: 3"),
    ("profiles", "", "profiles: []\nx: 1"),
    ("profiles", "", "profiles: []\n---\nprofiles: []\n"),
    ("profiles", "", "# nothing"),
    ("subjects", "", None),
    ("policies", "reads:", "naming: upstrem\n    reads:"),
    ("policies", ": debian-12}", ": debian-21}"),
    ("policies", "[debian-12]", "[debian-21]"),
    ("policies", "{gnu}", "{glibc}"),
    ("policies", '    reads: [".abi3-{gnu}.so"]\n', ""),
    ("policies", "policies:", "polices:"),
)
"""One edit each: file, old text (empty: all of it), new text (None: no file)."""

COMMANDS = """\
plna
plan --targt debian-12
plan --matrix nowhere
plan --target debian-122
plan --arch s390
plan --arch riscv64
plan --profile smoek
plan -k 'debian and'
plan -k 'a(b=1)'
plan -k fedora
plan --profile smoke --target *12 -k riscv64
plan -q arhc:s390x
plan -q 'outcome:crushed'
plan -q '"numpy'
plan -q nobody
plan -q outcome:pass
plan --changed nowhere
run --out grid
run --subject nump
run --images asembled
run --shard 3/2
run --debian-mirror ftp://user:secret@example.org/debian
check nothing-here
check numpy>=2
check numpy==not.a.version!
check pure_c==1.0
check folder
check no-1.0-py3-none-any.whl
check text-1.0-py3-none-any.whl
check cut-1.0-py3-none-any.whl
check good-1.0-any.whl
check good-1.0-py3-none-any.whl
check good-1.0-py3-none-any.whl -q subject:nobody
check good-1.0-py3-none-any.whl -q outcome:crashed
check demo[fast]==1.0
check good-1.0-py3-none-any.whl --extra ""
check good-1.0-py3-none-any.whl --extra fast,slow
check good-1.0-py3-none-any.whl --no-deps --extra fast
check good-1.0-py3-none-any.whl --find-links nowhere
check good-1.0-py3-none-any.whl --find-links folder
check good-1.0-py3-none-any.whl --with numpy
check good-1.0-py3-none-any.whl --test "pytest 'tests"
check good-1.0-py3-none-any.whl --test "cd tests && pytest"
check good-1.0-py3-none-any.whl --test pytest --test-files nowhere
check good-1.0-py3-none-any.whl --test pytest --test-requires pytest>>8
check good-1.0-py3-none-any.whl --test pytest --test-timeout 0
check good-1.0-py3-none-any.whl --test-requires pytest
check locked.txt --test pytest
check good-1.0-py3-none-any.whl --constraint nowhere
check good-1.0-py3-none-any.whl --constraint constraints.txt
check good-1.0-py3-none-any.whl --no-deps --constraint constraints.txt
check good-1.0-py3-none-any.whl --index-url u:secret@example.org/simple
predict text-1.0-py3-none-any.whl
predict locked.txt numpy==2.4.6
predict unlocked.txt
predict nothing.txt
predict poetry.lock
predict pylock.toml
predict locked.txt --with numpy==2.4.6
check locked.txt good-1.0-py3-none-any.whl
check locked.txt --import numpy
check locked.txt --against numpy==2.4.6
remedy text-1.0-py3-none-any.whl
build plian
build --arch s390
build --python 3.1
build --arch riscv64 --python 3.9
build --arch s390x --python 3.9
build --builder cros
pins --debian-mirror u:secret@example.org/debian
build --debian-mirror ftp://u:secret@example.org/debian
doctor --debian-mirror ftp://u:secret@example.org/debian
passport
passport debian-1
passport --record debian-1
passport debian-12/s390
passport debian-12
passport --facts half.json
repro debian-12/s390x/nunpy
repro debian12/s390x/plain
repro debian-12/armv7/plain
repro debian-12/amd64/plain
repro debian-12/s390x/plain
repro debian-12
explain debian-12/s390x/nunpy
image build --target debian-21
image build
image list
image prune
policy other-nams
policy other-names --subjects releases.txt
policy other-names --subjects folder
compare last nobody --store runs.db
compare last last --store runs.db -q arhc:x
compare last last --store none.db
compare last last --store other.db
compare last last --store text-1.0-py3-none-any.whl
compare last none.json --store runs.db
compare last half.json --store runs.db
compare last list.json --store runs.db
compare last newer.json --store runs.db
history nobody --store runs.db
report nobody --store runs.db
report last --store runs.db -q subject:nobody
merge runs.db --store runs.db
site folder none.json --store runs.db
lock --matrix nowhere
config chek
config check --config none.toml
init
init folder
init text-1.0-py3-none-any.whl
"""
WITHOUT_MATRIX = {"plna", "history", "merge", "doctor", "config"}
"""Commands without ``--matrix``; all others read the one above."""


CONFIGS = (
    'targets = ["debain-12", "debian-12/s390"]\narchs = ["x86_64"]\ntimeout = "1"\nstrict = 1',
    'arches = "x86_64"\nimages = "locl"\nprofile = "x"\nimports = ["a-b"]\nwith = ["a>1"]',
    '[[own-targets]]\nid = "debian-12"\ntitle = "D"\npython = 3.11\nlibc = "gnu"',
    '[[expectations]]\ntarget = "alpine-*"\noutcome = "pass"\nreason = "r"\nlink = "l"',
    "strict = true\nstrict = false",
    "strict = yes",
)
"""Wrong configurations of a project."""
