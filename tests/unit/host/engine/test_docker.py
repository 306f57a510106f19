"""The docker engine without an engine: references, connection errors, messages."""

import socket
import threading
from pathlib import Path

import docker.errors
import pytest
import requests

from harness.core.arches import find_arch
from harness.core.errors import EngineError
from harness.host.engine.docker import connect
from harness.host.engine.engine_errors import pull_error
from harness.host.engine.engine_images import split_reference
from harness.host.engine.request_limits import Ask
from harness.host.engine.timed_client import asking

_DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("reference", "name", "tag"),
    [
        ("debian", "debian", "latest"),
        ("debian:12", "debian", "12"),
        ("localhost:5000/debian", "localhost:5000/debian", "latest"),
        ("localhost:5000/mirror/debian:12", "localhost:5000/mirror/debian", "12"),
        (f"debian@{_DIGEST}", "debian", _DIGEST),
        (f"localhost:5000/debian:12@{_DIGEST}", "localhost:5000/debian", _DIGEST),
    ],
)
def test_reference_is_split_into_name_and_tag(reference: str, name: str, tag: str) -> None:
    """A colon before a slash is a port, and a digest precedes the tag."""
    assert split_reference(reference) == (name, tag)


def test_docker_host_without_engine_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names DOCKER_HOST and the next step."""
    host = f"unix://{tmp_path}/none.sock"
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(EngineError) as caught:
        connect()
    assert str(caught.value) == (
        f"no container engine can be reached at DOCKER_HOST={host} "
        "([Errno 2] No such file or directory); "
        "correct it, or unset it to use this machine's own engine"
    )


def test_stale_socket_is_an_engine_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed engine leaves its socket."""
    path = tmp_path / "left.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    with pytest.raises(EngineError, match="Connection refused"):
        connect()


def test_other_server_on_the_socket_is_an_engine_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message is one line without a traceback."""
    path = tmp_path / "other.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            caller, _ = server.accept()
            with caller:
                caller.recv(4096)
                caller.sendall(b"HTTP/1.0 500 No\r\n\r\nno engine here")

        threading.Thread(target=serve, daemon=True).start()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        with pytest.raises(EngineError) as caught:
            connect()
    assert "500 Server Error" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(13, "Permission denied"), "sudo usermod -aG docker"),
        (
            docker.errors.DockerException("('Aborted.', PermissionError(13, 'Permission denied'))"),
            "sudo usermod -aG docker",
        ),
        (requests.exceptions.ReadTimeout("Read timed out."), "does not answer in time"),
        (requests.exceptions.ConnectionError("gone"), r"can be reached \(gone\); run `wheelgrid"),
        (docker.errors.APIError("400", explanation="bad name"), "engine refuses: bad name"),
    ],
    ids=["permission", "docker-permission", "time-out", "gone", "refusal"],
)
def test_errors_name_the_next_step(
    error: Exception, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every error of docker-py becomes an engine error with the next step."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    with pytest.raises(EngineError, match=words) as caught, asking(Ask.QUERY):
        raise error
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ("manifest for debian:99 not found", "infra:not-found"),
        ("no matching manifest for linux/s390x", "infra:not-found"),
        ("pull access denied for debian99", "infra:not-found"),
        ("toomanyrequests: you have reached your pull rate limit", "infra:pull"),
        ("net/http: TLS handshake timeout", "infra:pull"),
    ],
)
def test_missing_image_and_failed_pull_have_different_causes(message: str, cause: str) -> None:
    """Only a failed pull may succeed later."""
    error = pull_error("debian:99", find_arch("s390x"), message)
    assert error.cause == cause
    what, step = str(error).splitlines()
    assert what == f"debian:99 for linux/s390x: {message}"
    assert step.endswith(", or choose another way with --images")
