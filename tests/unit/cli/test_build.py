"""Arguments of ``wheelgrid build``; no compiler is started."""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["mulit"], "no fixture project 'mulit' in "),
        (["mulit"], "; did you mean 'multi'?"),
        (["--arch", "s390"], "--arch s390: no builder builds for it; did you mean 's390x'?"),
        (["--arch", "arm64", "--arch", "vax"], "--arch vax: no builder builds for it; known: "),
        (["--python", "3.1"], "--python 3.1: no builder has its headers; available: 3.9 3.11 "),
        (["--arch", "riscv64", "--python", "3.9"], "no builder supports that arch with that Py"),
        (["--builder", "cros-glibc"], "--builder cros-glibc: no such builder; did you mean 'cros"),
    ],
)
def test_unknown_names(wheelgrid: Callable[..., Any], words: list[str], complaint: str) -> None:
    """The message suggests the nearest name."""
    said = wheelgrid("build", *words)
    assert (said.status, said.out) == (2, "")
    assert complaint in said.err
