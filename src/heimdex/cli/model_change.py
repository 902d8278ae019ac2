"""`heimdex models use`, `rollback`, `prune`, `queries`: the picture model in use, and changing it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heimdex.cli import door
from heimdex.cli.door import Home, Json
from heimdex.cli.jobs import show_job

if TYPE_CHECKING:
    from heimdex.pipeline.shadow import ChangeProgress

QUERIES_SHOWN = 5
FAILURES_SHOWN = 10

Owners = Annotated[
    str | None,
    typer.Option(metavar="UUID,…", help="Only these owners. Default: the installation.", show_default=False),
]


def use(
    name: Annotated[str, typer.Argument(metavar="NEW", help="The model, installed.")],
    owners: Owners = None,
    percent: Annotated[
        int | None, typer.Option(metavar="N", help="Only so many percent of the owners, for now.")
    ] = None,
    keep_days: Annotated[
        int, typer.Option(metavar="N", help="How long the vectors of the model before stay.")
    ] = 30,
    sample: Annotated[int, typer.Option(metavar="N", help="Kept frames to encode again as a check.")] = 64,
    most_failed: Annotated[
        float, typer.Option(metavar="SHARE", help="The share of pictures that may fail.")
    ] = 0.05,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Do it here and now, or leave it to running workers.")
    ] = True,
    dry_run: Annotated[
        bool, typer.Option(help="Say what would be made, and about how long it takes.")
    ] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Take another picture model into use: its vectors are made and checked while searches go on."""
    with door.opened(home, as_json=as_json) as heimdex:
        from heimdex.app.model_change import StartOptions

        options = StartOptions(
            owners=_listed(owners),
            percent=percent,
            keep_days=keep_days,
            sample=sample,
            most_failed=most_failed,
        )
        if dry_run:
            planned = heimdex.model_change.plan(name, options)
            door.show(as_json, lambda: planned, lambda: typer.echo(_plan(planned)))
            return
        if not wait:
            job = heimdex.jobs.add_model_change(name, options)
            show_job(job, as_json=as_json)
            return
        with _shown(quiet=as_json) as on_progress:
            found = heimdex.model_change.start(name, options, on_progress=on_progress)
        door.show(as_json, lambda: found, lambda: _show(found, percent))


def rollback(
    owners: Owners = None,
    catch_up: Annotated[
        bool, typer.Option(help="Then make the vectors that files indexed since lack.")
    ] = True,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Go back to the picture model before, at once."""
    with door.opened(home, as_json=as_json) as heimdex:
        found = heimdex.model_change.rollback(_listed(owners), catch_up=catch_up)

        def people() -> None:
            for one in found["rolled_back"]:
                whose = "" if one["owner"] is None else f" for {one['owner']}"
                typer.echo(f"{one['now']} is in use again{whose}, in place of {one['left']}")
            if found["scenes"]:
                typer.echo(f"{found['scenes']} scenes indexed since got their vectors")

        door.show(as_json, lambda: found, people)


def prune(as_json: Json = False, home: Home = None) -> None:
    """Remove vectors of models that were left, once their days are over and nobody uses them."""
    with door.opened(home, as_json=as_json) as heimdex:
        found = heimdex.model_change.prune()

        def people() -> None:
            for one in found["pruned"]:
                typer.echo(f"{one['model']}: {one['vectors']} vectors removed")
            if not found["pruned"]:
                typer.echo("Nothing to remove: every model is in use, or was left too short a time ago")

        door.show(as_json, lambda: found, people)


def queries(
    save: Annotated[str | None, typer.Option(metavar="QUERY", help="Keep this one for good.")] = None,
    forget: Annotated[str | None, typer.Option(metavar="QUERY", help="Forget this one.")] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """The queries that two models are compared by: saved ones, then the latest."""
    with door.opened(home, as_json=as_json) as heimdex:
        if save is not None:
            heimdex.model_change.save_query(save)
        if forget is not None:
            heimdex.model_change.forget_query(forget)
        found = heimdex.model_change.queries()

        def people() -> None:
            for one in found:
                typer.echo(f"{'saved ' if one['saved'] else '      '} {one['query']}")

        door.show(as_json, lambda: {"queries": found}, people)


def _listed(owners: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in (owners or "").split(",") if part.strip()))


def _plan(planned: dict[str, Any]) -> str:
    return (
        f"Would make {planned['vectors']} vectors of {planned['model']} for {planned['scenes']} scenes of "
        f"{planned['owners']} owners, in about {planned['seconds']:.0f} s."
    )


def _show(found: dict[str, Any], percent: int | None) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console()
    whom = "" if percent is None else f" for {percent} % of the owners"
    console.print(f"{found['model']} is in use{whom}", highlight=False)
    for change in found["changes"]:
        report = change["report"]
        console.print(
            f"{change['owner']}: {report['vectors']} vectors made in place of "
            f"{change['old'] or 'none'}, {report['checked'].get('frames_encoded_again', 0)} checked again",
            highlight=False,
        )
        _show_comparison(report["comparison"] or {}, console)
        for refusal in report["failed"][:FAILURES_SHOWN]:
            text = f"[yellow]failed[/] {escape(refusal['path'])}: {escape(refusal['error'])}"
            console.print(text, soft_wrap=True, highlight=False)
        if len(report["failed"]) > FAILURES_SHOWN:
            console.print(f"… and {len(report['failed']) - FAILURES_SHOWN} more")


def _show_comparison(comparison: dict[str, Any], console: Any) -> None:
    from rich.markup import escape

    if comparison.get("overlap") is None:
        return
    order = comparison["rank_correlation"]
    console.print(
        f"  of the top ten of {len(comparison['queries'])} queries {comparison['overlap']:.0%} are the same"
        + ("" if order is None else f", their order agrees by {order:+.2f}"),
        highlight=False,
    )
    for one in comparison["queries"][:QUERIES_SHOWN]:
        console.print(f"  {one['overlap']:.0%} {escape(one['query'])}", highlight=False)


@contextmanager
def _shown(*, quiet: bool) -> Iterator[Callable[[ChangeProgress], None]]:
    """A callback that draws the phase and the scenes on stderr."""
    from rich.console import Console

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda _: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=console,
        transient=True,
    )
    with bar:
        task = bar.add_task("building", total=None)

        def draw(progress: ChangeProgress) -> None:
            total = progress.scenes_total or None
            bar.update(task, description=progress.phase, total=total, completed=progress.scenes_done)

        yield draw
