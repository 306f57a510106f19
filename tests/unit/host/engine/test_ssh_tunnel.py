"""The command line of ssh, and what its messages mean."""

from pathlib import Path

import pytest

from harness.core.errors import EngineError
from harness.host.engine.ssh_tunnel import refusal_of_ssh, socket_through_ssh, ssh_words

LOCAL = Path("/tmp/d.sock")


def test_ssh_forwards_one_socket_and_asks_nothing() -> None:
    words = ssh_words("ssh://builder@arm1:2222/run/user/1000/docker.sock", LOCAL)
    assert words[:3] == ["ssh", "-N", "-T"]
    assert words[-8:] == [
        *("-p", "2222", "-l", "builder"),
        *("-L", f"{LOCAL}:/run/user/1000/docker.sock", "--", "arm1"),
    ]
    options = words[3:-8]
    for option in ("BatchMode=yes", "StrictHostKeyChecking=yes", "ExitOnForwardFailure=yes"):
        assert option in options


def test_the_usual_socket_is_forwarded_by_default() -> None:
    assert ssh_words("ssh://arm1", LOCAL)[-4:] == [
        *("-L", f"{LOCAL}:/var/run/docker.sock", "--", "arm1")
    ]


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        (
            (
                "No ED25519 host key is known for [arm1]:2222 and you have "
                "requested strict checking.\n"
                "Host key verification failed.\n"
            ),
            (
                "engine ssh://b@arm1:2222: its host key is unknown. Compare "
                "it with the machine's own "
                "(`ssh-keyscan -p 2222 arm1 | ssh-keygen -lf -`), then accept it with "
                "`ssh -p 2222 b@arm1`"
            ),
        ),
        (
            (
                "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n"
                "Host key verification failed.\n"
            ),
            (
                "engine ssh://b@arm1:2222: its host key is another one than "
                "before: somebody may pose "
                "as it. If the machine was set up anew, remove the old key with "
                "`ssh-keygen -R [arm1]:2222`"
            ),
        ),
        (
            "b@arm1: Permission denied (publickey).\n",
            (
                "engine ssh://b@arm1:2222: it refuses the login, and "
                "nothing can be asked here. Load "
                "the key into an agent (`ssh-add`), or name it in ~/.ssh/config; "
                "`ssh -p 2222 b@arm1 true` must work without a question"
            ),
        ),
        (
            "ssh: Could not resolve hostname arm1: Name or service not known\n\n",
            (
                "engine ssh://b@arm1:2222: ssh cannot connect: ssh: Could "
                "not resolve hostname arm1: "
                "Name or service not known; try `ssh -p 2222 b@arm1 true`"
            ),
        ),
        (
            "",
            (
                "engine ssh://b@arm1:2222: ssh cannot connect: no login within 20 s; "
                "try `ssh -p 2222 b@arm1 true`"
            ),
        ),
    ],
)
def test_a_refusal_names_the_next_step(said: str, meaning: str) -> None:
    assert refusal_of_ssh("ssh://b@arm1:2222", said) == meaning


def test_a_machine_without_ssh_is_an_engine_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match=r"engine ssh://arm1: ssh cannot connect: "):
        socket_through_ssh("ssh://arm1")
