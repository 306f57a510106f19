"""Which modules are built in, from the two shapes of a release's own list."""

from harness.images.cpython.modules import BUILT_IN, fast_objects, setup_local, shared_modules

_OLD = """\
# This file is transformed into Makefile rules; it lists modulename.c somewhere.
#array arraymodule.c\t# array objects
#math mathmodule.c _math.c -DPy_BUILD_CORE_MODULE # -lm # math library functions, e.g. sin()
#_json -I$(srcdir)/Include/internal -DPy_BUILD_CORE_BUILTIN _json.c\t# speedups
#readline readline.c -lreadline -ltermcap
"""
_NEW = """\
*@MODULE_BUILDTYPE@*
@MODULE_ARRAY_TRUE@array arraymodule.c
@MODULE__SHA2_TRUE@_sha2 sha2module.c -I$(srcdir)/Modules/_hacl/include
*shared*
@MODULE__TESTSINGLEPHASE_TRUE@_testsinglephase _testsinglephase.c
"""


def test_up_to_3_10_the_lines_are_comments_with_words_behind() -> None:
    """The commented lines of Modules/Setup serve, without the words after them."""
    lines = setup_local(_OLD).splitlines()
    assert "array arraymodule.c" in lines
    assert "math mathmodule.c _math.c -DPy_BUILD_CORE_MODULE" in lines
    assert "_json -I$(srcdir)/Include/internal -DPy_BUILD_CORE_BUILTIN _json.c" in lines


def test_from_3_11_on_the_lines_have_a_condition_before() -> None:
    """Modules/Setup.stdlib.in names what 3.11 and later have, new modules included."""
    lines = setup_local(_NEW).splitlines()
    assert "array arraymodule.c" in lines
    assert "_sha2 sha2module.c -I$(srcdir)/Modules/_hacl/include" in lines


def test_a_module_that_needs_another_library_is_left_out() -> None:
    """The list names readline, which is none of those that are built in."""
    assert "readline" not in setup_local(_OLD)


def test_no_line_has_an_equals_sign() -> None:
    """To makesetup a line with = is a definition of its own."""
    for setup in (_OLD, _NEW):
        assert "=" not in setup_local(setup)


def test_test_modules_are_files_where_the_release_has_them() -> None:
    """They show that an interpreter reads extension files under its own name."""
    assert shared_modules(_OLD) == ("_testmultiphase", "_testimportmultiple")
    assert "_testsinglephase" in shared_modules(_NEW)
    static, _, shared = setup_local(_NEW).partition("*shared*")
    assert "_testmultiphase " in shared
    assert "_testmultiphase " not in static


def test_no_module_is_named_twice() -> None:
    """A module twice in config.c does not compile."""
    assert len(set(BUILT_IN)) == len(BUILT_IN)


def test_what_an_import_runs_through_is_optimized() -> None:
    """A line that make reads as a variable of some objects, and sysconfig as none."""
    objects, _, level = fast_objects().strip().partition(": ")
    assert level == "OPT += -O2"
    assert {"Objects/%.o", "Python/ceval.o"} <= set(objects.split())
    assert "Modules/_ssl.o" not in objects.split()
