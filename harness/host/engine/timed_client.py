"""docker-py's client with a deadline for each request, and its errors as ``EngineError``."""

import contextlib
import os
from collections.abc import Callable, Iterator
from functools import partial
from json import JSONDecodeError
from pathlib import Path
from typing import Any

import docker
import docker.errors
import requests
import urllib3.exceptions
from docker.tls import TLSConfig
from docker.utils import kwargs_from_env

from harness.core.engine_places import HERE, certificates_of, shown_address
from harness.core.errors import EngineError
from harness.host.engine.docker_contexts import find_context
from harness.host.engine.engine_errors import (
    REFUSES,
    no_certificates,
    not_in_time,
    not_understood,
    refusal,
    unreachable,
    unreachable_at,
)
from harness.host.engine.request_limits import Ask, Deadline, current_deadline, within
from harness.host.engine.ssh_tunnel import socket_through_ssh

_GONE = (
    docker.errors.DockerException,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    OSError,
)
_NOT_UNDERSTOOD = (docker.errors.StreamParseError, JSONDecodeError, KeyError, TypeError)


class EngineTimeoutError(EngineError):
    """The engine does not answer in time."""


class TimedClient(docker.APIClient):  # type: ignore[misc] # docker-py has no types
    """A client whose requests end at the current deadline of their thread.

    docker-py has one time-out for all requests, and none for pulls, waits and events.
    """

    def send(self, request: Any, **options: Any) -> requests.Response:  # noqa: ANN401 - requests'
        """Send a request; whatever time-out docker-py gives is replaced."""
        deadline = current_deadline()
        # Without ``verify`` here, $REQUESTS_CA_BUNDLE replaces the engine's own CA (psf/requests
        # issue 3829).
        options = {**options, "timeout": deadline.seconds(), "verify": self.verify}
        return deadline.answer(
            partial(super().send, request, **options), streams=bool(options.get("stream"))
        )


def open_client(address: str = HERE) -> TimedClient:
    """Return a client of the engine at ``address``, by default the one of the environment.

    That is the one at ``DOCKER_HOST``, else at the default socket. Raises ``EngineError`` within
    seconds if it does not answer, and ``UsageError`` for an unknown context.
    """
    try:
        options = _client_options(address)
    except docker.errors.TLSParameterError as error:
        raise EngineError(no_certificates(address)) from error
    if options.get("base_url", "").startswith("ssh://"):
        options = {"base_url": f"unix://{socket_through_ssh(options['base_url'])}"}
    try:
        with asking(Ask.PING):
            return TimedClient(version="auto", **options)
    except EngineError as error:
        if address == HERE:
            raise
        raise EngineError(unreachable_at(address, error)) from error


def _client_options(address: str) -> dict[str, Any]:
    if address == HERE:
        return dict(kwargs_from_env())
    if "://" not in address:
        context = find_context(address)
        tls = _tls(context.certificates, verify=context.verifies) if context.certificates else None
        return {"base_url": context.host, **({"tls": tls} if tls else {})}
    base = shown_address(address)
    if certificates := certificates_of(address):
        return {"base_url": base, "tls": _tls(Path(certificates).expanduser(), verify=True)}
    if not base.startswith("tcp://"):
        return {"base_url": base}
    return dict(kwargs_from_env({**os.environ, "DOCKER_HOST": base}))


def _tls(folder: Path, *, verify: bool) -> TLSConfig:
    """Return the configuration with the certificates in a folder, as ``DOCKER_CERT_PATH`` has it.

    An engine that asks for no client certificate needs none.
    """
    own = (str(folder / "cert.pem"), str(folder / "key.pem"))
    given = any(Path(file).exists() for file in own)
    return TLSConfig(
        client_cert=own if given else None, ca_cert=str(folder / "ca.pem"), verify=verify
    )


@contextlib.contextmanager
def asking(
    ask: Ask,
    *,
    seconds: float | None = None,
    refused: Callable[[str], EngineError] | None = None,
) -> Iterator[Deadline]:
    """Limit the requests of a block, and turn errors into ``EngineError`` with the next step.

    ``refused`` makes the error for a refusal of the engine.
    """
    deadline = None
    try:
        with within(ask, seconds) as deadline:
            yield deadline
    except docker.errors.APIError as error:
        why = str(error.explanation or error)
        raise refusal(why, refused or (lambda text: EngineError(f"{REFUSES}{text}"))) from error
    except _NOT_UNDERSTOOD as error:
        raise EngineError(not_understood(ask, f"{type(error).__name__}: {error}")) from error
    except _GONE as error:
        # docker-py, requests and urllib3 have a dozen exceptions for it.
        if "timed out" in str(error).lower() or (deadline and deadline.is_over):
            raise EngineTimeoutError(not_in_time(ask, seconds)) from error
        raise EngineError(unreachable(error)) from error
