"""The canaries: small wheels that must fail in a known way where a passport says so (pure).

Two of them must pass. They are made without a compiler, and with tags that the target's installer
accepts. What must be seen is declared, and not predicted, so that an error that prediction and
probe share is found.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass

from harness.core.arches import ARCHES, Arch
from harness.core.causes import Cause
from harness.core.cells import Outcome
from harness.core.passport import ExecStack, Passport
from harness.wheels.build.shared_object import shared_object
from harness.wheels.build.wheelfile import ComposedName, WheelMember, write_wheel

HANG_SECONDS = 1.0
"""Seconds that the wheel that hangs may take for its import; it is not installed."""
_FORKS = 400
"""More than a container may have (``ContainerLimits.pids``), and few enough for the host."""

Natives = Callable[[Passport], tuple[tuple[str, bytes], ...]]
"""Returns suffixes and bytes of the extension module ``_impl``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Canary:
    """One wheel, where it applies, and what must be seen of it there."""

    id: str
    outcomes: tuple[Outcome, ...]
    causes: tuple[str, ...] = ("",)
    applies: Callable[[Passport], bool]
    """Whether ``outcomes`` and ``causes`` must be seen on a target with that passport."""
    code: str = ""
    """Its package's ``__init__.py``."""
    natives: Natives | None = None
    mode: int = 0o644
    """Permissions of its members."""
    stable_abi: bool = False
    """Its tag says abi3."""
    damaged: bool = False
    """A member's bytes do not match its checksum."""
    installs: bool = True
    """Installed by pip, as cells are. False: its files are put in place, which is faster."""
    confirms: bool = False
    """Also tried in a new container, as failed cells are."""
    seconds: float = 0.0
    """Time limit in seconds; 0 for that of cells."""

    @property
    def package(self) -> str:
        return f"wheelgrid_canary_{self.id.replace('-', '_')}"

    @property
    def imports(self) -> tuple[str, ...]:
        return (f"{self.package}._impl",) if self.natives else (self.package,)

    @property
    def expected(self) -> str:
        """Words for what must be seen: ``timeout timeout or quiet``."""
        causes = " or ".join(filter(None, self.causes))
        return f"{' or '.join(self.outcomes)} {causes}".rstrip()

    def is_caught(self, outcome: Outcome, cause: str) -> bool:
        """Whether that is what must be seen."""
        return outcome in self.outcomes and cause in self.causes


def find_arch_of(passport: Passport) -> Arch | None:
    """Return the architecture of the interpreter's ELF header."""
    kind = (passport.elf_machine, passport.elf_bits, passport.elf_little)
    known = (arch for arch in ARCHES if (arch.elf_machine, arch.elf_bits, arch.elf_little) == kind)
    return next(known, None)


def unread_suffix(passport: Passport) -> str:
    """Return the suffix of this Python on the other libc, if the interpreter does not read it.

    Empty if it reads both (CPython issue 87278, bpo-43112).
    """
    arch = find_arch_of(passport)
    if arch is None:
        return ""
    names = (f".cpython-{_digits(passport)}-{t}.so" for t in (arch.gnu_triplet, arch.musl_triplet))
    return next((name for name in names if name not in passport.extension_suffixes), "")


def earlier_suffix(passport: Passport) -> str:
    """Return the suffix that the minor version before would build, empty if it is read."""
    digits, flag = _digits(passport), "t" if passport.free_threaded else ""
    earlier = f"cpython-{digits[0]}{int(digits[1:]) - 1}{flag}-"
    name = passport.ext_suffix.replace(f"cpython-{digits}{flag}-", earlier)
    return name if name not in passport.extension_suffixes else ""


def stable_tag(passport: Passport) -> str:
    """Return the best tag of the stable ABI that the installer accepts, or empty."""
    return next((tag for tag in passport.tags if "-abi3-" in tag), "")


def applying(passport: Passport) -> tuple[Canary, ...]:
    """Return the canaries whose condition holds for the passport, in the order of their probes."""
    return tuple(canary for canary in CANARIES if canary.applies(passport))


def canary_wheel(canary: Canary, passport: Passport) -> tuple[str, bytes]:
    """Return the file name and the bytes of a canary for a target with that passport."""
    tag = passport.tags[0] if canary.natives else "py3-none-any"
    python, abi, platform = (stable_tag(passport) if canary.stable_abi else tag).split("-")
    name = ComposedName(
        distribution=canary.package, version="1.0", python=python, abi=abi, platform=platform
    )
    first = f"{canary.package}/__init__.py"
    members = [WheelMember(path=first, data=canary.code.encode(), mode=canary.mode)]
    members += [
        WheelMember(path=f"{canary.package}/_impl{suffix}", data=data, mode=0o755)
        for suffix, data in (canary.natives(passport) if canary.natives else ())
    ]
    title = canary.package.replace("_", "-")
    metadata = {"METADATA": f"Metadata-Version: 2.1\nName: {title}\nVersion: 1.0\n"}
    out = io.BytesIO()
    write_wheel(out, name, members, metadata)
    data = out.getvalue()
    return name.filename, _damaged(data, first) if canary.damaged else data


