"""The settings of a project's configuration as options: precedence, environment, ``--config``.

click itself decides between command line, environment and file: a setting is an entry of its
default map, and each of its options has an environment variable.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from harness.core.engine_places import declared_places
from harness.matrix.config.config_file import NAME, ConfigFile, find_config, read_config


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """A key of the configuration, and the option that it is the default of."""

    option: str
    is_path: bool = False
    """Whether it, or each item of a list, is a path relative to the folder of the file."""
    also: tuple[str, ...] = ()
    """Further environment variables that hold it, after its own."""
    default: str = ""
    """The default in words; empty if it is the default of the option."""


SETTINGS = {
    "targets": Setting(
        option="--target",
        default="of `check`, `plan` and `run`, if nothing else selects, those of the profile "
        "`default` and your own; else all",
    ),
    "arches": Setting(option="--arch", default="as for `targets`"),
    "profile": Setting(option="--profile", default="as for `targets`"),
    "imports": Setting(option="--import", default="what is found in each wheel"),
    "call": Setting(option="--call", default="nothing is called"),
    "dependencies": Setting(option="--deps"),
    "extras": Setting(option="--extra", default="none"),
    "with": Setting(option="--with", default="none"),
    "find-links": Setting(option="--find-links", is_path=True, default="none"),
    "constraint": Setting(option="--constraint", is_path=True, default="none"),
    "index-url": Setting(option="--index-url", also=("PIP_INDEX_URL",), default="that of pip"),
    "against": Setting(option="--against", default="none"),
    "strict": Setting(option="--strict"),
    "partial": Setting(option="--partial"),
    "strict-wheel": Setting(option="--strict-wheel"),
    "strict-prediction": Setting(option="--strict-prediction"),
    "test": Setting(option="--test", default="no tests are run"),
    "test-requires": Setting(option="--test-requires", default="none"),
    "test-files": Setting(option="--test-files", is_path=True, default="none"),
    "test-timeout": Setting(option="--test-timeout"),
    "images": Setting(option="--images"),
    "registry": Setting(option="--registry", default="the registry that an image's name has"),
    "debian-mirrors": Setting(option="--debian-mirror", default="those of this machine's apt"),
    "timeout": Setting(option="--timeout"),
    "cell-memory": Setting(option="--cell-memory"),
    "cell-disk": Setting(option="--cell-disk"),
    "cell-processes": Setting(option="--cell-processes"),
    "cell-shm": Setting(option="--cell-shm"),
    "own-pip": Setting(option="--own-pip"),
    "runtime": Setting(option="--runtime"),
    "engines": Setting(option="--engine", default="this machine's engine for every arch"),
    "require-hardening": Setting(option="--require-hardening"),
    "require-nogil": Setting(option="--require-nogil"),
    "out": Setting(option="--out", is_path=True),
    "store": Setting(option="--store", is_path=True, default="one in the user's data folder"),
    "matrix": Setting(option="--matrix", is_path=True, default="the one that is installed"),
}
"""Key of the configuration → its option. A setting holds for every command with that option."""

_KEYS = {setting.option: key for key, setting in SETTINGS.items()}


def setting_of(parameter: click.Parameter) -> str:
    """Return the key of the setting that is the default of a parameter; empty if none is."""
    return next((_KEYS[option] for option in parameter.opts if option in _KEYS), "")


def variables_of(key: str) -> tuple[str, ...]:
    """Return the environment variables of a setting; the first one that is set counts."""
    return (f"WHEELGRID_{key.upper().replace('-', '_')}", *SETTINGS[key].also)


def take_settings(command: click.Command) -> None:
    """Let the settings be defaults of the command's options, and add ``--config`` if there are any.

    An option's environment variable is that of its setting.
    """
    known = {param: key for param in command.params if (key := setting_of(param))}
    for param, key in known.items():
        param.envvar = variables_of(key)
    if known:
        command.params.append(_config_option())


def _config_option() -> click.Option:
    return click.Option(
        ["--config"],
        type=click.Path(path_type=Path, dir_okay=False),
        envvar="WHEELGRID_CONFIG",
        is_eager=True,  # the defaults of the others are in it
        expose_value=False,
        callback=_read_settings,
        metavar="FILE",
        help=f"Settings of the project; by default {NAME} or [tool.wheelgrid] of pyproject.toml, "
        "here or in the nearest parent folder.",
    )


def _read_settings(context: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value:
        context.obj = read_config(value)
    elif context.find_object(ConfigFile) is None:
        context.obj = find_config(Path.cwd())
    if config := context.find_object(ConfigFile):
        context.default_map = _defaults(context.command, config)


def _defaults(command: click.Command, config: ConfigFile) -> dict[str, Any]:
    """Return the values of the settings by parameter. Wrong ones are reported when it runs."""
    from harness.matrix.config.config_rows import wrong_keys  # noqa: PLC0415 - 0.1 s, if needed

    wrong = wrong_keys(config)
    return {
        str(param.name): _resolved(config, key)
        for param in command.params
        if (key := setting_of(param)) in config.values and key not in wrong
    }


def _resolved(config: ConfigFile, key: str) -> Any:  # noqa: ANN401 - any value of TOML
    value = config.values[key]
    if key == "engines":
        return [str(place) for place in declared_places(value)]
    if not SETTINGS[key].is_path:
        return value
    return (
        [str(config.folder / item) for item in value]
        if isinstance(value, list)
        else str(config.folder / value)
    )


def project_config() -> Path | None:
    """Return the file of the project's configuration that this command uses."""
    config = click.get_current_context().find_object(ConfigFile)
    return config.path.absolute() if config and config.path.is_file() else None


def is_typed(*names: str) -> bool:
    """Whether the command line itself has one of these parameters."""
    context = click.get_current_context()
    return any(context.get_parameter_source(name) is ParameterSource.COMMANDLINE for name in names)
