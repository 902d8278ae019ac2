"""How an index run is shown while it goes: a bar in a terminal, nothing elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from heimdex.entities import Progress


@contextmanager
def shown(*, quiet: bool) -> Iterator[Callable[[Progress], None] | None]:
    """A callback that draws files, scenes, rate and time left on stderr; None when nobody looks."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    bar = Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("files · {task.fields[scenes]} scenes · {task.fields[rate]}"),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("[dim]{task.fields[current]}"),
        console=console,
        transient=True,
        refresh_per_second=5,
    )
    with bar:
        task = bar.add_task("Looking", total=None, scenes=0, rate="", current="")

        def draw(progress: Progress) -> None:
            rate = progress.files_done / progress.seconds if progress.seconds > 0 else 0.0
            bar.update(
                task,
                description="Indexing",
                total=progress.files_total,
                completed=progress.files_done,
                scenes=progress.scenes,
                rate=f"{rate:.1f} files/s" + (f" · {progress.failed} refused" if progress.failed else ""),
                current=progress.current.rsplit("/", 1)[-1][:40],
            )

        yield draw
