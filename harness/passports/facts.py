"""Derive passports from published facts of environments that cannot be measured.

Their images no longer exist or are unreachable. Facts name an interpreter's suffixes and its
installer's tags, but no libraries, kernels or page sizes.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.tags import compatible_tags, cpython_tags
from pydantic import TypeAdapter, ValidationError

from harness.core.arches import find_arch
from harness.core.errors import PassportError
from harness.core.passport import Passport, exec_stack_of
from harness.core.targets import ReplicaField, Target
from harness.passports.book import PassportRecord, RecordedAs
from harness.passports.conformance import EnvironmentFacts

_FACTS: TypeAdapter[list[EnvironmentFacts]] = TypeAdapter(list[EnvironmentFacts])
_VERSION = re.compile(r"3(\.\d+)+")
_RANGE = re.compile(r"manylinux_2_x for x<=(?P<newest>\d+)")
_LEGACY = ("manylinux2014", "manylinux2010", "manylinux1")
_OLDEST = {"x86_64": 5, "i686": 5}
"""Arch → oldest glibc 2.x of its platform tags (PEP 600); 17 on the others."""


def read_facts(path: Path) -> tuple[EnvironmentFacts, ...]:
    """Return the facts of a JSON file. Raises ``PassportError``."""
    try:
        return tuple(_FACTS.validate_json(path.read_bytes()))
    except OSError as error:
        raise PassportError(
            f"{path}: cannot be read: {error.strerror}; name a JSON file"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole file"
        raise PassportError(
            f"{path}: no list of facts: {where}: {first['msg']}; correct it"
        ) from error


def fact_records(
    facts: Iterable[EnvironmentFacts], targets: Iterable[Target]
) -> Iterator[PassportRecord]:
    """Yield a record for each target whose real environment has facts on its arch.

    A target with another pip than the environment shipped is skipped.
    """
    known = {(fact.name, fact.arch): fact for fact in facts}
    for target in targets:
        way = target.replica
        fact = known.get((way.replicates, target.arch_name)) if way else None
        if way and fact and fact.available and ReplicaField.PIP not in way.differs:
            yield PassportRecord(
                target=target.key,
                passport=fact_passport(fact),
                recorded_as=RecordedAs.FACTS,
                source=f"{fact.name}: {fact.source} ({fact.confidence})",
            )


def fact_passport(fact: EnvironmentFacts) -> Passport:
    """Return the passport of ``fact``; unknown fields are empty, 0 or false."""
    arch = find_arch(fact.arch)
    version = _VERSION.match(fact.python)
    python = version[0] if version else fact.python
    libc = f"{fact.libc} {fact.libc_version}"
    return Passport(
        python=python,
        implementation="CPython",
        soabi=fact.soabi,
        ext_suffix=fact.ext_suffix,
        extension_suffixes=fact.ext_suffixes,
        multiarch=fact.multiarch,
        platform=f"linux-{arch.name}",
        tags=tuple(_tags(fact, python)),
        installer=f"pip {fact.pip}",
        libc=libc,
        machine=arch.name,
        elf_machine=arch.elf_machine,
        elf_bits=arch.elf_bits,
        elf_little=arch.elf_little,
        page_size=0,
        kernel="",
        externally_managed=False,
        exec_stack=exec_stack_of(libc),
    )


def _tags(fact: EnvironmentFacts, python: str) -> Iterator[str]:
    """Yield the tags that the installer accepts in ``packaging``'s order, best first."""
    version = tuple(int(number) for number in python.split(".")[:2])
    abi = f"cp{fact.soabi.split('-')[1]}"
    platforms = [f"{platform}_{fact.arch}" for platform in _platforms(fact)]
    yield from map(str, cpython_tags(version, [abi], platforms))
    yield from map(str, compatible_tags(version, f"cp{version[0]}{version[1]}", platforms))


def _platforms(fact: EnvironmentFacts) -> Iterator[str]:
    newest = [int(found["newest"]) for p in fact.pip_accepts if (found := _RANGE.fullmatch(p))]
    for minor in range(max(newest, default=0), _OLDEST.get(fact.arch, 17) - 1, -1):
        yield f"manylinux_2_{minor}"
    yield from (name for name in _LEGACY if name in fact.pip_accepts)
    yield from sorted((p for p in fact.pip_accepts if p.startswith("musllinux")), reverse=True)
    yield "linux"
