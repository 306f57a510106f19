"""Decide who may read and who may push.

A token comes as ``Authorization: Bearer TOKEN``. Reading also takes it as the password of HTTP
Basic, for which browsers ask by themselves. Pushing does not: a browser sends a password with the
forms of other origins too.
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
        return self.open_reading or self._is_known(request, "bearer", "basic")

    def may_push(self, request: Request) -> bool:
        return self._is_known(request, "bearer")

    def _is_known(self, request: Request, *schemes: str) -> bool:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() not in schemes:
            return False
        token = value.strip() if scheme.lower() == "bearer" else _password(value)
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


def _password(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""
