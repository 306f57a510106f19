"""Dependencies on real targets: resolved on the host, installed and imported in the target."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.core.arches import Arch, find_arch
from harness.images.debian_root import native_arch
from tests.support.commands import Ended, wheelgrid
from tests.support.elves import compiled
from tests.support.loopback_index import LoopbackIndex, loopback_index
from tests.support.released import Releases
from tests.support.wheels import make_wheel

__all__ = ["loopback_index"]

pytestmark = pytest.mark.integration

NATIVE, FOREIGN = native_arch(), find_arch("s390x")
BROKEN = "raise ImportError('broken on purpose')"


@pytest.fixture
def releases(loopback_index: LoopbackIndex, tmp_path: Path) -> Releases:
    folder = tmp_path / "served"
    folder.mkdir()
    return Releases(loopback_index, folder)


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A finished check."""

    ended: Ended
    cells: dict[tuple[str, str], dict[str, Any]]
    """Observations by arch and subject."""

    @property
    def seen(self) -> dict[str, dict[str, Any]]:
        """Observations of the only subject by arch."""
        return {arch: seen for (arch, _), seen in self.cells.items()}


def check(
    releases: Releases,
    folder: Path,
    wheel: Path,
    *words: object,
    arches: Sequence[Arch] = (NATIVE, FOREIGN),
    target: str = "debian-12",
) -> Checked:
    """Check a wheel on a target, natively and under emulation, with the loopback index."""
    on = [word for arch in arches for word in ("--arch", arch.name)]
    where = ("--images", "local", "--target", target, *on, "-n", "1")
    index = ("--index-url", releases.index.endpoint)
    kept = ("--out", folder / "grid", "--store", folder / "store.db")
    ended = wheelgrid("check", wheel, *where, *index, *kept, *words, timeout=300)
    document = folder / "grid" / "run.json"
    cells = json.loads(document.read_text())["cells"] if document.exists() else []
    return Checked(
        ended=ended,
        cells={
            (cell["target"].partition("/")[2], cell["subject"]): {
                **cell["observation"],
                "agreement": cell["agreement"],
            }
            for cell in cells
        },
    )


@pytest.mark.parametrize("foreign", [FOREIGN, find_arch("armv7l")], ids=lambda arch: arch.name)
def test_dependencies_are_installed(releases: Releases, tmp_path: Path, foreign: Arch) -> None:
    """Markers and tags are those of the target; nothing else is installed."""
    releases.add("helper", "1.0", "deeper>=2", code="import deeper")
    releases.add("deeper", "2.0", code="name = 'deeper'")
    releases.add("foreign", code=f"import os; assert os.uname().machine == {foreign.name!r}")
    marker = f"platform_machine == '{foreign.name}'"
    code = (
        "import helper, os\n"
        "try:\n    import foreign\n    there = True\n"
        "except ModuleNotFoundError:\n    there = False\n"
        f"assert there == (os.uname().machine == {foreign.name!r})\n"
    )
    wheel = make_wheel(tmp_path, "demo", code, requires=("helper", f"foreign; {marker}"))
    checked = check(releases, tmp_path, wheel, arches=[NATIVE, foreign])
    assert checked.ended.status == 0, checked.ended.said
    both = ["deeper-2.0-py3-none-any.whl", "helper-1.0-py3-none-any.whl"]
    assert checked.seen[NATIVE.name]["companions"] == both
    assert checked.seen[foreign.name]["companions"] == [
        both[0],
        "foreign-1.0-py3-none-any.whl",
        both[1],
    ]


def test_broken_dependency_is_named(releases: Releases, tmp_path: Path) -> None:
    """Its import fails the wheel's, with its name; ``--no-deps`` fails for another reason."""
    releases.add("helper", code=BROKEN)
    wheel = make_wheel(tmp_path, "demo", "import helper", requires=("helper",))
    checked = check(releases, tmp_path, wheel)
    assert checked.ended.status == 1, checked.ended.said
    for arch in (NATIVE, FOREIGN):
        seen = checked.seen[arch.name]
        assert (seen["outcome"], seen["stage"]) == ("import-failed", "import")
        assert seen["evidence"] == "dependency helper 1.0: ImportError: broken on purpose"
        assert len(seen["attempts"]) == 2
    (alone,) = check(releases, tmp_path, wheel, "--no-deps", arches=[NATIVE]).seen.values()
    assert alone["evidence"] == "ModuleNotFoundError: No module named 'helper'"


