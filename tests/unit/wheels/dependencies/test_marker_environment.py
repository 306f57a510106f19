"""Marker variables come from the passport and never from this machine."""

import pytest
from packaging.markers import Marker, default_environment

from harness.wheels.dependencies.marker_environment import marker_environment
from tests.support.passports import make_passport

ARMV7L = make_passport(
    python="3.9.5", implementation="CPython", machine="armv7l", kernel="6.1.0-26-armmp"
)

MARKERS = {
    "platform_machine == 'armv7l'": True,
    "platform_machine == 'x86_64'": False,
    "python_version < '3.10'": True,
    "python_full_version >= '3.9.6'": False,
    "implementation_name == 'cpython' and implementation_version == '3.9.5'": True,
    "platform_python_implementation == 'CPython'": True,
    "platform_python_implementation == 'PyPy'": False,
    "sys_platform == 'linux' and os_name == 'posix' and platform_system == 'Linux'": True,
    "sys_platform == 'win32'": False,
    "'armmp' in platform_release": True,
    "platform_version == ''": True,
}


@pytest.mark.parametrize("marker", MARKERS)
def test_marker_of_the_target(marker: str) -> None:
    """Every variable has the target's value."""
    environment = marker_environment(ARMV7L)
    assert Marker(marker).evaluate({**environment, "extra": ""}) is MARKERS[marker]


def test_no_variable_is_left_to_the_host() -> None:
    """All variables that packaging would take from this machine are given."""
    assert marker_environment(ARMV7L).keys() == default_environment().keys()


def test_a_build_between_releases() -> None:
    """``3.15.0a0+`` is no version; it is made one as packaging does."""
    environment = marker_environment(make_passport(python="3.15.0a0+"))
    assert Marker("python_full_version >= '3.14'").evaluate({**environment, "extra": ""})
