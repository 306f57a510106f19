"""Compiled files are copied from a native root to a foreign one for equal sources."""

import io
import tarfile
from pathlib import Path

from harness.images.bytecode import Bytecode, read_bytecode, write_layer

LIB = "./usr/lib/python3.11"


def write_root(path: Path, files: dict[str, bytes], *, device: str = "") -> Path:
    """Write a tar with ``files`` and their directories as mmdebstrap does: by name, with ``./``."""
    folders = {str(parent) for name in files for parent in Path(name).parents} - {"."}
    with tarfile.open(path, "w") as tar:
        for name in sorted({*(f"./{folder}" for folder in folders), *files}):
            info = tarfile.TarInfo(name)
            data = files.get(name)
            info.type = tarfile.DIRTYPE if data is None else tarfile.REGTYPE
            info.size = len(data or b"")
            info.mtime = 1577836800
            tar.addfile(info, io.BytesIO(data or b""))
        if device:
            info = tarfile.TarInfo(device)
            info.type = tarfile.CHRTYPE
            tar.addfile(info)
    return path


def native_root(tmp_path: Path) -> Path:
    return write_root(
        tmp_path / "native.tar",
        {
            f"{LIB}/os.py": b"import abc",
            f"{LIB}/__pycache__/os.cpython-311.pyc": b"compiled os",
            f"{LIB}/json.py": b"native only",
            f"{LIB}/__pycache__/json.cpython-311.pyc": b"compiled json",
            f"{LIB}/__pycache__/gone.cpython-311.pyc": b"its source is gone",
        },
    )


def read_members(layer: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(layer) as tar:
        names = tar.getnames()
        assert len(names) == len(set(names)), "a member is there twice"
        return {member.name: member for member in tar.getmembers()}


def test_only_compiled_files_with_a_source_are_read(tmp_path: Path) -> None:
    """A ``.pyc`` without its source in the root is ignored."""
    bytecode = read_bytecode(native_root(tmp_path))
    assert len(bytecode) == 2
    (found,) = bytecode.of(f"{LIB}/os.py", b"import abc")
    assert found.data == b"compiled os"
    assert bytecode.of(f"{LIB}/os.py", b"import abc # patched") == ()


def test_equal_sources_get_their_compiled_files(tmp_path: Path) -> None:
    """Path and bytes must match; the file is in ``__pycache__``, readable by all."""
    foreign = write_root(
        tmp_path / "foreign.tar", {f"{LIB}/os.py": b"import abc", f"{LIB}/json.py": b"other bytes"}
    )
    layer = tmp_path / "layer.tar"
    write_layer(foreign, read_bytecode(native_root(tmp_path)), layer)
    found = read_members(layer)
    assert set(found) - set(read_members(foreign)) == {
        f"{LIB}/__pycache__",
        f"{LIB}/__pycache__/os.cpython-311.pyc",
    }
    assert found[f"{LIB}/__pycache__"].isdir()
    assert found[f"{LIB}/__pycache__/os.cpython-311.pyc"].mode == 0o644
    with tarfile.open(layer) as tar:
        stream = tar.extractfile(f"{LIB}/__pycache__/os.cpython-311.pyc")
        assert stream is not None
        assert stream.read() == b"compiled os"


def test_source_gets_a_file_per_interpreter(tmp_path: Path) -> None:
    """Modules of dist-packages are compiled by each interpreter."""
    dist = "./usr/lib/python3/dist-packages"
    files = {f"{dist}/pip.py": b"", f"{dist}/wheel.py": b""}
    compiled = {
        f"{dist}/__pycache__/{name}.cpython-{version}.pyc": b"x"
        for name in ("pip", "wheel")
        for version in ("314", "315")
    }
    native = write_root(tmp_path / "native.tar", {**files, **compiled})
    layer = tmp_path / "layer.tar"
    write_layer(write_root(tmp_path / "foreign.tar", files), read_bytecode(native), layer)
    assert compiled.keys() <= read_members(layer).keys()


def test_device_nodes_are_left_out(tmp_path: Path) -> None:
    """Only root can create them, and the engine has its own."""
    root = write_root(tmp_path / "root.tar", {"./etc/passwd": b"root"}, device="./dev/null")
    layer = tmp_path / "layer.tar"
    write_layer(root, Bytecode(), layer)
    assert set(read_members(layer)) == {"./etc", "./etc/passwd"}


def test_layer_is_reproducible(tmp_path: Path) -> None:
    """A layer's digest is part of the image's id."""
    bytecode = read_bytecode(native_root(tmp_path))
    foreign = write_root(tmp_path / "foreign.tar", {f"{LIB}/os.py": b"import abc"})
    write_layer(foreign, bytecode, tmp_path / "1.tar")
    write_layer(foreign, bytecode, tmp_path / "2.tar")
    assert (tmp_path / "1.tar").read_bytes() == (tmp_path / "2.tar").read_bytes()
