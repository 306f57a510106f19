"""Which modules are built in, from the two shapes of a release's own list."""

from harness.images.cpython.modules import BUILT_IN, object_flags, setup_local, shared_modules

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


def test_setup_up_to_3_10_has_commented_lines() -> None:
    """The comment after a module's line is removed."""
    lines = setup_local(_OLD).splitlines()
    assert "array arraymodule.c" in lines
    assert "math mathmodule.c _math.c -DPy_BUILD_CORE_MODULE" in lines
    assert "_json -I$(srcdir)/Include/internal -DPy_BUILD_CORE_BUILTIN _json.c" in lines


def test_setup_from_3_11_has_conditional_lines() -> None:
    """Modules/Setup.stdlib.in lists new modules too."""
    lines = setup_local(_NEW).splitlines()
    assert "array arraymodule.c" in lines
    assert "_sha2 sha2module.c -I$(srcdir)/Modules/_hacl/include" in lines


def test_module_that_needs_another_library_is_left_out() -> None:
    """Readline is listed but not built in."""
    assert "readline" not in setup_local(_OLD)


def test_no_line_has_an_equals_sign() -> None:
    """Makesetup reads a line with = as a definition."""
    for setup in (_OLD, _NEW):
        assert "=" not in setup_local(setup)


def test_test_modules_are_shared() -> None:
    """They show that an interpreter imports extension files under its names."""
    assert shared_modules(_OLD) == ("_testmultiphase", "_testimportmultiple")
    assert "_testsinglephase" in shared_modules(_NEW)
    static, _, shared = setup_local(_NEW).partition("*shared*")
    assert "_testmultiphase " in shared
    assert "_testmultiphase " not in static


def test_no_module_is_listed_twice() -> None:
    """config.c does not compile with duplicates."""
    assert len(set(BUILT_IN)) == len(BUILT_IN)


def test_import_objects_are_optimized() -> None:
    """Make reads the line as a variable of these objects, sysconfig ignores it."""
    objects, _, level = object_flags().splitlines()[1].partition(": ")
    assert level == "OPT += -O2"
    assert {"Objects/%.o", "Python/ceval.o"} <= set(objects.split())
    assert "Modules/_ssl.o" not in objects.split()


def test_sqlite_module_knows_its_name() -> None:
    """Up to 3.10 its sources expect MODULE_NAME of the compiler."""
    objects, _, flag = object_flags().splitlines()[2].partition(": ")
    assert "Modules/cursor.o" in objects.split()
    assert flag == """OPT += -DMODULE_NAME='"sqlite3"'"""
    assert "_sqlite3 _sqlite/cache.c _sqlite/connection.c" in setup_local(_OLD)
