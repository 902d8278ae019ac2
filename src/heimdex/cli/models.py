"""`heimdex models …`: which models there are, fetching, checking and removing them, and which is in use."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heimdex.cli import conversion, door, model_change
from heimdex.cli.door import FAILED, Home, Json
from heimdex.errors import HeimdexError, HubUnavailable, StorageFull

if TYPE_CHECKING:
    from heimdex.inference.installing import Outcome
    from heimdex.pipeline.installed import Models, Offer

app = typer.Typer(help="The models: list, pull, verify, import, remove; use, rollback.", no_args_is_help=True)

Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME…]", help="Models.", show_default=False)]


@app.command("list")
def list_models(as_json: Json = False, home: Home = None) -> None:
    """The models there are, which are installed and in use, and what each would bring."""
    from heimdex.cli import model_views

    with door.opened(home, as_json=as_json) as heimdex:
        found = heimdex.models.listing()
        door.show(as_json, lambda: {"models": found}, lambda: model_views.show_models(found))


@app.command()
def pull(
    names: Names = None,
    chosen_set: Annotated[str | None, typer.Option("--set", help="A set of models, e.g. home.")] = None,
    again: Annotated[bool, typer.Option(help="Ask the hub for its newest, even where installed.")] = False,
    accept_licence: Annotated[bool, typer.Option(help="Also where commercial use is not allowed.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Download models; what a stopped pull left is gone on with."""
    from heimdex.cli import model_views

    with door.opened(home, as_json=as_json) as heimdex:
        models = heimdex.models
        offers = models.offers(
            models.choose(names or (), chosen_set), again=again, accept_licence=accept_licence
        )
        if not as_json:
            model_views.show_offers(offers)
        size_bytes = sum(offer.size_bytes for offer in offers)
        if size_bytes and not (yes or as_json) and _somebody_is_there():
            typer.confirm(f"Download up to {model_views.amount(size_bytes)}?", default=True, abort=True)
        done, failed = _pull_each(models, offers, again=again, quiet=as_json)
        document = {
            "models": [model_views.outcome(one, "pulled") for one in done],
            "failed": failed,
            "size_bytes": size_bytes,
        }
        door.show(as_json, lambda: document, lambda: model_views.show_outcomes(done, "pulled"))
        for failure in failed:
            typer.echo(f"heimdex: {failure['name']}: {failure['error']}", err=True)
    if failed:
        raise typer.Exit(FAILED)


@app.command()
def verify(
    names: Names = None,
    no_pull: Annotated[bool, typer.Option("--no-pull", help="Only look; mend nothing.")] = False,
    no_probes: Annotated[
        bool, typer.Option("--no-probes", help="Do not ask models what sample pictures show.")
    ] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Read every byte of installed models, and pull what is damaged again."""
    from heimdex.cli import model_views

    with door.opened(home, as_json=as_json) as heimdex:
        with model_views.transfer_shown(quiet=as_json) as on_transfer:
            found = heimdex.models.verify(
                names or (), mend=not no_pull, probe=not no_probes, on_transfer=on_transfer
            )
        door.show(as_json, lambda: model_views.checkups(found), lambda: model_views.show_checkups(found))
    if not all(checkup.ok for checkup in found):
        raise typer.Exit(FAILED)


@app.command("import")
def import_model(
    folder: Annotated[Path, typer.Argument(help="A folder with the model's files.", metavar="DIR")],
    name: Annotated[str | None, typer.Option(help="Which model it is.", show_default=False)] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Install a model from a folder: a Hugging Face cache or snapshot, a models folder, plain files."""
    from heimdex.cli import model_views

    with door.opened(home, as_json=as_json) as heimdex:
        with model_views.transfer_shown(quiet=as_json) as on_transfer:
            done = heimdex.models.take_in(folder.expanduser().absolute(), name, on_transfer)
        door.show(
            as_json,
            lambda: model_views.outcome(done, "imported"),
            lambda: model_views.show_outcomes([done], "imported"),
        )


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="The model.")],
    force: Annotated[bool, typer.Option("--force", help="Even where the settings use it.")] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Take an installed model, or an unfinished pull, off the disk."""
    from heimdex.cli import model_views

    with door.opened(home, as_json=as_json) as heimdex:
        freed = heimdex.models.remove(name, force=force)
        door.show(
            as_json,
            lambda: {"removed": name, "size_bytes": freed},
            lambda: typer.echo(f"{name} removed, {model_views.amount(freed)} free again"),
        )


app.command()(model_change.use)
app.command()(model_change.rollback)
app.command()(model_change.prune)
app.command()(model_change.queries)
app.command()(conversion.convert)
app.command()(conversion.quantise)


def _somebody_is_there() -> bool:
    return sys.stdin.isatty()


def _pull_each(
    models: Models, offers: tuple[Offer, ...], *, again: bool, quiet: bool
) -> tuple[list[Outcome], list[dict[str, Any]]]:
    """One that fails does not keep the others, unless the hub or the disk is at fault."""
    from heimdex.cli import model_views

    done: list[Outcome] = []
    failed: list[dict[str, Any]] = []
    with model_views.transfer_shown(quiet=quiet) as on_transfer:
        for offer in offers:
            try:
                done.append(models.pull(offer, again=again, on_transfer=on_transfer))
            except HeimdexError as error:
                failed.append({"name": offer.row.name, "error": str(error)})
                if isinstance(error, (HubUnavailable, StorageFull)):
                    break
    return done, failed
