"""`heimdex models convert` and `heimdex models quantise`: models made here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from heimdex.cli import door
from heimdex.cli.door import Home, Json


def convert(
    checkpoint: Annotated[Path, typer.Argument(metavar="PATH", help="Its folder, or its weights.")],
    name: Annotated[str, typer.Option(help="What the model is to be called.")],
    licence: Annotated[str, typer.Option(help="The licence of the weights (SPDX).")] = "unknown",
    architecture: Annotated[
        str | None, typer.Option(help="OpenCLIP's name, for bare weights: ViT-B-32.", show_default=False)
    ] = None,
    activation: Annotated[
        str | None,
        typer.Option(help="Where it does not say: gelu, gelu_tanh, quick_gelu.", show_default=False),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Replace a model of that name.")] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Make a model of your own CLIP or SigLIP checkpoint. Needs the torch extra."""
    with door.opened(home, as_json=as_json) as heimdex:
        from heimdex.inference.checkpoints import Hints
        from heimdex.inference.export import ExportOptions, export

        settings = heimdex.settings
        made = export(
            checkpoint.expanduser().absolute(),
            ExportOptions(
                name=name,
                models_dir=settings.models_dir or settings.home / "models",
                licence=licence,
                hints=Hints(architecture=architecture, activation=activation),
                replace=again,
            ),
        )
        door.show(
            as_json,
            lambda: {
                "model": name,
                "activation": made.row["activation"],
                "picture_cosine": made.picture_cosine,
                "words_cosine": made.words_cosine,
            },
            lambda: typer.echo(
                f"{name} is installed ({made.row['activation']}); its graphs give the checkpoint's vectors "
                f"to a cosine of {made.picture_cosine:.6f} for pictures, {made.words_cosine:.6f} for words."
            ),
        )


def quantise(
    name: Annotated[str, typer.Argument(help="An installed picture model.")],
    again: Annotated[bool, typer.Option("--again", help="Make it anew where it is there.")] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Make NAME-int8, faster and smaller, by your own kept frames. Needs the int8 extra."""
    with door.opened(home, as_json=as_json) as heimdex:
        from dataclasses import asdict

        made, loss = heimdex.quantise(
            name, again=again, on_step=lambda step: None if as_json else typer.echo(f"{step} …", err=True)
        )
        door.show(
            as_json,
            lambda: {"model": made, "loss": asdict(loss)},
            lambda: typer.echo(f"{made} is installed; {loss}"),
        )
