"""The text of a project's first configuration, in which every line is explained."""

import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from harness.matrix.config.config_shape import described

WIDTH = 88


@dataclass(frozen=True, kw_only=True, slots=True)
class FirstConfig:
    """What the wheels of a project say about where it has to work."""

    releases: tuple[str, ...]
    """``name==version`` of the wheels, sorted."""
    pythons: tuple[str, ...]
    """Python tags of the wheels: ``cp311``."""
    platforms: tuple[str, ...]
    """``glibc``, ``musl`` or ``any``."""
    targets: tuple[str, ...]
    """Globs over the targets that a wheel fits."""
    fitting: tuple[str, ...]
    """The ids of those targets."""
    arches: tuple[str, ...]
    """Empty if a wheel is for every architecture."""
    imports: tuple[str, ...]
    """The packages and modules of all wheels."""
    requires: tuple[str, ...]
    """The projects that their metadata requires without an extra."""


def first_config(found: FirstConfig, table: str = "") -> str:
    """Return the settings as TOML, for the top of a file or a ``table`` of one."""
    prefix = f"{table}." if table else ""
    names = tuple(dict.fromkeys(release.partition("==")[0] for release in found.releases))
    name = names[0]
    module = (found.imports or (name.replace("-", "_"),))[0]
    platforms = " and ".join(found.platforms)
    blocks = [
        _comment(
            f"Where and how `wheelgrid check` tries wheels of {' and '.join(names)}. A line such "
            "as `# call = ...` is an example: remove the # to use it. `wheelgrid config` shows the "
            "settings that hold, and where each comes from."
        ),
        _block("targets", list(found.targets), _about(found, platforms)),
        _block("arches", list(found.arches), "The wheels are for these.")
        if found.arches
        else _block("arches", ["x86_64"], "The wheels are for all.", on=False),
        _block(
            "imports",
            list(found.imports) or [module],
            "Found in the wheels: these. Without this line they are found again each time.",
            on=False,
        ),
        _block("call", f"{module}.add(1, 2) == 3", "An example.", on=False),
        _block("dependencies", value=True, note=_requirements(found.requires)),
        _block("against", [found.releases[0]], "Name the newest one here.", on=False),
        _block("strict-wheel", value=True, note="", on=False),
        _block("strict-prediction", value=True, note="", on=False),
        _block("images", "auto", "", on=False),
        _rows(prefix, "expectations", _expectation(found, name)),
        _rows(prefix, "own-targets", _own_target(found)),
    ]
    return "\n\n".join(blocks) + "\n"


def _about(found: FirstConfig, platforms: str) -> str:
    return (
        f"The wheels are for {' '.join(found.pythons)} on {platforms}; these are the targets of "
        "the matrix that one of them fits."
    )


def _requirements(requires: Sequence[str]) -> str:
    return f"They require {' '.join(requires)}." if requires else "They require nothing."


def _block(key: str, value: object, note: str, *, on: bool = True) -> str:
    off = "" if on else "# "
    text = " ".join(filter(None, (described(key), note)))
    written = toml_value(value)
    if isinstance(value, list) and on and len(key) + 3 + len(written) > WIDTH:
        items = textwrap.fill(
            ", ".join(map(toml_value, value)),
            WIDTH,
            initial_indent="    ",
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        written = f"[\n{items},\n]"
    return f"{_comment(text)}\n{off}{key} = {written}"


def _rows(prefix: str, key: str, row: dict[str, object]) -> str:
    lines = [f"[[{prefix}{key}]]", *(f"{name} = {toml_value(row[name])}" for name in row)]
    return "\n".join([_comment(described(key)), *(f"# {line}" for line in lines)])


def _expectation(found: FirstConfig, name: str) -> dict[str, object]:
    return {
        "target": found.fitting[0],
        "arch": found.arches[0] if found.arches else "*",
        "subject": f"{name}-*",
        "outcome": "import-failed",
        "reason": "Why it is known to fail there.",
        "link": "https://example.org/issues/1",
    }


def _own_target(found: FirstConfig) -> dict[str, object]:
    return {
        "id": "our-image",
        "title": "The image that we deploy",
        "python": "3.13",
        "libc": "glibc",
        "arches": list(found.arches or ("x86_64",)),
        "registry": {"image": "python:3.13-slim"},
    }


def toml_value(value: object) -> str:
    """Return a value as TOML writes it."""
    match value:
        case list():
            return f"[{', '.join(map(toml_value, value))}]"
        case dict():
            return f"{{{', '.join(f'{key} = {toml_value(item)}' for key, item in value.items())}}}"
        case _:
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: str) -> str:
    return "\n".join(f"# {line}" for line in textwrap.wrap(text, WIDTH, break_on_hyphens=False))
