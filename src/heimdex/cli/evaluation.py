"""`heimdex eval`: how well a library answers labelled queries."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heimdex.cli import door
from heimdex.cli.door import Home, Json

if TYPE_CHECKING:
    from heimdex.search.evaluation import Figure, Report


def evaluate(
    file: Annotated[Path, typer.Argument(help="Labelled queries, JSON lines or CSV.", metavar="FILE")],
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Measure how well labelled queries are answered: recall, order, times, and when to say nothing."""
    from heimdex.search.evaluation import DEPTH
    from heimdex.search.evaluation import evaluate as measure
    from heimdex.search.labels import read_labels

    with door.opened(home, as_json=as_json) as heimdex:
        labels = read_labels(file)
        report = measure(labels, lambda text: heimdex.search(text, limit=DEPTH, nearest=True))
        door.show(as_json, lambda: document(report), lambda: _print(report))


def document(report: Report) -> dict[str, Any]:
    """The report as JSON; what could not be measured is null."""
    return {
        "ranking": {name: _figures(measures) for name, measures in report.ranking.items()},
        "sorts": {name: _figures(measures) for name, measures in report.sorts.items()},
        "abstention": _figures(report.abstention),
        "time_error": report.time_error_s,
        "verdicts": {query: str(verdict) for query, verdict in report.verdicts.items()},
    }


def _figures(measures: Mapping[str, Figure]) -> dict[str, Any]:
    return {
        name: {
            "mean": _number(found.mean),
            "low": _number(found.low),
            "high": _number(found.high),
            "queries": found.queries,
        }
        for name, found in measures.items()
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


def _print(report: Report) -> None:
    _table("by", report.ranking)
    _table("sort of query", report.sorts)
    for name, found in report.abstention.items():
        typer.echo(f"abstention, {name}: {_cell(found)} of {found.queries}")
    if report.time_error_s is not None:
        typer.echo(f"time error, median: {report.time_error_s:.2f} s")


def _table(head: str, rows: Mapping[str, Mapping[str, Figure]]) -> None:
    measures = next(iter(rows.values()), {})
    typer.echo(f"| {head} | queries | {' | '.join(measures)} |")
    typer.echo("|---" * (len(measures) + 2) + "|")
    for name, found in rows.items():
        count = next((figure.queries for figure in found.values()), 0)
        typer.echo(f"| {name} | {count} | {' | '.join(_cell(figure) for figure in found.values())} |")
    typer.echo()


def _cell(found: Figure) -> str:
    return "-" if math.isnan(found.mean) else f"{found.mean:.3f} ({found.low:.2f}-{found.high:.2f})"
