"""Rewriting a wheel changes what was asked and nothing else."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import WheelError
from harness.wheels.archive.contents import read_contents
from harness.wheels.archive.record import digest_fields, record_line
from harness.wheels.archive.rewrite import WheelBytes, WheelChange, bytes_added, rewrite_wheel
from tests.support.wheels import verify_record

FILENAME = "demo-1.0-1fix-cp39-cp39-musllinux_1_1_x86_64.whl"
TAGS = "cp39-cp39-musllinux_1_1_x86_64"
INFO = "demo-1.0.dist-info"
MODULE = "demo/_inner.cpython-39-x86_64-linux-gnu.so"
MUSL = "demo/_inner.cpython-39-x86_64-linux-musl.so"

PATHS = st.lists(
    st.from_regex(r"demo/[a-z0-9 ,\"é_.-]{1,12}[a-z0-9]", fullmatch=True),
    unique_by=str.casefold,
    max_size=6,
)
FILES = PATHS.flatmap(
    lambda paths: st.fixed_dictionaries({path: st.binary(max_size=80) for path in paths})
)
CHANGES = st.sampled_from(
    [
        WheelChange(),
        WheelChange(names=((MODULE, (MUSL,)),)),
        WheelChange(names=((MODULE, (MODULE, MUSL)),)),
        WheelChange(
            names=((MODULE, ("demo/_inner.abi3.so",)),), tags="cp39-abi3-musllinux_1_1_x86_64"
        ),
        WheelChange(tags="cp39.cp310-cp39-musllinux_1_1_x86_64.linux_x86_64"),
    ]
)


def packed(files: dict[str, bytes], *, end: str = "\n", extra: str = "") -> WheelBytes:
    """Return a wheel with every kind of member: well compressed, stored, executable, directory."""
    wheel = f"Wheel-Version: 1.0{end}Root-Is-Purelib: false{end}Tag: {TAGS}{end}Build: 1fix{end}"
    members = {
        **files,
        MODULE: b"module" * 50,
        f"{INFO}/METADATA": b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
        f"{INFO}/WHEEL": wheel.encode(),
        **({f"{INFO}/{extra}": b"{}"} if extra else {}),
    }
    rows = [record_line([name, *digest_fields(data)], end) for name, data in members.items()]
    members[f"{INFO}/RECORD"] = "".join([*rows, f"{INFO}/RECORD,,{end}"]).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("demo/", (1999, 1, 2, 0, 0, 0)), b"")
        for at, (name, data) in enumerate(members.items()):
            entry = zipfile.ZipInfo(name, (2001 + at, 2, 3, 4, 5, 6))
            entry.compress_type = zipfile.ZIP_DEFLATED if at % 2 else zipfile.ZIP_STORED
            entry.create_system = 3
            entry.external_attr = (0o100755 if at % 3 else 0o100644) << 16
            archive.writestr(entry, data, compresslevel=9)
    return WheelBytes(filename=FILENAME, data=out.getvalue())


def entries(wheel: WheelBytes) -> dict[str, tuple[object, ...]]:
    with zipfile.ZipFile(io.BytesIO(wheel.data)) as archive:
        return {
            i.filename: (
                archive.read(i), i.date_time, i.external_attr, i.create_system, i.compress_type
            )
            for i in archive.infolist()
        }  # fmt: skip


@given(files=FILES, change=CHANGES)
def test_nothing_else_changes(
    files: dict[str, bytes], change: WheelChange, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A rewritten wheel verifies, and unnamed members keep bytes, time, mode and order."""
    before = packed(files)
    after = rewrite_wheel(before, change)
    path = tmp_path_factory.mktemp("wheel") / after.filename
    path.write_bytes(after.data)
    verify_record(path)
    read_contents(after.filename, io.BytesIO(after.data))
    old, new = entries(before), entries(after)
    touched = {f"{INFO}/RECORD", f"{INFO}/WHEEL"} if change.tags else {f"{INFO}/RECORD"}
    named = dict(change.names)
    expected = [new_name for name in old for new_name in named.get(name, (name,))]
    assert list(new) == expected
    for name, entry in old.items():
        for new_name in named.get(name, (name,)):
            assert name in touched or new[new_name] == entry
            assert new[new_name][1:] == entry[1:]


