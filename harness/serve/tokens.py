"""Tokens of a service: each is shown once, and its SHA-256 is kept beside the store.

A token has 256 random bits, so that a plain digest cannot be guessed back.
"""

import hashlib
import json
import os
import secrets
from pathlib import Path

from harness.core.errors import UsageError

PREFIX = "wg_"
"""Begins every token, so that scanners for leaked secrets can find one."""


class Tokens:
    """The tokens of the service of one store, by name."""

    def __init__(self, store: Path) -> None:
        self.path = store.with_name(f"{store.name}-tokens")

    def names(self) -> tuple[str, ...]:
        return tuple(self._read())

    def add(self, name: str) -> str:
        """Return a new token. Raises ``UsageError`` for a name that is taken or empty."""
        known = self._read()
        if not name or name in known:
            raise UsageError(f"a token {name!r} exists already; choose another name")
        token = PREFIX + secrets.token_urlsafe(32)
        self._write({**known, name: _digest(token)})
        return token

    def remove(self, name: str) -> None:
        """Revoke a token. Raises ``UsageError`` if there is none of that name."""
        known = self._read()
        if name not in known:
            raise UsageError(f"no token {name!r}; known: {' '.join(known) or 'none'}")
        self._write({each: digest for each, digest in known.items() if each != name})

    def holder(self, token: str) -> str:
        """Return the name of a token; empty if it is none of them."""
        given = _digest(token)
        found = ""
        for name, digest in self._read().items():
            if secrets.compare_digest(given, digest):
                found = name
        return found

    def _read(self) -> dict[str, str]:
        try:
            known: dict[str, str] = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise UsageError(f"{self.path}: cannot be read ({error}); remove it") from error
        return known

    def _write(self, tokens: dict[str, str]) -> None:
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123 - with a mode
            json.dump(tokens, file)
        draft.replace(self.path)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
