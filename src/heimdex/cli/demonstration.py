"""`heimdex demo`: the sample library, indexed and asked three things."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console

from heimdex.app import shapes
from heimdex.cli import progress, render
from heimdex.cli.diagnosis import samples

if TYPE_CHECKING:
    from heimdex.app import Heimdex

QUESTIONS = ("a cat", "a rocket launch", "a cup of coffee")


def run(heimdex: Heimdex, *, quiet: bool) -> dict[str, Any]:
    """Index the samples and ask. Returns the documents of the run and the searches."""
    folder = samples()
    console = Console(quiet=quiet, highlight=False)
    say = console.print
    say(f"Indexing the sample library, {folder}")
    with progress.shown(quiet=quiet) as callback:
        report = heimdex.index(folder, on_progress=callback)
    if not quiet:
        render.show_index(report)
    answers = []
    for question in QUESTIONS:
        found = heimdex.search(question, limit=3)
        answers.append(shapes.answer(found))
        if not quiet:
            say(f'\nheimdex search "{question}"   ({found.took_ms:.0f} ms)')
            render.show_answer(found, pictures=render.can_show_pictures())
    say('\nYour own:  heimdex index ~/Videos ~/Pictures   then   heimdex search "…"')
    return {"index": shapes.index_report(report), "searches": answers}
