"""The index of the user's pip."""

from pathlib import Path

import pytest
from pypi_simple import PYPI_SIMPLE_ENDPOINT

from harness.wheels.index.client import IndexSettings, parse_pip_config, pip_settings


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("", IndexSettings()),
        ("global.timeout='60'\nnonsense\nglobal.cert=broken\n", IndexSettings()),
        (
            "global.index-url='https://mirror.example/simple'\nglobal.cert='/etc/ca.pem'\n",
            IndexSettings(endpoint="https://mirror.example/simple", certificates="/etc/ca.pem"),
        ),
        (
            (
                ":env:.index-url='https://env.example'\ndownload.index-url='https://b.example'\n"
                "global.index-url='https://a.example'\n"
            ),
            IndexSettings(endpoint="https://env.example"),
        ),
    ],
    ids=["nothing set", "nothing of use", "global", "environment first"],
)
def test_pip_config(text: str, settings: IndexSettings) -> None:
    """As in pip, the environment overrides a command's section, which overrides the global one."""
    assert parse_pip_config(text) == settings


def test_real_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pip itself reports its settings, so its environment variables and files count."""
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:secret@mirror.example/simple")
    settings = pip_settings()
    assert settings.endpoint == "https://user:secret@mirror.example/simple"
    assert settings.host == "mirror.example"


def test_another_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without pip takes the settings of the pip on the path."""
    monkeypatch.setattr("sys.executable", "/bin/false")
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    assert pip_settings().host == "mirror.example"


def test_no_pip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without pip the default index is used."""
    monkeypatch.setattr("sys.executable", "/bin/false")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert pip_settings() == IndexSettings(endpoint=PYPI_SIMPLE_ENDPOINT)
