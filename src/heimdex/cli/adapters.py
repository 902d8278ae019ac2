"""`heimdex adapter …`: what marked queries teach searches."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from heimdex.cli import door
from heimdex.cli.door import FAILED, Home, Json

app = typer.Typer(help="Searches adapted by marked queries: train, list, use, off.", no_args_is_help=True)

SHOWN = ("recall@1", "recall@10", "nDCG@10", "MRR", "recall", "lost", "wrongly sure")
NAMES = {"recall": "silent where nothing answers", "lost": "told nothing though there is an answer"}
MISSING_SHOWN = 10


@app.command()
def train(
    file: Annotated[Path, typer.Argument(help="Labelled queries, as `heimdex eval` reads.", metavar="FILE")],
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 when it was refused.")] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Learn from some of the queries; use what was learned if it is better on the others."""
    with door.opened(home, as_json=as_json) as heimdex:
        found = heimdex.adapters.train(
            file, on_step=lambda step: None if as_json else typer.echo(f"{step} …", err=True)
        )
        door.show(as_json, lambda: found, lambda: _show_trained(found))
    if strict and found["adapter"]["state"] == "refused":
        raise typer.Exit(FAILED)


@app.command("list")
def list_adapters(as_json: Json = False, home: Home = None) -> None:
    """The versions there are, the newest first, and which one searches use."""
    with door.opened(home, as_json=as_json) as heimdex:
        found = heimdex.adapters.list()
        door.show(as_json, lambda: found, lambda: _show_list(found["adapters"]))


@app.command()
def use(
    version: Annotated[int, typer.Argument(help="A version of the list.")],
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Search with a version from now on."""
    with door.opened(home, as_json=as_json) as heimdex:
        found = heimdex.adapters.use(version)
        door.show(as_json, lambda: found, lambda: typer.echo(_line(found["adapter"])))


@app.command()
def off(as_json: Json = False, home: Home = None) -> None:
    """Search without any from now on; versions stay."""
    with door.opened(home, as_json=as_json) as heimdex:
        found = heimdex.adapters.off()
        versions = ", ".join(map(str, found["off"]))
        door.show(
            as_json,
            lambda: found,
            lambda: typer.echo(f"adapter {versions} is off" if versions else "none was in use"),
        )


def _show_trained(found: dict[str, Any]) -> None:
    adapter = found["adapter"]
    figures = adapter["figures"]
    typer.echo(f"| {figures['queries']} held-out queries | without | with |\n|---|---|---|")
    for name in SHOWN:
        cells = [_cell(figures[side][name]) for side in ("before", "after")]
        typer.echo(f"| {NAMES.get(name, name)} | {' | '.join(cells)} |")
    typer.echo()
    for moment in found["missing"][:MISSING_SHOWN]:
        start = "" if moment["start"] is None else f" at {moment['start']:.1f} s"
        typer.echo(f"not in this library: {moment['path']}{start}")
    if len(found["missing"]) > MISSING_SHOWN:
        typer.echo(f"… and {len(found['missing']) - MISSING_SHOWN} more; --json names all")
    typer.echo(_line(adapter))


def _show_list(adapters: list[dict[str, Any]]) -> None:
    for adapter in adapters:
        typer.echo(_line(adapter))
    if not adapters:
        typer.echo("None was trained yet: `heimdex adapter train FILE`.")


def _line(adapter: dict[str, Any]) -> str:
    gain = adapter["figures"]["gain"]
    told = {
        "active": "in use"
        if adapter["fits"]
        else "in use with other weights than pictures are searched with",
        "ready": "not in use",
        "refused": f"refused: {adapter['reason']}",
    }[adapter["state"]]
    return (
        f"adapter {adapter['version']}, {adapter['trained_at'][:10]}, for {adapter['model']}: "
        f"nDCG@10 {gain['mean']:+.3f} (at least {gain['low']:+.3f}); {told}"
    )


def _cell(found: dict[str, Any]) -> str:
    return "-" if found["mean"] is None else f"{found['mean']:.3f}"
