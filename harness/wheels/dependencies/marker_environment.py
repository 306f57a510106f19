"""The variables of environment markers, from a passport (pure).

Source: "Dependency specifiers", section "Environment Markers". No variable names the libc: a
wheel can distinguish musl from glibc only by the tags of its dependencies' wheels.
"""

from harness.core.passport import Passport


def marker_environment(passport: Passport) -> dict[str, str]:
    """Return the value of every variable on the target except ``extra``.

    The passport lacks two of them. ``implementation_version`` is that of CPython, whose version is
    Python's. ``platform_version``, the kernel's build, is empty.
    """
    # A build between two releases: "3.15.0a0+" is no version (as in packaging's markers.py).
    python = f"{passport.python}local" if passport.python.endswith("+") else passport.python
    return {
        "implementation_name": passport.implementation.lower(),
        "implementation_version": python,
        "os_name": "posix",
        "platform_machine": passport.machine,
        "platform_python_implementation": passport.implementation,
        "platform_release": passport.kernel,
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": python,
        "python_version": passport.minor,
        "sys_platform": "linux",
    }
