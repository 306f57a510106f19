"""Which of configure's answers an arch and a libc take from the machine's own."""

from harness.interpreters.answers import shared_answers

_CACHE = """\
ac_cv_func_getpid=${ac_cv_func_getpid=yes}
ac_cv_sizeof_long=${ac_cv_sizeof_long=8}
ac_cv_func_explicit_bzero=${ac_cv_func_explicit_bzero=no}
"""


def test_glibc_takes_what_says_nothing_about_the_arch() -> None:
    """Sizes are asked again."""
    answers = shared_answers(_CACHE, "glibc")
    assert "getpid" in answers
    assert "explicit_bzero" in answers
    assert "sizeof" not in answers


def test_musl_is_asked_what_it_answers_otherwise() -> None:
    """It has had explicit_bzero from the start, the glibc of manylinux2014 has none."""
    answers = shared_answers(_CACHE, "musl")
    assert "getpid" in answers
    assert "explicit_bzero" not in answers
