"""Results that CPython's configure need not find out: fixed ones, and those of the native build.

Pure.
"""

ANSWERS = (
    "ac_cv_func_preadv2=no",
    "ac_cv_func_pwritev2=no",
    "ac_cv_func_close_range=no",
    "ac_cv_func_closefrom=no",
    "ac_cv_func_copy_file_range=no",
    "ac_cv_func_memfd_create=no",
    "ac_cv_func_statx=no",
    "ac_cv_func_posix_spawn_file_actions_addclosefrom_np=no",
    "ac_cv_file__dev_ptmx=yes",
    "ac_cv_file__dev_ptc=no",
)
"""Functions that zig's newer headers declare but the musl or glibc of the time lacks, and results
that configure could only get by running a program."""

NO_SIMD = (
    "ax_cv_check_cflags__Werror__msse__msse2__msse3__msse4_1__msse4_2=no",
    "ax_cv_check_cflags__Werror__mavx2=no",
)
"""Flags of BLAKE2 in 3.14 and later, which the compiler's wrapper accepts and then overrides."""

# Results that depend on how the native build was configured.
_OWN_ANSWERS = ("ac_cv_build", "ac_cv_host", "ac_cv_env_", "ac_cv_prog_", "ac_cv_path_")

# Results that depend on the arch. The one on alignment is no on x86_64 and affects string hashes.
_ARCH_ANSWERS = (
    *("ac_cv_sizeof_", "ac_cv_alignof_", "ac_cv_c_bigendian", "ax_cv_c_float_words_bigendian"),
    *("ac_cv_wchar_t_signed", "ac_cv_aligned_required", "ac_cv_gcc_asm"),
    *("ac_cv_c_char_unsigned", "ac_cv_type___uint128_t", "ac_cv_type_long_double"),
    *("ac_cv_x87", "ac_cv_asm", "ac_cv_libatomic", "ac_cv_builtin_atomic", "ac_cv_mc68881"),
)

# Results that differ between musl and glibc for 3.9, 3.11 or 3.13: 13 of 439 for 3.9, 11 for 3.13.
_LIBC_ANSWERS = (
    *("ac_cv_func___fpu_control", "ac_cv_func_crypt", "ac_cv_func_explicit_bzero"),
    *("ac_cv_func_gamma", "ac_cv_func_getentropy", "ac_cv_func_getrandom", "ac_cv_func_getwd"),
    *("ac_cv_func_strlcpy", "ac_cv_func_tmpnam", "ac_cv_have_decl_RTLD_DEEPBIND"),
    *("ac_cv_header_crypt_h", "ac_cv_header_stropts_h", "ac_cv_search_crypt"),
    *("ac_cv_crypt_crypt", "py_cv_module__crypt", "ac_cv_defined___GLIBC__"),
    "ac_cv_header_sys_pidfd_h",
)


def shared_answers(cache: str, *, arch: bool, libc: bool) -> str:
    """Return the lines of the native build's config.cache that hold for another build.

    ``arch`` and ``libc`` say whether arch and libc are the same.
    """
    own = (*_OWN_ANSWERS, *(() if arch else _ARCH_ANSWERS), *(() if libc else _LIBC_ANSWERS))
    return "\n".join(line for line in cache.splitlines() if not line.startswith(own)) + "\n"
