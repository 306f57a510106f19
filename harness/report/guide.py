"""The pages of ``harness/guide`` that commands print; they are part of the package."""

from importlib.resources import files

from rich.console import ConsoleOptions, RenderResult
from rich.markdown import Heading, Markdown
from rich.text import Text
from rich.theme import Theme

from harness.core.causes import Cause
from harness.report.console import Console, print_data

_CAUSES = files("harness").joinpath("guide", "causes")
_BOTH_BACKGROUNDS = Theme(
    {
        "markdown.code": "bold",
        "markdown.item.bullet": "bold",
        "markdown.link_url": "underline",
        "markdown.link": "underline",
    }
)
"""Legible on light and on dark terminals: no colour, and no background of its own."""


class _LeftHeading(Heading):
    """A heading at the left edge, without a frame."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(self.text.plain, style="bold" if self.tag == "h2" else "bold underline")


class _Page(Markdown):
    elements = {**Markdown.elements, "heading_open": _LeftHeading}  # noqa: RUF012 - rich's own way


def page_name(cause: str) -> str:
    """Return the file name of a cause's page; a colon is not allowed in one on every system."""
    return f"{cause.replace(':', '-')}.md"


def cause_page(cause: Cause) -> str:
    """Return the Markdown of a cause's page."""
    return _CAUSES.joinpath(page_name(cause)).read_text("utf-8")


def cause_list() -> str:
    """Return a line per cause: its name, and the first paragraph of its page."""
    width = max(map(len, Cause))
    return "".join(f"{cause:<{width}}  {_summary(cause)}\n" for cause in _wheels_first())


def _wheels_first() -> list[Cause]:
    """Return all causes, those of a miss last."""
    return sorted(Cause, key=lambda cause: cause.startswith("infra:"))


def _summary(cause: Cause) -> str:
    return " ".join(cause_page(cause).split("\n\n", 2)[1].split())


def print_page(markdown: str, console: Console) -> None:
    """Print a page: rendered on a terminal, unchanged in a pipe or a file."""
    if not console.is_terminal:
        print_data(markdown, end="")
        return
    with console.use_theme(_BOTH_BACKGROUNDS):
        console.print(_Page(markdown, code_theme="ansi_dark"))
