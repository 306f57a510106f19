"""Build OpenSSL 1.1.1 as static libraries. Every CPython from 3.7 to 3.13 supports it.

Wheels need it for ``import ssl``. Containers have no network, so parts that are slow to compile
and only matter for TLS are left out.
"""

import os
import shutil
from pathlib import Path

from harness.core.arches import Arch
from harness.host.process import run_process

SECONDS = 600

_LEFT_OUT = (
    # Assembler and shared objects differ by arch; engines are separate files.
    *("asm", "shared", "tests", "engine", "dso", "ui-console", "autoload-config"),
    *("aria", "bf", "camellia", "cast", "gost", "idea", "md2", "md4", "mdc2", "rc2", "rc4"),
    *("rc5", "seed", "siphash", "sm2", "sm3", "sm4", "srp", "ssl3", "whirlpool"),
    *("cms", "comp", "ct", "dtls", "ec2m"),
)
# Hidden, as in libraries.py: a wheel may bring its own OpenSSL.
_FLAGS = "-O0 -fvisibility=hidden"
# Optimized, since pip and the probe run them by hashlib.
_FAST = tuple(
    f"crypto/{name}.o"
    for name in ("md5/md5_dgst", "sha/sha1dgst", "sha/sha256", "sha/sha512", "mem_clr")
)
_GENERIC = {64: "linux-generic64", 32: "linux-generic32"}
_LIBRARIES = ("libssl.a", "libcrypto.a")


def build_openssl(folder: Path, arch: Arch, source: Path, env: dict[str, str]) -> None:
    """Compile OpenSSL into ``include/`` and ``lib/`` of ``folder``.

    22 s on two cores. Raises ``ProcessError`` with the compiler's output.
    """
    build = folder / "openssl"
    build.mkdir()
    configure = ("perl", str(source / "Configure"), _GENERIC[arch.elf_bits])
    tools = ("CC=cc", "AR=ar", "RANLIB=true", "--prefix=/usr", "--openssldir=/etc/ssl")
    options = (*(f"no-{name}" for name in _LEFT_OUT), *tools, f"CFLAGS={_FLAGS}")
    make = ("make", "-s", f"-j{os.cpu_count() or 1}")
    for command in (
        (*configure, *options),
        (*make, "build_generated"),
        (*make, *_FAST, f"CFLAGS={_FLAGS} -O2"),
        (*make, *_LIBRARIES),
    ):
        run_process(command, timeout=SECONDS, cwd=build, env=env, merge=True)
    for name in _LIBRARIES:
        (build / name).replace(folder / "lib" / name)
    for include in (source / "include", build / "include"):
        shutil.copytree(include / "openssl", folder / "include/openssl", dirs_exist_ok=True)
    shutil.rmtree(build)
