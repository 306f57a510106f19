"""docker-py's client with a deadline for each request, and its errors as ``EngineError``."""

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from json import JSONDecodeError
from typing import Any

import docker
import docker.errors
import requests
import urllib3.exceptions
from docker.utils import kwargs_from_env

from harness.core.errors import EngineError
from harness.host.engine.engine_errors import (
    REFUSES,
    not_in_time,
    not_understood,
    refusal,
    unreachable,
)
from harness.host.engine.request_limits import Ask, Deadline, current_deadline, within

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
        options = {**options, "timeout": deadline.seconds()}
        return deadline.answer(
            partial(super().send, request, **options), streams=bool(options.get("stream"))
        )


def client_of_environment() -> TimedClient:
    """Return a client of the engine at ``DOCKER_HOST``, else at the default socket.

    Raises ``EngineError`` within a few seconds if it does not answer.
    """
    with asking(Ask.PING):
        return TimedClient(version="auto", **kwargs_from_env())


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
        raise EngineError(not_understood(ask, error)) from error
    except _GONE as error:
        # docker-py, requests and urllib3 have a dozen exceptions for it.
        if "timed out" in str(error).lower() or (deadline and deadline.is_over):
            raise EngineTimeoutError(not_in_time(ask, seconds)) from error
        raise EngineError(unreachable(error)) from error
