"""What the engine's errors mean and what the user can do."""

import os

from harness.core.arches import Arch
from harness.core.causes import Cause
from harness.core.errors import ImageError

ADVICE = "run `wheelgrid doctor` to see what is missing, `wheelgrid doctor --fix` to install it"
_FINAL = ("not found", "manifest unknown", "no matching manifest", "denied", "does not match")


def pull_error(reference: str, arch: Arch, message: str) -> ImageError:
    """Return the error for a pull that failed with the engine's ``message``."""
    final = any(words in message.lower() for words in _FINAL)
    # On a second line, since the message of a fallback has only the first.
    step = "correct its name in matrix/targets.yaml" if final else "check the network"
    return ImageError(
        f"{reference} for {arch.platform}: {message}\n{step}, or choose another way with --images",
        cause=Cause.NOT_FOUND if final else Cause.PULL,
    )


def unreachable(error: BaseException) -> str:
    """Return the message for an engine that does not answer, with the next step."""
    text = str(error)
    if "PermissionError" in text or "Permission denied" in text:
        return (
            "no permission on the container engine's socket: add yourself to its group "
            "(`sudo usermod -aG docker $USER`, then log in again) or run as root"
        )
    if "timed out" in text.lower():
        return f"the container engine does not answer in time; is it overloaded? {ADVICE}"
    chosen = os.environ.get("DOCKER_HOST")
    if chosen:
        return (
            f"no container engine can be reached at DOCKER_HOST={chosen} ({_innermost(error)}); "
            "correct it, or unset it to use this machine's own engine"
        )
    return f"no container engine can be reached ({_innermost(error)}); {ADVICE}"


def _innermost(error: BaseException) -> str:
    # Stop at the system's error: its context is an error that was being handled at that time.
    while not getattr(error, "errno", None) and (below := error.__cause__ or error.__context__):
        error = below
    return str(error) or type(error).__name__
