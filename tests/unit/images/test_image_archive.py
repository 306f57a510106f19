"""Image archives: platform, layers, id and reproducibility."""

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from harness.core.arches import ARCHES, Arch, find_arch
from harness.images.image_archive import write_archive
from tests.support.image_engine import read_image

REFERENCE = "wheelgrid/bookworm-armv7l:0123"


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    path = tmp_path / "root.tar"
    path.write_bytes(b"a layer is a tar, which nobody looks into here" * 1000)
    return path


def members(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        return {m.name: stream.read() for m in tar if (stream := tar.extractfile(m))}


def config_of(archive: Path) -> dict[str, Any]:
    files = members(archive)
    (image,) = json.loads(files["manifest.json"])
    loaded: dict[str, Any] = json.loads(files[image["Config"]])
    return loaded


@pytest.mark.parametrize("arch", ARCHES, ids=lambda arch: str(arch.name))
def test_config_has_the_platform_of_the_arch(arch: Arch, layer: Path, tmp_path: Path) -> None:
    """It does not depend on this machine."""
    write_archive([layer], tmp_path / "a.tar", reference=REFERENCE, arch=arch, labels={})
    assert read_image(tmp_path / "a.tar").platform == arch.platform


def test_config_without_variant_lacks_the_field(layer: Path, tmp_path: Path) -> None:
    """With an empty variant engines print ``linux/s390x/``."""
    archive = tmp_path / "a.tar"
    write_archive([layer], archive, reference=REFERENCE, arch=find_arch("s390x"), labels={})
    assert "variant" not in config_of(archive)


def test_layer_is_copied_and_its_digest_recorded(layer: Path, tmp_path: Path) -> None:
    """The engine checks ``diff_ids`` against the layer's bytes."""
    archive = tmp_path / "a.tar"
    write_archive(
        [layer], archive, reference=REFERENCE, arch=find_arch("armv7l"), labels={"k": "v"}
    )
    files = members(archive)
    (image,) = json.loads(files["manifest.json"])
    assert image["RepoTags"] == [REFERENCE]
    assert [files[name] for name in image["Layers"]] == [layer.read_bytes()]
    config = config_of(archive)
    assert config["rootfs"]["diff_ids"] == [
        "sha256:" + hashlib.sha256(layer.read_bytes()).hexdigest()
    ]
    assert config["config"]["Labels"] == {"k": "v"}
    assert "LANG=C.UTF-8" in config["config"]["Env"]


def test_layers_keep_their_order(layer: Path, tmp_path: Path) -> None:
    """Manifest and config list the lowest layer first."""
    upper, archive = tmp_path / "upper.tar", tmp_path / "a.tar"
    upper.write_bytes(b"what lies above")
    arch = find_arch("s390x")
    write_archive([layer, upper], archive, reference=REFERENCE, arch=arch, labels={})
    files = members(archive)
    (image,) = json.loads(files["manifest.json"])
    copied = [files[name] for name in image["Layers"]]
    assert copied == [layer.read_bytes(), b"what lies above"]
    assert config_of(archive)["rootfs"]["diff_ids"] == [
        "sha256:" + hashlib.sha256(data).hexdigest() for data in copied
    ]


def test_id_is_the_digest_of_the_config(layer: Path, tmp_path: Path) -> None:
    """Engines compute the same id."""
    archive = tmp_path / "a.tar"
    image_id = write_archive(
        [layer], archive, reference=REFERENCE, arch=find_arch("armv7l"), labels={}
    )
    files = members(archive)
    (image,) = json.loads(files["manifest.json"])
    assert image_id == "sha256:" + hashlib.sha256(files[image["Config"]]).hexdigest()


def test_archive_is_reproducible(layer: Path, tmp_path: Path) -> None:
    """It does not depend on time, user or order of labels."""
    one, two = tmp_path / "1.tar", tmp_path / "2.tar"
    arch = find_arch("ppc64le")
    write_archive([layer], one, reference=REFERENCE, arch=arch, labels={"a": "1", "b": "2"})
    write_archive([layer], two, reference=REFERENCE, arch=arch, labels={"b": "2", "a": "1"})
    assert one.read_bytes() == two.read_bytes()
