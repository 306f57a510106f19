"""What is inferred to be imported, per layout of installed files."""

from dataclasses import dataclass, replace

import pytest

from harness.predict.inferred_imports import MOST_SUBMODULES, ImportPlan, plan_imports
from harness.predict.installed_layout import init_function, layout_of
from harness.wheels.archive.elf import ElfFacts, UnreadableElf
from tests.support.forecasts import GNU, elf, wheel

SUFFIX = f".cpython-311-{GNU}.so"
LIBRARY = elf(init="", exported=("work",))


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """The files of a wheel and what is imported."""

    name: str
    files: tuple[str, ...] = ()
    natives: tuple[tuple[str, ElfFacts | UnreadableElf], ...] = ()
    required: tuple[str, ...] = ()
    submodules: tuple[str, ...] = ()


CASES = (
    Case(name="a package", files=("demo/__init__.py", "demo/core.py"), required=("demo",)),
    Case(name="a module", files=("demo.py",), required=("demo",)),
    Case(name="bytecode without source", files=("demo.pyc",), required=("demo",)),
    Case(name="stubs only", files=("demo-stubs/__init__.pyi", "demo/core.pyi")),
    Case(name="no file but metadata", files=("demo-1.0.dist-info/METADATA",)),
    Case(
        name="an extension module of a package",
        files=("demo/__init__.py",),
        natives=(("demo/_core" + SUFFIX, elf(init="_core")),),
        required=("demo",),
        submodules=("demo._core",),
    ),
    Case(
        name="parents first",
        files=("demo/__init__.py", "demo/a/__init__.py"),
        natives=(
            ("demo/a/_deep.so", elf(init="_deep")),
            ("demo/z.abi3.so", elf(init="z")),
        ),
        required=("demo",),
        submodules=("demo.z", "demo.a._deep"),
    ),
    Case(
        name="an extension module at the top",
        natives=(("demo" + SUFFIX, elf(init="demo")),),
        required=("demo",),
    ),
    Case(
        name="a private extension module beside a package",
        files=("cffi/__init__.py",),
        natives=(("_cffi_backend.so", elf(init="_cffi_backend")),),
        required=("cffi",),
        submodules=("_cffi_backend",),
    ),
    Case(name="only private modules", files=("_mine.py",), required=("_mine",)),
    Case(
        name="a private module beside a public one",
        files=("mine.py", "_mine_build.py"),
        required=("mine",),
    ),
    Case(
        name="a package that is an extension module",
        natives=(("demo/__init__.so", elf(init="demo")),),
        required=("demo",),
    ),
    Case(
        name="shared libraries that export no init function",
        files=("demo/__init__.py",),
        natives=(("libdemo.so", LIBRARY), ("demo/helper.so", LIBRARY), ("demo/b.so", elf())),
        required=("demo",),
    ),
    Case(
        name="a name that is not ASCII",
        files=("demo/__init__.py",),
        natives=(("demo/größe.so", elf(exported=("PyInitU_gre_2fa5d",))),),
        required=("demo",),
        submodules=(),
    ),
    Case(
        name="a damaged file, by its name",
        natives=(("demo" + SUFFIX, UnreadableElf(reason="cut short")),),
        required=("demo",),
    ),
    Case(
        name="a namespace package",
        files=("google/cloud/storage/__init__.py", "google/cloud/storage_v1/__init__.py"),
        required=("google.cloud.storage", "google.cloud.storage_v1"),
    ),
    Case(
        name="one module in a namespace package",
        files=("backports/zone.py",),
        required=("backports.zone",),
    ),
    Case(
        name="loose modules in a namespace package",
        files=("google/api/a.py", "google/api/b.py", "google/api/_c.py"),
        submodules=("google.api.a", "google.api.b"),
    ),
    Case(
        name="an extension module in a namespace package",
        files=("google/protobuf/__init__.py",),
        natives=(("google/_upb/_message.abi3.so", elf(init="_message")),),
        required=("google.protobuf",),
        submodules=("google._upb._message",),
    ),
    Case(
        name="tests, documents and scripts",
        files=(
            "demo/__init__.py",
            "tests/__init__.py",
            "docs/conf.py",
            "scripts/do.py",
            "setup.py",
        ),
        natives=(("demo/tests/_helper.so", elf(init="_helper")), ("test/_x.so", elf(init="_x"))),
        required=("demo",),
    ),
    Case(
        name="names that no import statement can spell",
        files=("demo.py", "class.py", "my-tool/__init__.py", "2to3.py"),
        natives=(("demo_/if/_x.so", elf(init="_x")),),
        required=("demo",),
    ),
    Case(
        name="below purelib of .data",
        files=("demo-1.0.data/purelib/demo/__init__.py", "demo-1.0.data/scripts/tool.py"),
        required=("demo",),
    ),
    Case(
        name="one folder a machine",
        files=("demo/__init__.py", "demo/fast/__init__.py"),
        natives=(
            ("demo/x86_64/_core.so", elf(init="_core")),
            ("demo/aarch64/_core.so", elf(init="_core", machine="EM_AARCH64")),
            ("demo/fast/_more.so", elf(init="_more")),
        ),
        required=("demo",),
        submodules=("demo.fast._more",),
    ),
    Case(
        name="an extension module in a folder that is no package",
        files=("demo/__init__.py",),
        natives=(("demo/lib/_core.so", elf(init="_core")),),
        required=("demo",),
        submodules=("demo.lib._core",),
    ),
    Case(
        name="what a build leaves behind",
        files=("demo/__init__.py", "build/lib/demo/__init__.py", "__main__.py"),
        required=("demo",),
    ),
    Case(name="only a program", files=("__main__.py",)),
    Case(name="data beside the package", files=("demo.py", "share/x.txt"), required=("demo",)),
    Case(name="a file with two dots", files=("demo.py", "conf.local.py"), required=("demo",)),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_plan(case: Case) -> None:
    facts = wheel(dict(case.natives), python_files=case.files)
    plan = plan_imports(layout_of(facts))
    assert (plan.required, plan.submodules) == (case.required, case.submodules)


@pytest.mark.parametrize(
    ("requires", "required", "submodules", "extras"),
    [
        ((), ("demo", "demod"), ("demo._x",), frozenset()),
        (("click", "six; python_version<'3'"), ("demo", "demod"), ("demo._x",), frozenset()),
        (
            ("click", "Aio_HTTP>=3; extra == 'd'"),
            ("demo",),
            ("demod", "demo._x"),
            frozenset({"aio-http"}),
        ),
        (("=; extra == 'd'",), ("demo", "demod"), ("demo._x",), frozenset()),
    ],
)
def test_packages_beside_that_may_need_an_extra(
    requires: tuple[str, ...],
    required: tuple[str, ...],
    submodules: tuple[str, ...],
    extras: frozenset[str],
) -> None:
    """In a wheel with extras, only the package of its own name must import without them."""
    natives = {"demo/_x.so": elf(init="_x")}
    files = ("demo/__init__.py", "demod/__init__.py")
    plan = plan_imports(layout_of(wheel(natives, python_files=files, requires_dist=requires)))
    assert (plan.required, plan.submodules, plan.extras) == (required, submodules, extras)
    assert plan.beside == set(submodules) - {"demo._x"}


def test_init_function_of_a_name_that_is_not_ascii() -> None:
    """As PEP 489 has it, in an example of its own."""
    assert init_function("lančmít") == "PyInitU_lanmt_2sa6t"
    exported = (init_function("größe"),)
    facts = wheel({"demo/größe.so": elf(exported=exported)})
    assert plan_imports(layout_of(facts)).submodules == ("demo.größe",)


@pytest.mark.parametrize(
    ("files", "hint", "required", "submodules"),
    [
        (("benchmarks/__init__.py", "tests/__init__.py"), ("benchmarks",), ("benchmarks",), ()),
        (("benchmarks/__init__.py",), (), (), ()),
        (("demo/__init__.py", "helper.py"), ("demo",), ("demo",), ("helper",)),
        (("demo/__init__.py", "helper.py"), ("demo", "helper"), ("demo", "helper"), ()),
        (("demo/__init__.py", "helper.py"), (), ("demo", "helper"), ()),
        (("demo/__init__.py", "helper.py"), ("elsewhere",), ("demo", "helper"), ()),
        (("demo/__init__.py", "tests/__init__.py"), ("demo", "tests"), ("demo",), ()),
        (("_demo.py", "_other/__init__.py"), ("_other",), ("_other",), ("_demo",)),
    ],
)
def test_top_level_txt_is_a_hint(
    files: tuple[str, ...],
    hint: tuple[str, ...],
    required: tuple[str, ...],
    submodules: tuple[str, ...],
) -> None:
    """It counts where nothing is inferred, or several modules; it adds none to what is."""
    facts = replace(
        wheel({}, filename="demo-1.0-py3-none-any.whl", python_files=files), top_level=hint
    )
    plan = plan_imports(layout_of(facts))
    assert (plan.required, plan.submodules) == (required, submodules)


def test_project_that_is_named_like_a_folder_of_tests() -> None:
    facts = wheel({}, filename="test-1.0-py3-none-any.whl", python_files=("test/__init__.py",))
    assert plan_imports(layout_of(facts)).required == ("test",)


def test_given_imports_are_the_plan() -> None:
    assert plan_imports(layout_of(wheel()), ("demo.x",)) == ImportPlan(required=("demo.x",))


def test_a_probe_imports_a_bounded_number() -> None:
    natives = {f"demo/m{n}.so": elf(init=f"m{n}") for n in range(MOST_SUBMODULES + 5)}
    plan = plan_imports(layout_of(wheel(natives)))
    assert len(plan.submodules) == MOST_SUBMODULES + 5
    assert plan.tried == plan.submodules[:MOST_SUBMODULES]


def test_folders_without_end() -> None:
    """A wheel of thousands of nested folders is planned in no time."""
    deep = "/".join(["a"] * 3000) + "/x.py"
    plan = plan_imports(layout_of(wheel({}, python_files=("demo.py", deep))))
    assert "demo" in plan.required
    assert all(len(name) < 100 for name in plan.names)
