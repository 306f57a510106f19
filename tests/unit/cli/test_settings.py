"""Settings of a project: what wins, what is relative to what, which commands heed them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from harness.cli import commands
from harness.cli.config_reference import PAGE, config_page
from harness.cli.settings import SETTINGS, setting_of, variables_of
from harness.matrix.config.config_shape import ConfigShape
from tests.support.cli import Said, write_matrix
from tests.support.wheels import make_wheel

Wheelgrid = Callable[..., Said]
ROWS = {"own-targets", "expectations"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, of a project with a small matrix and no configuration."""
    (tmp_path / ".git").mkdir()
    write_matrix(tmp_path / "matrix")
    monkeypatch.chdir(tmp_path)
    for key in SETTINGS:
        for name in variables_of(key):
            monkeypatch.setenv(name, "")
    return tmp_path


@pytest.fixture
def in_force(wheelgrid: Wheelgrid) -> Callable[..., tuple[Any, str]]:
    """Return a setting's value and origin for a command line, as ``config --json`` shows them."""

    def ask(key: str, *words: object) -> tuple[Any, str]:
        said = wheelgrid("config", "--json", *(words or ["check"]))
        assert said.status == 0, said.err
        (found,) = (one for one in json.loads(said.out)["settings"] if one["key"] == key)
        return found["value"], found["from"]

    return ask


def configure(project: Path, *lines: str, name: str = "wheelgrid.toml") -> None:
    """Write the configuration of the project, which uses its own matrix."""
    (project / name).write_text("\n".join(['matrix = "matrix"', *lines]))


@pytest.mark.parametrize(
    ("key", "file", "variable", "words", "values"),
    [
        (
            "targets",
            '["debian-12"]',
            "debian-13 debian-12",
            ["--target", "debian-1*"],
            [[], ["debian-12"], ["debian-13", "debian-12"], ["debian-1*"]],
        ),
        ("strict", "true", "0", ["--strict"], [False, True, False, True]),
        ("strict", "true", "1", ["--no-strict"], [False, True, True, False]),
        ("dependencies", "false", "1", ["--no-deps"], [True, False, True, False]),
        ("own-pip", "true", "off", ["--own-pip"], [False, True, False, True]),
        ("timeout", "30", "40.5", ["--timeout", "50"], [120, 30, 40.5, 50]),
        ("images", '"local"', "replica", ["--images=auto"], ["auto", "local", "replica", "auto"]),
        ("call", '"a.b()"', "c.d()", ["--call", "e()"], ["", "a.b()", "c.d()", "e()"]),
        (
            "debian-mirrors",
            '["https://a.test/d"]',
            "https://b.test/d https://c.test/d",
            ["--debian-mirror", "https://e.test/d"],
            [
                [],
                ["https://a.test/d"],
                ["https://b.test/d", "https://c.test/d"],
                ["https://e.test/d"],
            ],
        ),
        (
            "index-url",
            '"https://a.test/simple"',
            "https://b.test/simple",
            ["--index-url", "https://c.test/simple"],
            ["", "https://a.test/simple", "https://b.test/simple", "https://c.test/simple"],
        ),
    ],
)
def test_the_command_line_wins_then_the_environment_then_the_file(  # noqa: PLR0913, PLR0917 - a table
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    in_force: Callable[..., tuple[Any, str]],
    key: str,
    file: str,
    variable: str,
    words: list[str],
    values: list[object],
) -> None:
    """Each says where the value comes from."""
    configure(project)
    seen = [in_force(key)]
    configure(project, f"{key} = {file}")
    seen.append(in_force(key))
    monkeypatch.setenv(variables_of(key)[0], variable)
    seen.append(in_force(key))
    seen.append(in_force(key, "check", *words))
    origins = ["default", "wheelgrid.toml:2", f"environment {variables_of(key)[0]}", "command line"]
    assert seen == list(zip(values, origins, strict=True))