@given(files=FILES, change=CHANGES)
def test_rewriting_is_reproducible(files: dict[str, bytes], change: WheelChange) -> None:
    """Equal input gives equal bytes, and an empty change to the result changes nothing."""
    before = packed(files)
    after = rewrite_wheel(before, change)
    assert rewrite_wheel(before, change) == after
    assert rewrite_wheel(after, WheelChange()) == after


@given(files=FILES)
def test_rename_is_reversible(files: dict[str, bytes]) -> None:
    """Renaming back restores the wheel."""
    before = rewrite_wheel(packed(files), WheelChange())
    there = rewrite_wheel(before, WheelChange(names=((MODULE, (MUSL,)),)))
    assert rewrite_wheel(there, WheelChange(names=((MUSL, (MODULE,)),))) == before


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_record_keeps_its_lines(end: str) -> None:
    """Unchanged lines of RECORD keep their bytes, line ends included."""
    before, after = (
        entries(wheel)[f"{INFO}/RECORD"][0]
        for wheel in (
            packed({"demo/a, b.py": b""}, end=end),
            rewrite_wheel(
                packed({"demo/a, b.py": b""}, end=end),
                WheelChange(names=((MODULE, (MODULE, MUSL)),)),
            ),
        )
    )
    assert isinstance(before, bytes)
    assert isinstance(after, bytes)
    was, now = before.decode().splitlines(keepends=True), after.decode().splitlines(keepends=True)
    added = [line for line in now if line not in was]
    assert [line for line in now if line in was] == was
    assert added == [line.replace("-gnu", "-musl") for line in was if line.startswith(MODULE)]


def test_new_tags() -> None:
    """New tags are compressed in the file name and expanded in WHEEL."""
    change = WheelChange(tags="cp39-abi3-musllinux_1_1_x86_64.linux_x86_64")
    after = rewrite_wheel(packed({}), change)
    assert after.filename == "demo-1.0-1fix-cp39-abi3-musllinux_1_1_x86_64.linux_x86_64.whl"
    assert entries(after)[f"{INFO}/WHEEL"][0] == (
        b"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp39-abi3-linux_x86_64\n"
        b"Tag: cp39-abi3-musllinux_1_1_x86_64\nBuild: 1fix\n"
    )


def test_bytes_added() -> None:
    """A rename adds only the longer names, however well the wheel was compressed."""
    before = packed({"demo/text.py": b"import this\n" * 500})
    after = rewrite_wheel(before, WheelChange(names=((MODULE, (MUSL,)),)))
    assert 0 < bytes_added(before, after) < 10


def test_signed_wheel_is_refused() -> None:
    """A signed wheel is not rewritten, since its signature would be invalid."""
    with pytest.raises(WheelError, match=r"it is signed \(RECORD.jws\)"):
        rewrite_wheel(packed({}, extra="RECORD.jws"), WheelChange(tags=TAGS))


@pytest.mark.parametrize("names", [("demo/here.py",), (MUSL, MUSL)])
def test_name_of_another_member(names: tuple[str, ...]) -> None:
    """A new name that another member has is an error."""
    with pytest.raises(WheelError, match="two members would be called"):
        rewrite_wheel(packed({"demo/here.py": b""}), WheelChange(names=((MODULE, names),)))


def test_a_damaged_wheel() -> None:
    """A file that is no wheel is an error."""
    with pytest.raises(WheelError, match="is empty"):
        rewrite_wheel(WheelBytes(filename=FILENAME, data=b""), WheelChange())
