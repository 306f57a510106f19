"""Clients of declared engines: contexts, certificates, and messages of what does not answer."""

from pathlib import Path

import pytest

from harness.core.errors import EngineError, UsageError
from harness.host.engine import timed_client
from harness.host.engine.docker import connect
from harness.host.engine.docker_contexts import find_context
from tests.support.docker_context import write_context


@pytest.fixture(autouse=True)
def docker_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "docker"
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    for name in ("DOCKER_HOST", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"):
        monkeypatch.delenv(name, raising=False)
    return folder


def write_certificates(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names or ("ca.pem", "cert.pem", "key.pem"):
        (folder / name).write_text("")
    return folder


def test_a_context_has_a_host_and_certificates(docker_config: Path) -> None:
    tls = write_context(
        docker_config, "lab", {"Host": "tcp://z:2376", "SkipTLSVerify": False}, "ca.pem"
    )
    write_context(docker_config, "far", {"Host": "ssh://me@arm1", "SkipTLSVerify": True})
    lab, far = find_context("lab"), find_context("far")
    assert (lab.host, lab.certificates, lab.verifies) == ("tcp://z:2376", tls, True)
    assert (far.host, far.certificates, far.verifies) == ("ssh://me@arm1", None, False)


def test_an_unknown_context_is_named_with_the_nearest(docker_config: Path) -> None:
    write_context(docker_config, "arm-lab", {"Host": "ssh://arm1"})
    with pytest.raises(UsageError) as raised:
        connect(address="arm-lib")
    assert str(raised.value) == (
        "engine arm-lib: no Docker context has this name; did you mean 'arm-lab'?"
    )


@pytest.mark.parametrize("endpoint", [[], {"Port": 1}, None])
def test_a_damaged_context_is_a_usage_error(docker_config: Path, endpoint: object) -> None:
    write_context(docker_config, "odd", endpoint)
    with pytest.raises(UsageError, match="engine odd: its Docker context is damaged"):
        find_context("odd")


def test_certificates_of_an_address_verify(tmp_path: Path) -> None:
    folder = write_certificates(tmp_path / "certs")
    options = timed_client._client_options(f"tcp://z:2376?certs={folder}")
    assert options["base_url"] == "tcp://z:2376"
    tls = options["tls"]
    assert (tls.verify, tls.ca_cert) == (True, f"{folder}/ca.pem")
    assert tls.cert == (f"{folder}/cert.pem", f"{folder}/key.pem")


def test_an_authority_alone_is_enough_without_client_certificates(tmp_path: Path) -> None:
    folder = write_certificates(tmp_path / "certs", "ca.pem")
    tls = timed_client._client_options(f"tcp://z:2376?certs={folder}")["tls"]
    assert (tls.verify, tls.cert) == (True, None)


def test_the_environment_s_certificates_are_for_tcp_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_certificates(tmp_path / "certs")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(folder))
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    options = timed_client._client_options("tcp://z:2376")
    assert (options["base_url"], options["tls"].ca_cert) == ("tcp://z:2376", f"{folder}/ca.pem")
    assert timed_client._client_options("unix:///d.sock") == {"base_url": "unix:///d.sock"}


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (
            "unix:///nowhere/d.sock",
            (
                "engine unix:///nowhere/d.sock: it does not answer ([Errno 2] No such file or "
                "directory); is it running, and may you use it?"
            ),
        ),
        (
            "tcp://127.0.0.1:1",
            (
                "engine tcp://127.0.0.1:1: it does not answer ([Errno 111] Connection refused); "
                "is it running, and may you use it?"
            ),
        ),
        (
            "tcp://127.0.0.1:1?certs=/nowhere",
            (
                "engine tcp://127.0.0.1:1: a certificate is missing; put "
                "ca.pem, cert.pem and key.pem "
                "that fit it into one folder, and name that as `tcp://HOST:PORT?certs=DIR` or in "
                "DOCKER_CERT_PATH with DOCKER_TLS_VERIFY=1"
            ),
        ),
    ],
)
def test_an_engine_that_does_not_answer_is_named(address: str, message: str) -> None:
    with pytest.raises(EngineError) as raised:
        connect(address=address)
    assert str(raised.value) == message