def test_the_variable_of_pip_comes_after_our_own_and_before_the_file(
    project: Path, monkeypatch: pytest.MonkeyPatch, in_force: Callable[..., tuple[Any, str]]
) -> None:
    """It is in the environment, which wins over the file."""
    configure(project, 'index-url = "https://a.test/simple"')
    monkeypatch.setenv("PIP_INDEX_URL", "https://b.test/simple")
    assert in_force("index-url") == ("https://b.test/simple", "environment PIP_INDEX_URL")


def test_relative_paths_begin_in_the_folder_of_the_file(
    project: Path, monkeypatch: pytest.MonkeyPatch, in_force: Callable[..., tuple[Any, str]]
) -> None:
    """On the command line and in the environment, in the current one."""
    wheels = project / "wheels"
    wheels.mkdir()
    make_wheel(wheels, "other", "")
    configure(project, 'find-links = ["wheels"]', 'out = "grid"')
    below = project / "src"
    below.mkdir()
    monkeypatch.chdir(below)
    assert in_force("find-links")[0] == [str(wheels)]
    assert in_force("out") == (str(project / "grid"), f"{project}/wheelgrid.toml:3")
    monkeypatch.setenv("WHEELGRID_OUT", "there")
    assert in_force("out")[0] == "there"


@pytest.mark.parametrize("by", ["option", "variable"])
def test_a_file_can_be_named(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    in_force: Callable[..., tuple[Any, str]],
    by: str,
) -> None:
    """It is read instead of the one that would be found."""
    configure(project, "timeout = 1")
    configure(project, "timeout = 2", name="other.toml")
    words = ["--config", "other.toml"] if by == "option" else []
    if by == "variable":
        monkeypatch.setenv("WHEELGRID_CONFIG", "other.toml")
    assert in_force("timeout", "check", *words) == (2, "other.toml:2")
    assert in_force("timeout", "check", "--config", "/dev/null") == (120, "default")


def test_the_table_of_config_shows_own_rows(project: Path, wheelgrid: Wheelgrid) -> None:
    """One line a setting: its name, where it comes from, its value."""
    configure(
        project,
        'targets = ["mine"]',
        "[[own-targets]]",
        'id = "mine"\ntitle = "M"\npython = "3.12"\nlibc = "musl"\narches = ["x86_64"]',
        'registry = {image = "a"}',
        "[[expectations]]",
        'target = "mine"\ncause = "libc-family"\noutcome = "refused"\nreason = "r"',
        'link = "https://example.org"',
    )
    out = wheelgrid("config").out
    assert f"configuration: {project}/wheelgrid.toml" in out
    lines = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line}
    assert lines["targets"] == ["wheelgrid.toml:2", "mine"]
    assert lines["own-targets"] == ["wheelgrid.toml:3", "mine"]
    assert lines["expectations"] == ["wheelgrid.toml:10", "mine/*/libc-family:refused"]
    assert lines["strict"] == ["default", "false"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["config", "chek"], "No such command 'chek'; did you mean 'check'?"),
        (["config", "image"], "no command 'image' with settings"),
        (["config", "--jsn"], "No such option '--jsn'"),
        (["config", "check", "--timeout", "x"], "'x' is not a valid float"),
        (["config", "check", "--config", "none.toml"], "none.toml: cannot be read: No such file"),
    ],
)
@pytest.mark.usefixtures("project")
def test_config_reports_mistakes(wheelgrid: Wheelgrid, words: list[str], said: str) -> None:
    """As the command itself does."""
    ended = wheelgrid(*words)
    assert (ended.status, said in ended.err) == (2, True), ended.err


@pytest.mark.parametrize("command", ["config", "predict dist", "check dist", "plan", "run"])
def test_every_command_reports_all_problems_of_the_configuration(
    project: Path, wheelgrid: Wheelgrid, command: str
) -> None:
    """Wrong values and globs without a match, before it does anything."""
    configure(project, 'targets = ["debain-12"]', 'timeout = "1"', "strct = true")
    ended = wheelgrid(*command.split())
    assert ended.status == 2
    assert ended.err == (
        "wheelgrid.toml:2:12: targets[0]: no target matches 'debain-12'; "
        "did you mean 'debian-12'?\n"
        "wheelgrid.toml:3:11: timeout: must be a number, not the text '1'\n"
        "wheelgrid.toml:4:1: unknown key 'strct'; did you mean 'strict'?\n"
    )


