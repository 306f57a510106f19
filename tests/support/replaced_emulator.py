"""A handler of the kernel that takes the programs of an arch from the one before it."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from harness.core.arches import Arch
from harness.host.doctor.emulation import BINFMT_MISC
from tests.support.second_engine import AS_ROOT

VERSION = "9.9.99"
_NAME = "wheelgrid-test"
_REGISTERED = """
printf %s "$2" > "$1/register"
echo registered
cat
echo -1 > "$1/$3"
"""


@contextlib.contextmanager
def replaced_emulator(arch: Arch, folder: Path) -> Iterator[None]:
    """Run programs of an arch with a copy of its QEMU that says that it is ``VERSION``.

    The kernel asks the handler first that was registered last. The one before is not touched, so
    that it is back as soon as this one is removed.
    """
    fields = dict(
        line.partition(" ")[::2]
        for line in (BINFMT_MISC / f"qemu-{arch.qemu}").read_text().splitlines()
    )
    qemu = Path(fields["interpreter"])
    copy = folder / qemu.name  # Debian's finds out by its name how it is called
    data = qemu.read_bytes()
    start = data.index(b" version ", data.index(f"qemu-{arch.qemu} version ".encode())) + 9
    end = data.index(b" ", start)
    copy.write_bytes(data[:start] + VERSION.encode().ljust(end - start) + data[end:])
    copy.chmod(0o755)
    magic, mask = (_escaped(fields[name]) for name in ("magic", "mask"))
    flags = fields["flags:"]
    register = f":{_NAME}:M:{fields['offset']}:{magic}:{mask}:{copy}:{flags}"
    # A process that outlives this one: it removes the handler however this one ends.
    words = [*AS_ROOT, "sh", "-ec", _REGISTERED, "sh", str(BINFMT_MISC), register, _NAME]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as keeper:
        assert keeper.stdout is not None
        assert keeper.stdout.readline() == b"registered\n"
        try:
            yield
        finally:
            keeper.communicate()
    assert not (BINFMT_MISC / _NAME).exists()


def _escaped(digits: str) -> str:
    return "".join(f"\\x{digits[at : at + 2]}" for at in range(0, len(digits), 2))
