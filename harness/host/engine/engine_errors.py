"""What the engine's errors mean and what the user can do."""

import math
import os
import re
import ssl
from collections.abc import Callable

from harness.core.arches import Arch
from harness.core.causes import Cause
from harness.core.engine_places import engine_title, login_words
from harness.core.errors import EngineError, ImageError
from harness.host.engine.request_limits import REQUEST_LIMITS, Ask, RequestLimit

REFUSES = "the container engine refuses: "
ADVICE = "run `wheelgrid doctor` to see what is missing, `wheelgrid doctor --fix` to install it"
CERTIFICATES = (
    "put ca.pem, cert.pem and key.pem that fit it into one folder, and name that as "
    "`tcp://HOST:PORT?certs=DIR` or in DOCKER_CERT_PATH with DOCKER_TLS_VERIFY=1"
)
_NO_PROGRAM = re.compile(
    r"executable file .*not found"  # runc's words, and crun's
    r"|exec: .*: (stat .*: )?(no such file or directory|permission denied|is a directory)"
    r"|open executable: |exec container process (`|.*exec format error)",
    re.IGNORECASE,
)
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


def hanging_pull(reference: str, arch: Arch, limit: RequestLimit) -> ImageError:
    """Return the error for a pull that made no progress while the engine answers."""
    return ImageError(
        f"{reference} for {arch.platform}: the pull sent nothing for {limit.silence:.0f} s, "
        f"or took {limit.total:.0f} s in all\n"
        "check the network and the registry, or choose another way with --images",
        cause=Cause.PULL,
    )


def start_error(program: str, why: str) -> EngineError:
    """Return the error for a container whose ``program`` does not start."""
    if not _NO_PROGRAM.search(why):
        return EngineError(f"{REFUSES}{why}")
    return ImageError(
        f"the image has no program `{program}` that can be started: {why}\n"
        "give the right name or path as `interpreter` in matrix/targets.yaml",
        cause=Cause.INTERPRETER,
    )


def refusal(why: str, make: Callable[[str], EngineError]) -> EngineError:
    """Return what ``make`` makes of the engine's message, or the error for its full disk."""
    if "no space left on device" not in why.lower():
        return make(why)
    # No ``ImageError``: these are remembered, and a disk has room again.
    return EngineError(
        f"the container engine's disk is full ({why}); free space in its data root: "
        "`wheelgrid image prune` removes images that no target uses"
    )


def not_in_time(ask: Ask, seconds: float | None = None) -> str:
    """Return the message for an engine that is silent, with the next step."""
    silence = min(REQUEST_LIMITS[ask].silence, seconds or math.inf)
    return (
        f"the container engine does not answer in time: {silence:.0f} s to {ask}; "
        f"is it overloaded? {ADVICE}"
    )


def not_understood(ask: Ask, what: str) -> str:
    """Return the message for an answer that is none of the engine's API."""
    return f"the container engine gives no proper answer when it is to {ask} ({what}); {ADVICE}"


def unreachable(error: BaseException) -> str:
    """Return the message for an engine that does not answer, with the next step."""
    text = str(error)
    if "PermissionError" in text or "Permission denied" in text:
        return (
            "no permission on the container engine's socket: add yourself to its group "
            "(`sudo usermod -aG docker $USER`, then log in again) or run as root"
        )
    chosen = os.environ.get("DOCKER_HOST")
    if chosen:
        return (
            f"no container engine can be reached at DOCKER_HOST={chosen} ({_innermost(error)}); "
            "correct it, or unset it to use this machine's own engine"
        )
    return f"no container engine can be reached ({_innermost(error)}); {ADVICE}"


def unreachable_at(address: str, error: BaseException) -> str:
    """Return the message for a declared engine that does not answer, with the next step."""
    inner = _innermost_error(error)
    what = _words(inner)
    if isinstance(inner, ssl.SSLCertVerificationError):
        return _about(address, f"TLS does not verify: {inner.verify_message}; {CERTIFICATES}")
    if "[SSL" in what:
        return _about(address, f"TLS fails: {what}; {CERTIFICATES}")
    if "HTTPS server" in getattr(getattr(inner, "response", None), "text", ""):
        return _about(address, f"it speaks TLS alone; {CERTIFICATES}")
    step = "is it running, and may you use it?"
    if address.startswith("ssh://"):
        step = f"may your user there use its socket? Try `{login_words(address)} docker version`"
    return _about(address, f"it does not answer ({what}); {step}")


def no_certificates(address: str) -> str:
    """Return the message for a folder of certificates that lacks one."""
    return _about(address, f"a certificate is missing; {CERTIFICATES}")


def _about(address: str, text: str) -> str:
    return f"{engine_title(address)}: {text}"


def _innermost(error: BaseException) -> str:
    return _words(_innermost_error(error))


def _innermost_error(error: BaseException) -> BaseException:
    # Stop at the system's error: its context is an error that was being handled at that time.
    while not (getattr(error, "errno", None) or isinstance(error, ConnectionError)) and (
        below := error.__cause__ or error.__context__
    ):
        error = below
    return error


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
