"""`heimdex backfill`: the vectors of a model for what is indexed already."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heimdex.cli import door, jobs
from heimdex.cli.door import Home, Json
from heimdex.errors import UsageError

if TYPE_CHECKING:
    from heimdex.pipeline.backfill_tally import BackfillProgress, BackfillReport

REFUSALS_SHOWN = 20


def backfill(
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose vectors. Default: the model in use.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option(help="Say what would be done, and about how long it takes.")
    ] = False,
    force: Annotated[bool, typer.Option(help="Make those again that are there.")] = False,
    failed: Annotated[bool, typer.Option(help="Also try those again that failed.")] = False,
    max_scenes: Annotated[int | None, typer.Option(metavar="N", help="Stop after so many scenes.")] = None,
    batch_size: Annotated[int, typer.Option(metavar="N", help="Scenes taken in hand at a time.")] = 50,
    checkpoint: Annotated[int, typer.Option(metavar="N", help="Scenes encoded and written together.")] = 10,
    delay: Annotated[float, typer.Option(metavar="S", help="Seconds to pause after each batch.")] = 0.0,
    timeout: Annotated[
        float | None, typer.Option(metavar="S", help="Seconds one picture may take.", min=0.001)
    ] = None,
    asset: Annotated[str | None, typer.Option(metavar="ID|PATH", help="Only this asset.")] = None,
    query: Annotated[
        str | None, typer.Option(metavar="QUERY", help="Only what a line of the query language chooses.")
    ] = None,
    background: Annotated[bool, typer.Option(help="Leave it to a running worker.")] = False,
    owner: Annotated[str | None, typer.Option(metavar="UUID", help="Whose library.")] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Make the vectors of a model that scenes lack, from their kept frames."""
    with door.opened(home, as_json=as_json, owner=owner) as heimdex:
        from heimdex.pipeline.backfill_tally import BackfillOptions

        if background and not dry_run:
            if timeout is not None:
                raise UsageError("--timeout is no option of a backfill in the background")
            jobs.show_job(
                heimdex.jobs.add_backfill(
                    model,
                    query=query,
                    asset=asset,
                    failed=failed,
                    force=force,
                    max_scenes=max_scenes,
                    batch_size=batch_size,
                    checkpoint=checkpoint,
                    delay_s=delay,
                ),
                as_json=as_json,
            )
            return
        options = BackfillOptions(
            asset=asset,
            assets=None if query is None else heimdex.jobs.choose(query).assets,
            failed=failed,
            force=force,
            max_scenes=max_scenes,
            batch_size=batch_size,
            checkpoint=checkpoint,
            delay_s=delay,
            dry_run=dry_run,
        )
        with _shown(quiet=as_json or dry_run) as callback:
            report = heimdex.backfill(model, options=options, timeout_s=timeout, on_progress=callback)
        door.show(as_json, lambda: _document(report), lambda: _show(report))


def _document(report: BackfillReport) -> dict[str, Any]:
    return {
        "model": report.model,
        "assets": report.assets,
        "scenes": report.scenes,
        "vectors": report.vectors,
        "failed": [asdict(refusal) for refusal in report.failed],
        "skipped": report.skipped,
        "remaining": report.remaining,
        "seconds": report.seconds,
        "dry_run": report.dry_run,
    }


def _show(report: BackfillReport) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console()
    made = f"{report.vectors} vectors of {report.model} for {report.scenes} scenes in {report.assets} assets"
    if report.dry_run:
        console.print(f"Would make {made}, in about {_span(report.seconds)}.", highlight=False)
    else:
        console.print(f"{made} in {_span(report.seconds)}", highlight=False)
    for refusal in report.failed[:REFUSALS_SHOWN]:
        console.print(
            f"[yellow]failed[/] {escape(refusal.path)}: {escape(refusal.error)}",
            soft_wrap=True,
            highlight=False,
        )
    if len(report.failed) > REFUSALS_SHOWN:
        console.print(f"… and {len(report.failed) - REFUSALS_SHOWN} more; `heimdex show` tells of each")
    if report.skipped:
        console.print(f"{report.skipped} scenes failed before and were left alone; --failed tries them again")
    if report.remaining and not report.dry_run:
        console.print(f"{report.remaining} scenes are still to be done; run it again")


def _span(seconds: float) -> str:
    """Seconds in the unit people would use."""
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


@contextmanager
def _shown(*, quiet: bool) -> Iterator[Callable[[BackfillProgress], None] | None]:
    """A callback that draws scenes, rate and time left on stderr; None when nobody looks."""
    from rich.console import Console

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("scenes · {task.fields[vectors]} vectors · {task.fields[rate]}"),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=console,
        transient=True,
        refresh_per_second=5,
    )
    with bar:
        task = bar.add_task("Loading the model", total=None, vectors=0, rate="")

        def draw(progress: BackfillProgress) -> None:
            rate = progress.scenes_done / progress.seconds if progress.seconds > 0 else 0.0
            bar.update(
                task,
                description="Backfilling",
                total=progress.scenes_total,
                completed=progress.scenes_done,
                vectors=progress.vectors,
                rate=f"{rate:.1f} scenes/s" + (f" · {progress.failed} failed" if progress.failed else ""),
            )

        yield draw