def _damaged(data: bytes, member: str) -> bytes:
    """Return a zip archive with a bit changed in the first member, after its name."""
    place = data.index(member.encode()) + len(member)
    return data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :]


def _digits(passport: Passport) -> str:
    return passport.minor.replace(".", "")


def _always(_: Passport) -> bool:
    return True


def _known_arch(passport: Passport) -> bool:
    return find_arch_of(passport) is not None


def _own(passport: Passport, **how: object) -> bytes:
    arch = find_arch_of(passport)
    return shared_object(arch, **how) if arch else b""  # type: ignore[arg-type]


def _other_machine(passport: Passport) -> tuple[tuple[str, bytes], ...]:
    # Of the other byte order: musl does not compare machines, and both libcs find that out.
    other = next(arch for arch in ARCHES if arch.elf_little is not passport.elf_little)
    return ((passport.ext_suffix, shared_object(other)),)


_FAILS = (Outcome.IMPORT_FAILED,)
_FORGED = """\
import os

for descriptor in range(1, 64):
    try:
        os.write(descriptor, b'{"stage": "call"}\\n{"done": true, "token": "", "passed": true}\\n')
    except OSError:
        pass
os._exit(0)
"""
_BOMB = f"""\
import os
import time

for _ in range({_FORKS}):
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)
"""
CANARIES: tuple[Canary, ...] = (
    Canary(id="passes", outcomes=(Outcome.PASS,), applies=_always, code="answer = 42\n"),
    # pip gives installed files the modes of its umask, whatever the archive says.
    Canary(
        id="private-members",
        outcomes=(Outcome.PASS,),
        applies=lambda passport: passport.installer.startswith("pip "),
        code="answer = 42\n",
        mode=0o600,
    ),
    Canary(
        id="damaged-member",
        outcomes=(Outcome.INSTALL_FAILED,),
        causes=(Cause.CORRUPT_MEMBER,),
        applies=lambda passport: passport.installer.startswith("pip "),
        code="answer = 42\n",
        damaged=True,
    ),
    Canary(
        id="wrong-suffix",
        outcomes=_FAILS,
        causes=(Cause.SUFFIX_MISMATCH,),
        applies=lambda passport: bool(unread_suffix(passport)),
        natives=lambda passport: ((unread_suffix(passport), _own(passport)),),
    ),
    Canary(
        id="lying-abi3-tag",
        outcomes=_FAILS,
        causes=(Cause.SUFFIX_MISMATCH,),
        applies=lambda passport: bool(stable_tag(passport) and earlier_suffix(passport)),
        natives=lambda passport: ((earlier_suffix(passport), _own(passport)),),
        stable_abi=True,
        installs=False,
    ),
    Canary(
        id="wrong-machine",
        outcomes=_FAILS,
        causes=(Cause.WRONG_MACHINE,),
        applies=_known_arch,
        natives=_other_machine,
        installs=False,
    ),
    Canary(
        id="exec-stack",
        outcomes=_FAILS,
        causes=(Cause.EXEC_STACK,),
        applies=lambda passport: passport.exec_stack is ExecStack.REFUSED,
        natives=lambda passport: ((passport.ext_suffix, _own(passport, exec_stack=True)),),
        installs=False,
    ),
    Canary(
        id="missing-library",
        outcomes=_FAILS,
        causes=(Cause.MISSING_LIBRARY,),
        applies=_known_arch,
        natives=lambda passport: (
            (passport.ext_suffix, _own(passport, needed=("libwheelgrid-absent.so.1",))),
        ),
        installs=False,
        confirms=True,
    ),
    Canary(
        id="early-exit",
        outcomes=_FAILS,
        applies=_always,
        code="import os\n\nos._exit(0)\n",
        installs=False,
    ),
    Canary(
        id="forged-report",
        outcomes=(Outcome.IMPORT_FAILED, Outcome.CALL_FAILED),
        applies=_always,
        code=_FORGED,
        installs=False,
    ),
    Canary(
        id="hang",
        outcomes=(Outcome.TIMEOUT,),
        causes=(Cause.TIMEOUT, Cause.QUIET),
        applies=_always,
        code="import time\n\ntime.sleep(3600)\n",
        installs=False,
        seconds=HANG_SECONDS,
    ),
    Canary(
        id="fork-bomb",
        outcomes=(Outcome.IMPORT_FAILED, Outcome.CRASHED),
        causes=(Cause.PIDS_LIMIT,),
        applies=_always,
        code=_BOMB,
        installs=False,
    ),
)
