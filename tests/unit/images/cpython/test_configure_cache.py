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


def test_another_arch_is_asked_for_its_sizes() -> None:
    """What says nothing about the arch is taken."""
    assert _names(arch=False, libc=True) == {"func_getpid", "func_explicit_bzero"}


def test_musl_is_asked_what_it_answers_otherwise() -> None:
    """It has had explicit_bzero for long, the glibc of manylinux2014 has none."""
    assert _names(arch=False, libc=False) == {"func_getpid"}


def test_musl_on_the_same_arch_hashes_as_glibc() -> None:
    """An answer that takes running a program is not lost: 3.9 hashes by it."""
    assert "aligned_required" in _names(arch=True, libc=False)
    assert "host" not in _names(arch=True, libc=False)
