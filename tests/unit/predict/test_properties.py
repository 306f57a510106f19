"""Properties of predictions for all wheels and targets."""

import io
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from importlib.machinery import (
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.cells import Outcome
from harness.core.passport import Passport
from harness.passports.book import PassportBook, PassportRecord, RecordedAs
from harness.predict import predict
from harness.predict.installed_layout import layout_of
from harness.wheels.archive.elf import read_elf
from tests.fuzz.contracts import READERS, SEEDS, golden_elves
from tests.support.commands import ROOT
from tests.support.facts import recorded_facts
from tests.support.forecasts import GLIBC, MODULE, MUSL, elf, symbols, wheel

FOUND = Path(__file__).parents[2] / "data" / "fuzz"
FACTS = [row for row in recorded_facts().values() if row.ext_suffixes]
SUFFIXES = (
    ".cpython-39-x86_64-linux-gnu.so",
    ".cpython-39-x86_64-linux-musl.so",
    ".abi3.so",
    ".so",
)
BOOK = PassportBook(ROOT / "matrix" / "passports")
MEASURED = [record for record in BOOK.records if record.recorded_as is RecordedAs.MEASURED]
ENDINGS = (*SUFFIXES, ".py", ".pyc", ".pyi", ".so.1")
PLACES = ("m", "m/__init__", "m/n", "m/n/__init__")


def target(index: int) -> Passport:
    """Return the passport of a recorded environment, with tags for any platform."""
    row = FACTS[index]
    return replace(
        GLIBC,
        soabi=row.soabi,
        ext_suffix=row.ext_suffix,
        extension_suffixes=row.ext_suffixes,
        libc=f"{row.libc} {row.libc_version}",
        tags=("py3-none-any",),
        libraries=(),
        linked=(),
        exports="",
    )


@pytest.mark.parametrize("index", range(len(FACTS)))
def test_portable_wheels_pass_on_every_target(index: int) -> None:
    """A pure wheel and a plain ``.so`` without libraries pass on every recorded target."""
    row = FACTS[index]
    anyone = "demo-1.0-py3-none-any.whl"
    pure = wheel({}, filename=anyone)
    bare = wheel({"demo/_inner.so": elf(needed=())}, filename=anyone)
    for facts in (pure, bare):
        predicted = predict(facts, target(index), symbols, imports=("demo",))
        assert predicted.outcome is Outcome.PASS, (row.name, row.arch, predicted)


@pytest.mark.parametrize(
    "record",
    # PyPy reads no plain ``.so``.
    [pytest.param(r, id=r.target) for r in MEASURED if ".so" in r.passport.extension_suffixes],
)
def test_module_of_python_and_libc_symbols_passes_on_every_measured_target(
    record: PassportRecord,
) -> None:
    """The module is a plain ``.so`` that needs malloc and one old function of Python."""
    passport = record.passport
    libc = "libc.so.6"
    if passport.libc.startswith("musl"):
        libc = next(lib.name for lib in passport.libraries if "musl" in lib.name)
    inner = elf(
        "malloc",
        needed=(libc,),
        machine=passport.elf_machine,
        bits=passport.elf_bits,
        little=passport.elf_little,
        load_align=1 << 16,
    )
    facts = wheel({"demo/_inner.so": inner}, filename="demo-1.0-py3-none-any.whl")
    predicted = predict(facts, passport, BOOK.symbols, imports=("demo", "demo._inner"))
    assert predicted.outcome is Outcome.PASS, predicted


@given(
    files=st.sets(st.tuples(st.sampled_from(PLACES), st.sampled_from(ENDINGS)), max_size=8),
    suffixes=st.permutations(SUFFIXES).flatmap(
        lambda order: st.integers(1, len(order)).map(lambda count: tuple(order[:count]))
    ),
)
@settings(max_examples=300)
def test_modules_are_found_as_importlib_finds_them(
    files: set[tuple[str, str]], suffixes: tuple[str, ...]
) -> None:
    """For any files and suffix list the found file is the one that importlib finds."""
    names = tuple(sorted(place + ending for place, ending in files))
    layout = layout_of(wheel({}, python_files=names))
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        for module in ("m", "n"):
            place = Path(folder) if module == "m" else Path(folder, "m")
            ours = layout.find(module if module == "m" else "m.n", suffixes)
            assert ours == _as_importlib(place, module, suffixes, Path(folder))


def _as_importlib(place: Path, module: str, suffixes: Sequence[str], root: Path) -> str | None:
    finder = FileFinder(
        str(place),
        (ExtensionFileLoader, list(suffixes)),
        (SourceFileLoader, [".py"]),
        (SourcelessFileLoader, [".pyc"]),
    )
    spec = finder.find_spec(module)
    if spec is None:
        return None
    return str(Path(spec.origin).relative_to(root)) if spec.origin else ""


@given(
    name=st.sampled_from(sorted(golden_elves())),
    end=st.integers(0, 4096),
    passport=st.sampled_from([GLIBC, MUSL]),
)
@settings(max_examples=200)
def test_truncated_file_is_predicted(name: str, end: int, passport: Passport) -> None:
    """A truncated file gives a prediction with a reason, without a crash."""
    facts = wheel({MODULE: read_elf(io.BytesIO(golden_elves()[name][:end]))})
    predicted = predict(facts, replace(passport, tags=GLIBC.tags), symbols)
    assert predicted.outcome is Outcome.PASS or (
        predicted.cause and predicted.evidence and predicted.explanation
    )


@given(reader=st.sampled_from(sorted(READERS)), data=st.binary(max_size=4096))
@settings(max_examples=200)
def test_any_bytes_are_read(reader: str, data: bytes) -> None:
    """The readers keep their contracts for any bytes."""
    READERS[reader](data)


@pytest.mark.parametrize(
    ("reader", "name"), [(reader, name) for reader in SEEDS for name in SEEDS[reader]()]
)
def test_seeds_keep_the_contracts(reader: str, name: str) -> None:
    """Hostile ones among them."""
    READERS[reader](SEEDS[reader]()[name])


@pytest.mark.parametrize("path", sorted(FOUND.glob("*/*")), ids=lambda path: path.name)
def test_what_fuzzing_found(path: Path) -> None:
    """One input for each kind of damage that the fuzzer found."""
    READERS[path.parent.name](path.read_bytes())
