"""Where people read: a console that prints nothing of a text that a terminal might obey."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from postroom.model.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import ConsoleOptions, RenderableType
    from rich.segment import Segment


class SafeConsole(Console):
    """A console for strangers' text, whatever command prints it; what styles it is rich's own."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield what is to be printed, text without controls."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))
