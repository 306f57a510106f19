"""What a Dask worker says of itself: its harness, its matrix, and the arches that it serves.

All three are names of Dask resources, so that the scheduler itself gives a task only to a worker
that fits: another harness or another matrix would measure something else.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import harness
from harness.host.code_key import code_key
from harness.host.package_data import fixtures_folder

_RESOURCE = re.compile(r"wheelgrid (?P<harness>\S+) matrix (?P<matrix>\S+) (?P<arch>\S+)")
_DIGITS = 12
AMOUNT = 1.0
"""How much of a resource a task takes, and how much a worker has: it runs one task at a time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerIdentity:
    """The versions that must be equal on both sides."""

    harness: str
    """Version and key of the code that measures: ``0.1.0+1f2e…``."""
    matrix: str
    """Digest of the matrix files and the fixture projects."""

    def resource(self, arch: str) -> str:
        """Return the name of the Dask resource for targets of ``arch``."""
        return f"wheelgrid {self.harness} matrix {self.matrix} {arch}"

    def resources(self, arches: Iterable[str]) -> dict[str, float]:
        """Return the Dask resources of a worker that serves ``arches``."""
        return {self.resource(arch): AMOUNT for arch in arches}


def own_identity(matrix: Path) -> WorkerIdentity:
    """Return the identity of this installation with the matrix in that folder."""
    code = code_key("harness.conftest")
    digest = hashlib.sha256()
    for root in (matrix, fixtures_folder()):
        for file in sorted(path for path in root.rglob("*") if path.is_file()):
            if "__pycache__" not in file.parts:
                name = str(file.relative_to(root)).encode()
                digest.update(name + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return WorkerIdentity(
        harness=f"{harness.__version__}+{code[:_DIGITS]}", matrix=digest.hexdigest()[:_DIGITS]
    )


def served(resources: Mapping[str, float]) -> dict[str, WorkerIdentity]:
    """Return arch → identity of a worker with these Dask resources; empty if it is not ours."""
    found = filter(None, map(_RESOURCE.fullmatch, resources))
    return {m["arch"]: WorkerIdentity(harness=m["harness"], matrix=m["matrix"]) for m in found}


def refusal(theirs: WorkerIdentity | None, ours: WorkerIdentity) -> str:
    """Return why a worker is not used; empty if it is."""
    if theirs is None:
        return "it was not started by `wheelgrid worker`"
    if theirs.harness != ours.harness:
        return f"it has harness {theirs.harness}, this run has {ours.harness}"
    if theirs.matrix != ours.matrix:
        return f"it has matrix {theirs.matrix}, this run has {ours.matrix}"
    return ""