def test_help_reads_no_configuration(project: Path, wheelgrid: Wheelgrid) -> None:
    """A broken file does not hide it."""
    (project / "wheelgrid.toml").write_text("=")
    assert wheelgrid("check", "--help").status == 0
    assert wheelgrid("check", "dist").err == "wheelgrid.toml:1:1: not TOML: invalid statement\n"


def test_plan_selects_as_configured(project: Path, wheelgrid: Wheelgrid) -> None:
    """Options of the command line narrow further or replace."""
    configure(project, 'targets = ["debian-12"]', 'arches = ["s390x"]')

    def planned(*words: str) -> set[str]:
        out = wheelgrid("plan", "--json", *words).out
        return {json.loads(line)["id"] for line in out.splitlines()}

    assert planned() == {"debian-12/s390x/markupsafe", "debian-12/s390x/numpy"}
    assert planned("--subject", "numpy") == {"debian-12/s390x/numpy"}
    assert planned("--arch", "x86_64", "--subject", "numpy") == {"debian-12/x86_64/numpy"}


def test_a_setting_does_not_forbid_to_resume_a_run(project: Path, wheelgrid: Wheelgrid) -> None:
    """Only what the command line itself selects contradicts ``--resume``."""
    configure(project, 'targets = ["debian-12"]', 'store = "none.db"')
    assert "do not select others" not in wheelgrid("run", "--resume").err
    assert "do not select others" in wheelgrid("run", "--resume", "--target", "debian-12").err


def test_find_links_of_the_file_do_not_forbid_to_leave_dependencies_out(
    project: Path, wheelgrid: Wheelgrid
) -> None:
    """Only both on the command line contradict each other."""
    wheel = make_wheel(project, "demo", "x = 1")
    configure(project, 'constraint = "c.txt"')
    (project / "matrix/index.lock.json").write_text('{"generated": "2026-01-01", "releases": {}}')
    assert wheelgrid("predict", wheel, "--no-deps").status == 0
    ended = wheelgrid("predict", wheel, "--no-deps", "--constraint", "c.txt")
    assert "--no-deps resolves nothing" in ended.err


def test_init_writes_what_the_other_commands_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wheelgrid: Wheelgrid
) -> None:
    """In an empty folder with wheels in ``dist``, on the committed matrix."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dist").mkdir()
    make_wheel(tmp_path / "dist", "demo", "x = 1", tag="cp313-cp313-manylinux2014_aarch64")
    said = wheelgrid("init")
    assert said.out.startswith("written: wheelgrid.toml, from the wheels of demo==1.0\n")
    assert wheelgrid("init").err == (
        "wheelgrid: wheelgrid.toml configures wheelgrid; --force replaces that\n"
    )
    assert wheelgrid("init", "--force").status == 0
    assert json.loads(wheelgrid("config", "--json").out)["file"] == str(tmp_path / "wheelgrid.toml")
    cells = wheelgrid("predict", "dist", "--no-deps", "--json").out.splitlines()
    keys = {json.loads(line)["cell"].rpartition("/")[0] for line in cells}
    assert "debian-13/aarch64" in keys
    assert {key.rpartition("/")[2] for key in keys} == {"aarch64"}


def test_every_setting_has_an_option_and_every_option_one_setting() -> None:
    """The shape of the file and the table of options have the same keys."""
    keys = [field.alias for field in ConfigShape.model_fields.values()]
    assert [key for key in keys if key not in ROWS] == list(SETTINGS)
    command = commands.get_command(click.Context(commands), "check")
    assert command is not None
    assert {setting_of(param) for param in command.params} - {""} == set(SETTINGS)


def test_the_reference_is_current() -> None:
    """``python -m harness.cli.config_reference`` changes nothing."""
    assert PAGE.read_text("utf-8") == config_page()