def test_failing_module_of_a_dependency_is_predicted(releases: Releases, tmp_path: Path) -> None:
    """`predict` and `check` name the dependency, the file that is not read, and the cause."""
    held = "_inner.cpython-39-x86_64-linux-gnu.so"
    module = compiled("void *PyInit__inner(void) { return 0; }", tmp_path)
    files: dict[str, str | bytes] = {
        "core/__init__.py": "from . import _inner",
        f"core/{held}": module,
    }
    releases.add("helper", "1.0", code="import core", files=files)
    wheel = make_wheel(tmp_path, "demo", "import helper", requires=("helper",))
    checked = check(releases, tmp_path, wheel, "--strict-prediction")
    assert "--strict-prediction" not in checked.ended.said
    for arch in (NATIVE, FOREIGN):
        seen = checked.seen[arch.name]
        found = (seen["outcome"], seen["cause"], seen["agreement"])
        assert found == ("import-failed", "suffix-mismatch", "agrees")
        start = f"dependency helper 1.0: {held} is not read by this interpreter (it reads .cpython"
        assert seen["evidence"].startswith(start)
    words = ("--target", "debian-12", "--index-url", releases.index.endpoint)
    predicted = wheelgrid("predict", wheel, *words, "--json")
    assert predicted.status == 1, predicted.said
    lines = [json.loads(line)["prediction"] for line in predicted.out.splitlines()]
    assert len(lines) >= len(checked.seen)
    for line in lines:
        assert line["cause"] == "suffix-mismatch"
        assert line["evidence"].startswith(f"dependency helper 1.0: {held}; the interpreter reads")


def test_dependency_with_a_wheel_for_each_libc(releases: Releases, tmp_path: Path) -> None:
    """No marker names the libc; the tags of the wheels do."""
    both = (NATIVE.name, FOREIGN.name)
    for arch in both:
        releases.add("core", tag=f"py3-none-manylinux_2_17_{arch}")
        releases.add("core", tag=f"py3-none-musllinux_1_1_{arch}")
        releases.add("only", tag=f"py3-none-musllinux_1_1_{arch}")
    wheel = make_wheel(tmp_path, "demo", "import core, only", requires=("core", "only"))
    musl = "python-3.11-alpine3.18"
    on = [word for arch in both for word in ("--arch", arch)]
    # The served index has no pip, which goes into the image.
    made = wheelgrid("image", "build", "--target", musl, *on, "--images", "local", timeout=900)
    assert made.status == 0, made.said
    on_musl = check(releases, tmp_path / "musl", wheel, target=musl)
    assert on_musl.ended.status == 0, on_musl.ended.said
    for arch in both:
        assert on_musl.seen[arch]["companions"] == [
            f"core-1.0-py3-none-musllinux_1_1_{arch}.whl",
            f"only-1.0-py3-none-musllinux_1_1_{arch}.whl",
        ]
    on_glibc = check(releases, tmp_path / "glibc", wheel)
    for arch in both:
        seen = on_glibc.seen[arch]
        assert (seen["outcome"], seen["cause"]) == ("refused", "dependency-refused")
        assert "no wheel of only 1.0 for this platform" in seen["evidence"]


