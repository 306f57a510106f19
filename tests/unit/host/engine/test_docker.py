"""The real engine's side where there is no engine: references read, errors put into words."""

import socket
import threading
from pathlib import Path

import docker.errors
import pytest
import requests

from harness.core.arches import find_arch
from harness.core.errors import EngineError
from harness.host.engine.docker import _pull_error, _split_reference, _translated, connect

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
def test_references(reference: str, name: str, tag: str) -> None:
    """A colon before a slash is a port, and a digest outweighs the tag."""
    assert _split_reference(reference) == (name, tag)


def test_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where DOCKER_HOST leads nowhere, the message says what it is and what to do."""
    host = f"unix://{tmp_path}/none.sock"
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(EngineError) as caught:
        connect()
    assert str(caught.value) == (
        f"no container engine can be reached at DOCKER_HOST={host} "
        "([Errno 2] No such file or directory); "
        "correct it, or unset it to use this machine's own engine"
    )


def test_a_socket_that_nobody_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an engine left behind that was killed is no engine."""
    path = tmp_path / "left.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    with pytest.raises(EngineError, match="Connection refused"):
        connect()


def test_an_answer_that_is_not_an_engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something else behind the socket is an error in one line, not a traceback."""
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
    """Whatever docker-py raises is an engine error that says what to do."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    with pytest.raises(EngineError, match=words) as caught, _translated():
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
def test_what_may_appear_by_trying_again(message: str, cause: str) -> None:
    """What a registry has not is told from what it could not give just now."""
    error = _pull_error("debian:99", find_arch("s390x"), message)
    assert error.cause == cause
    what, step = str(error).splitlines()
    assert what == f"debian:99 for linux/s390x: {message}"
    assert step.endswith(", or choose another way with --images")
