"""What works without a compiler."""

import pytest

from harness.core.causes import Cause
from harness.core.errors import BuildError, ImageError
from harness.host import compiler_check
from harness.host.cache import Cache
from harness.host.compiler_check import has_compiler, require_compiler
from harness.host.doctor.check import is_ready
from harness.host.doctor.checks import check_compiler
from harness.images.image_provider import ImageProvider
from tests.support.image_engine import ImageEngine
from tests.support.targets import alpine_replica, no_pip
from tests.support.workspace import pinned_workspace

COMMAND = "pip install 'wheelgrid[build]'"


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide one of the compiler's parts."""
    monkeypatch.setattr(compiler_check, "_PARTS", ("ziglang", "a-missing-patchelf"))


def test_compiler_is_found() -> None:
    """The tests' environment has it."""
    assert has_compiler()
    require_compiler()


@pytest.mark.usefixtures("no_compiler")
def test_message_has_the_command() -> None:
    with pytest.raises(BuildError, match=COMMAND.replace("[", r"\[")):
        require_compiler()


@pytest.mark.usefixtures("no_compiler")
def test_doctor_says_what_is_possible_without() -> None:
    """The check does not block: other wheels and images need no compiler."""
    check = check_compiler()
    assert (check.ok, is_ready([check])) == (False, True)
    assert "wheels on pulled and assembled images" in check.detail
    assert COMMAND in check.remedy


@pytest.mark.usefixtures("no_compiler")
def test_replica_is_a_miss(cache: Cache) -> None:
    """Nothing is known of its image, and the message has the command."""
    images = ImageProvider(ImageEngine(), pinned_workspace(cache, {}), fetch_pip=no_pip)
    target = alpine_replica()
    assert [use.image for use in images.uses(target)] == [""]
    with pytest.raises(ImageError, match=COMMAND.replace("[", r"\[")) as caught:
        images.get(target)
    assert caught.value.cause is Cause.INTERPRETER
