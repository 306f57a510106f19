"""Which of configure's answers an arch and a libc take from the machine's own."""

from harness.images.cpython.configure_cache import shared_answers

_CACHE = """\
ac_cv_func_getpid=${ac_cv_func_getpid=yes}
ac_cv_sizeof_long=${ac_cv_sizeof_long=8}
ac_cv_aligned_required=${ac_cv_aligned_required=no}
ac_cv_func_explicit_bzero=${ac_cv_func_explicit_bzero=no}
ac_cv_host=${ac_cv_host=x86_64-pc-linux-gnu}
"""


def _names(*, arch: bool, libc: bool) -> set[str]:
    lines = shared_answers(_CACHE, arch=arch, libc=libc).splitlines()
    return {line.partition("=")[0].removeprefix("ac_cv_") for line in lines}


def test_sizes_are_not_shared_with_another_arch() -> None:
    """Results that do not depend on the arch are shared."""
    assert _names(arch=False, libc=True) == {"func_getpid", "func_explicit_bzero"}


def test_libc_results_are_not_shared_with_musl() -> None:
    """Musl has explicit_bzero, the glibc of manylinux2014 does not."""
    assert _names(arch=False, libc=False) == {"func_getpid"}


def test_alignment_result_is_shared_with_musl() -> None:
    """It can only be found by running a program, and hashing in 3.9 depends on it."""
    assert "aligned_required" in _names(arch=True, libc=False)
    assert "host" not in _names(arch=True, libc=False)
