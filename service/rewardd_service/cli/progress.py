"""A progress bar for whoever watches; nothing where nobody does."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class _RateColumn(TextColumn):
    """Samples so far, and per second of this run."""

    def __init__(self, already: int) -> None:
        super().__init__("")
        self._already = already

    def render(self, task: Task) -> Text:
        """Return the column's text."""
        rows: int = task.fields["rows"]
        elapsed = task.elapsed or 0.0
        fresh = rows - self._already
        rate = f"{fresh / elapsed:,.0f}/s" if elapsed > 0 and fresh else "-/s"
        return Text(f"{rows:,} samples  {rate}")


@contextmanager
def progress_bar(
    console: Console, title: str, size: int | None, already: int
) -> Generator[Callable[[int, int], None]]:
    """Show a bar while a file is gone over, if the console is a terminal.

    Args:
        console: where to draw.
        title: what is worked on.
        size: of the source; None shows no end and so no estimate.
        already: rows that an earlier run answered: they do not count for the rate.

    Yields:
        What to tell: how far the source is read, and how many rows are answered.
    """
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        _RateColumn(already),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    disabled = not console.is_terminal
    with Progress(*columns, console=console, disable=disabled, transient=True) as progress:
        task = progress.add_task(title, total=size, rows=already)

        def tell(end: int, rows: int) -> None:
            progress.update(task, completed=end, rows=rows)

        yield tell
