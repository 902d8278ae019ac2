"""The commands. Every one takes --json: one document on stdout, logs on stderr.

Exit codes: 0; 1 when the asked-for thing failed or verify found a fault; 2 for a wrong call; 130 for Ctrl-C
(see `main.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from heimdex import __version__
from heimdex.cli import (
    adapters,
    archives,
    backfill,
    correcting,
    door,
    evaluation,
    exports,
    jobs,
    keys,
    migrating,
    models,
    serve,
    users,
    worker,
)
from heimdex.cli.door import FAILED, Home, Json
from heimdex.errors import UsageError

app = typer.Typer(
    name="heimdex",
    help="Find any moment in your own videos and photos.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(models.app, name="models")
app.add_typer(adapters.app, name="adapter")
app.add_typer(users.app, name="users")
app.add_typer(keys.app, name="keys")
app.add_typer(jobs.app, name="jobs")


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


@app.command()
def index(
    paths: Annotated[list[Path], typer.Argument(help="Folders or files.", metavar="PATH…")],
    stages: Annotated[str | None, typer.Option(help="Only these stages, comma-separated.")] = None,
    repair: Annotated[bool, typer.Option(help="Mend what verify finds, try failures again.")] = False,
    strict: Annotated[bool, typer.Option(help="Exit 1 when a file was refused.")] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Bring the index up to date with folders of videos and photos."""
    from heimdex.app import shapes
    from heimdex.cli import progress, render

    with door.opened(home, as_json=as_json) as heimdex:
        chosen = [name.strip() for name in stages.split(",") if name.strip()] if stages else None
        with progress.shown(quiet=as_json) as callback:
            report = heimdex.index(*paths, stages=chosen, repair=repair, on_progress=callback)
        door.show(as_json, lambda: shapes.index_report(report), lambda: render.show_index(report))
    if strict and report.failed:
        raise typer.Exit(FAILED)


app.command()(backfill.backfill)
app.command()(jobs.reprocess)
app.command()(worker.worker)
app.command("eval")(evaluation.evaluate)
app.command("export-index")(archives.export_index)
app.command("import-index")(archives.import_index)
app.command()(archives.backup)
app.command()(archives.restore)


@app.command()
def search(
    text: Annotated[str | None, typer.Argument(help="What is seen, in words.", show_default=False)] = None,
    image: Annotated[Path | None, typer.Option(help="Like this picture file.")] = None,
    similar: Annotated[str | None, typer.Option(metavar="SCENE", help="Like this scene.")] = None,
    like: Annotated[
        list[str] | None, typer.Option(metavar="SCENE:+0.5", help="More like this scene, or less (:-0.5).")
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option("--not", metavar="TEXT", help="What counts against a hit.")
    ] = None,
    says: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="What is said, to the letter.")
    ] = None,
    shows: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="What is written in it.")] = None,
    kind: Annotated[
        str | None, typer.Option(metavar="video|photo|audio", help="Only videos, photos or recordings.")
    ] = None,
    within: Annotated[
        Path | None, typer.Option("--in", metavar="PATH", help="Only below this folder.")
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="Taken then or later.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Taken then or earlier.")] = None,
    limit: Annotated[int, typer.Option(help="Hits on a page.")] = 10,
    page: Annotated[int, typer.Option(help="Which page.")] = 1,
    match_threshold: Annotated[float | None, typer.Option(help="Least raw cosine of the picture.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Sure answers alone.")] = False,
    loose: Annotated[bool, typer.Option("--loose", help="The nearest, however far.")] = False,
    nearest: Annotated[
        bool, typer.Option("--nearest", help="Where nothing answers, what is nearest.")
    ] = False,
    pictures: Annotated[bool | None, typer.Option(help="Show small pictures.", show_default=False)] = None,
    form: Annotated[str | None, typer.Option("--as", metavar="edl", help="The hits as a cut list.")] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Find moments by words, by a picture, by a scene, or by a mixture."""
    from heimdex.cli import dates

    if form not in (None, "edl"):
        door.fail(UsageError(f"hits cannot be written as {form!r}; there is: edl"), as_json=as_json)
    if strict and loose:
        door.fail(UsageError("--strict and --loose exclude each other"), as_json=as_json)
    with door.opened(home, as_json=as_json) as heimdex:
        found = heimdex.search(
            text,
            image=image,
            similar=similar,
            likes=like or (),
            without=without or (),
            says=says or (),
            shows=shows or (),
            kind=kind,
            within=within,
            since=None if since is None else dates.since(since),
            until=None if until is None else dates.until(until),
            limit=limit,
            page=page,
            match_threshold=match_threshold,
            strictness="strict" if strict else "loose" if loose else "normal",
            nearest=nearest,
        )
        if form is not None:
            exports.give(heimdex.cut_list(found), form, None, as_json=as_json)
        elif as_json:
            from heimdex.app import shapes

            door.print_json(shapes.answer(found))
        else:
            from heimdex.cli import render

            render.show_answer(found, pictures=render.can_show_pictures() if pictures is None else pictures)


@app.command()
def status(as_json: Json = False, home: Home = None) -> None:
    """How much there is, and how far each stage has come."""
    from heimdex.cli import render

    with door.opened(home, as_json=as_json) as heimdex:
        found = heimdex.status()
        door.show(as_json, lambda: found, lambda: render.show_fields(found))


@app.command()
def verify(
    sample: Annotated[int, typer.Option(help="Frames and files to look at closely; -1 for all.")] = 64,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Derive everything again from files and rows and name every fault."""
    from heimdex.app import shapes
    from heimdex.cli import render

    with door.opened(home, as_json=as_json) as heimdex:
        found = heimdex.verify(sample=sample)
        door.show(as_json, lambda: shapes.verification(found), lambda: render.show_verification(found))
    if found.faults:
        raise typer.Exit(FAILED)