def test_dependency_without_a_wheel_there(releases: Releases, tmp_path: Path) -> None:
    """Refused on the arch that has no wheel, with name, reason and chain; the other passes."""
    releases.add("helper", "1.0", "core")
    releases.add("core", tag=f"cp311-cp311-manylinux_2_17_{NATIVE.name}")
    releases.add_sdist("core")
    wheel = make_wheel(tmp_path, "demo", "import helper, core", requires=("helper",))
    checked = check(releases, tmp_path, wheel)
    assert checked.ended.status == 0, checked.ended.said
    assert checked.seen[NATIVE.name]["outcome"] == "pass"
    seen = checked.seen[FOREIGN.name]
    assert (seen["outcome"], seen["cause"]) == ("refused", "dependency-refused")
    assert seen["evidence"] == (
        f"no wheel of core 1.0 for {FOREIGN.name}; there are wheels for {NATIVE.name}; "
        "users would compile it (demo 1.0 → helper 1.0 → core)"
    )
    assert "dependency-refused" in checked.ended.out


def test_options_of_dependencies(releases: Releases, tmp_path: Path) -> None:
    """A sibling of the release, a companion that nothing asks for, an extra, and a constraint."""
    releases.add("helper", "1.0")
    releases.add("helper", "2.0", code=BROKEN)
    releases.add("plugin", "3.0")
    releases.add("speedups", "4.0")
    siblings = tmp_path / "siblings"
    siblings.mkdir()
    make_wheel(siblings, "sibling", "")
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("helper<2\n")
    wheel = make_wheel(
        tmp_path,
        "demo",
        "import helper, sibling, plugin, speedups",
        requires=("helper", "sibling==1.0", "speedups; extra == 'fast'"),
    )
    more = ("--find-links", siblings, "--with", "plugin==3.0", "--constraint", constraints)
    checked = check(releases, tmp_path, wheel, *more, "--extra", "fast")
    assert checked.ended.status == 0, checked.ended.said
    assert checked.seen[FOREIGN.name]["companions"] == [
        "helper-1.0-py3-none-any.whl",
        "plugin-3.0-py3-none-any.whl",
        "sibling-1.0-py3-none-any.whl",
        "speedups-4.0-py3-none-any.whl",
    ]


def test_damaged_dependency_does_not_install(releases: Releases, tmp_path: Path) -> None:
    """What pip refuses of a dependency is a failed installation, and no miss."""
    data = releases.add("helper")
    releases.index.pages["simple/helper/"] = b""
    name = "helper-1.0-py3-none-any.whl"
    metadata = b"Metadata-Version: 2.1\nName: helper\nVersion: 1.0\n"
    releases.link("helper", name, data[:-30], releases.serve_metadata(name, metadata))
    wheel = make_wheel(tmp_path, "demo", "import helper", requires=("helper",))
    (seen,) = check(releases, tmp_path, wheel, arches=[NATIVE]).seen.values()
    assert (seen["outcome"], seen["stage"]) == ("install-failed", "install")
    assert seen["evidence"].startswith("dependency does not install: ")


BAD = {
    "unknown": ("nowhere", "the package index has no project nowhere (unknown 1.0 → nowhere)"),
    "circle": ("loop", "no release of loop fits <1; the package index has 1.0"),
    "marker": ("a; platform_libc == 'musl'", "does not parse"),
    "address": ("a @ https://example.org/a-1.0.whl", "is an address; only wheels of the package"),
}


def test_bad_requirement_is_one_cell(releases: Releases, tmp_path: Path) -> None:
    """Each is a refusal with its line; 300 dependencies beside them are installed."""
    releases.add("loop", "1.0", "loop2")
    releases.add("loop2", "1.0", "loop<1")
    many = [f"p{number:03}" for number in range(300)]
    for name in many:
        releases.add(name)
    dist = tmp_path / "dist"
    dist.mkdir()
    make_wheel(dist, "many", "import p000, p299", requires=many)
    for name, (requires, _) in BAD.items():
        make_wheel(dist, name, "", requires=(requires,))
    checked = check(releases, tmp_path, dist, arches=[NATIVE])
    assert checked.ended.status == 0, checked.ended.said
    assert len(checked.cells) == 5
    for (_, subject), seen in checked.cells.items():
        if subject == "many-1.0":
            assert (seen["outcome"], len(seen["companions"])) == ("pass", 300)
            continue
        assert (seen["outcome"], seen["cause"]) == ("refused", "dependency-refused")
        assert BAD[subject.removesuffix("-1.0")][1] in seen["evidence"]
