"""A console that prints no control characters of the texts that it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from postroom.model.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import ConsoleOptions, RenderableType
    from rich.segment import Segment


class SafeConsole(Console):
    """A console for text that is not trusted; only rich's own styling controls reach the terminal."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield what is to be printed, text without controls."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))