@app.command()
def assets(as_json: Json = False, home: Home = None) -> None:
    """List what is indexed, and what was refused."""
    from heimdex.cli import render

    with door.opened(home, as_json=as_json) as heimdex:
        found = heimdex.assets()
        door.show(as_json, lambda: found, lambda: render.show_assets(found))


@app.command()
def show(
    asset: Annotated[str, typer.Argument(metavar="ID|PATH", help="An asset's id or path.")],
    as_json: Json = False,
    home: Home = None,
) -> None:
    """One asset: its scenes, keyframes and ledger."""
    from heimdex.cli import render

    with door.opened(home, as_json=as_json) as heimdex:
        found = heimdex.show(asset)
        door.show(as_json, lambda: found, lambda: render.show_fields(found))


@app.command()
def remove(
    targets: Annotated[list[str], typer.Argument(metavar="PATH|ID…", help="Assets, files or folders.")],
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Take assets out of the index. Files indexed in place are never touched; uploads are deleted."""
    with door.opened(home, as_json=as_json) as heimdex:
        removed = heimdex.remove(*targets)
        door.show(as_json, lambda: {"removed": removed}, lambda: typer.echo(f"{len(removed)} assets removed"))


app.command()(correcting.correct)
app.command()(exports.export)
app.command()(serve.serve)
app.command()(migrating.migrate)


@app.command()
def doctor(as_json: Json = False, home: Home = None) -> None:
    """Check this installation: disk, database, models, runtime, codecs, what it stands on."""
    from heimdex.cli import diagnosis, render

    settings = door.settings_of(home, as_json=as_json)
    checks = diagnosis.checks(settings)
    ok = all(check["level"] != "error" for check in checks)
    door.show(as_json, lambda: {"ok": ok, "checks": checks}, lambda: render.show_checks(checks))
    if not ok:
        raise typer.Exit(FAILED)


@app.command()
def demo(as_json: Json = False, home: Home = None) -> None:
    """Index the sample library in a home of its own and answer three searches."""
    from heimdex.cli import demonstration

    base = door.settings_of(home, as_json=as_json).home
    with door.opened(base / "demo", as_json=as_json) as heimdex:
        document = demonstration.run(heimdex, quiet=as_json)
        if as_json:
            door.print_json(document)
