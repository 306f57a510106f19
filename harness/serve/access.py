"""Decide who may read and who may push.

A token comes as ``Authorization: Bearer TOKEN``, or as the password of HTTP Basic, for which
browsers ask by themselves. No cookie is set, so that other origins can make no request of a user.
"""

import base64
import binascii
import ipaddress
from dataclasses import dataclass

from starlette.requests import Request

from harness.core.errors import UsageError
from harness.serve.tokens import Tokens


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """Who may do what. Pushing always needs a token."""

    tokens: Tokens
    open_reading: bool
    """Whether reading needs none."""

    def may_read(self, request: Request) -> bool:
        return self.open_reading or self.may_push(request)

    def may_push(self, request: Request) -> bool:
        token = _token(request.headers.get("authorization", ""))
        return bool(token) and bool(self.tokens.holder(token))


def is_loopback(host: str) -> bool:
    """Return whether an address is of this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def split_address(listen: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT``. Raises ``UsageError``."""
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:  # noqa: PLR2004 - TCP's
        raise UsageError(f"--listen {listen!r}: give HOST:PORT, such as 127.0.0.1:8421")
    return host.strip("[]") or "127.0.0.1", int(port)


def _token(header: str) -> str:
    scheme, _, value = header.partition(" ")
    match scheme.lower():
        case "bearer":
            return value.strip()
        case "basic":
            try:
                return base64.b64decode(value, validate=True).decode().partition(":")[2]
            except (binascii.Error, ValueError):
                return ""
        case _:
            return ""
