"""Replica interpreters pass the regression tests of their CPython release."""

import pytest

from harness.app.engine_wiring import open_images
from harness.app.prober_options import ProberOptions
from harness.app.wiring import open_pinned, read_matrix
from harness.core.arches import find_arch
from harness.core.targets import ImageWay, Target
from harness.host.engine import ContainerSpec
from harness.host.engine.docker import DockerEngine
from harness.images.debian_root import native_arch
from harness.probe.open_target import TargetImages
from tests.support.commands import ROOT

pytestmark = pytest.mark.integration

TARGETS = {
    # One per interpreter and libc, with upstream's names, as CPython's tests expect.
    "python-3.9-alpine3.14": "test_importlib test_imp test_sysconfig test_zipfile",
    "fedora-34": "test_importlib test_imp test_sysconfig test_zipfile",
    "python-3.11-alpine3.18": "test_importlib test_imp test_sysconfig test_zipfile",
    "fedora-35": "test_importlib test_imp test_sysconfig test_zipfile",
    "python-3.13-alpine3.22": "test_importlib test_import test_sysconfig test_zipfile",
}
EVERY_TIME = {("python-3.9-alpine3.14", native_arch().name), ("fedora-34", native_arch().name)}
EVERY_TIME |= {("python-3.9-alpine3.14", "ppc64le"), ("fedora-34", "armv7l")}

SECONDS = 300

# The first two write beside the standard library on the read-only root; the last needs /dev/shm.
LEFT_OUT = (
    *("-i", "test_circular_imports", "-i", "test_side_effect_import"),
    *("-i", "test_multiprocessing_pool_circular_import"),
)

SMOKE = """
import ctypes, decimal, hashlib, importlib.util, json, math, multiprocessing, pyexpat, select, sys
import socket, struct, subprocess, sysconfig, tempfile, threading, unicodedata, zipfile, zlib
import _testmultiphase, _testimportmultiple
assert _testmultiphase.__file__.endswith(sysconfig.get_config_var("EXT_SUFFIX"))
assert zlib.decompress(zlib.compress(b"x" * 99)) == b"x" * 99
assert hashlib.sha256(b"").hexdigest().startswith("e3b0c442")
double = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(lambda number: number * 2)
assert double(1.25) == 2.5
assert ctypes.CDLL(None).abs(-7) == 7
assert struct.calcsize("P") * 8 == (64 if sys.maxsize > 2**32 else 32)
assert float(repr(math.pi)) == math.pi and math.fsum([0.1] * 10) == 1.0
assert subprocess.check_output([sys.executable, "-c", "print(6 * 7)"]) == b"42\\n"
worker = threading.Thread(target=print, args=("passed",))
worker.start()
worker.join()
"""


def _replicas() -> list[object]:
    found = [t for t in read_matrix(ROOT / "matrix").targets if t.id in TARGETS]
    return [
        pytest.param(
            target,
            id=target.key,
            marks=[] if (target.id, target.arch_name) in EVERY_TIME else pytest.mark.nightly,
        )
        for target in found
    ]


@pytest.fixture(scope="module")
def images() -> TargetImages:
    options = ProberOptions(images=ImageWay.REPLICA)
    return open_images(options, open_pinned(options, print), print)


@pytest.mark.parametrize("target", _replicas())
def test_an_interpreter_passes_the_tests_of_its_release(
    engine: DockerEngine, images: TargetImages, target: Target
) -> None:
    """Native: tests of importing, sysconfig and zip files; emulated: a short script."""
    if target.arch == native_arch():
        command: tuple[str, ...] = (
            "python3",
            "-m",
            "test",
            "-w",
            *LEFT_OUT,
            *TARGETS[target.id].split(),
        )
        said = "esult: SUCCESS"
    else:
        command, said = ("python3", "-c", SMOKE), "passed"
    spec = ContainerSpec(
        image=images.get(target).id, arch=find_arch(target.arch_name), command=command
    )
    done = engine.run(spec, timeout=SECONDS)
    output = done.output.decode("utf-8", "replace")
    assert done.status == 0, output[-3000:] + done.errors
    assert said in output
