"""How models, pulls and their verification are shown: documents for programs, tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.progress import Progress as Bar

from heimdex.inference.installing import OnTransfer, Outcome, Transfer, in_silence
from heimdex.pipeline.installed import Checkup, Offer

COLOURS = {
    "installed": "green",
    "shipped": "green",
    "damaged": "red",
    "unfinished": "yellow",
    "missing": "dim",
}


def amount(size_bytes: float) -> str:
    """Bytes for people, in powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if size_bytes < 1000 or unit == "GB":
            return f"{size_bytes:.0f} {unit}" if unit in ("B", "kB") else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1000
    raise AssertionError


def show_models(found: list[dict[str, Any]]) -> None:
    """Every model on a line; what is wrong with some, and what others would bring, below."""
    console = Console()
    lines = [_line(model) for model in found]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for model, line in zip(found, lines, strict=True):
        cells = [escape(cell.ljust(width)) for cell, width in zip(line, widths, strict=True)]
        cells[1] = f"[{COLOURS[model['state']]}]{cells[1]}[/]"
        console.print("  ".join(cells), no_wrap=True, overflow="ellipsis", highlight=False)
    console.print("[dim]← in use. What pulling one of a kind would bring:[/]")
    pulled = [model for model in found if model["state"] != "shipped"]
    have = {model["family"] for model in pulled if model["installed"]}
    for family, gain in {model["family"]: model["gain"] for model in pulled if model["gain"]}.items():
        if family not in have:
            console.print(f"[dim]  {family}: {escape(gain)}[/]", highlight=False, soft_wrap=True)
    for model in found:
        if model["problem"]:
            mend = "" if model["state"] == "missing" else " → heimdex models verify"
            console.print(
                f"[red]{escape(model['name'])}[/] {escape(model['problem'])}{mend}",
                soft_wrap=True,
                highlight=False,
            )


def _line(model: dict[str, Any]) -> tuple[str, ...]:
    """A model's cells, the most telling first: a narrow terminal cuts the last ones off."""
    return (
        model["name"] + (" ←" if model["in_use"] else ""),
        "" if model["state"] == "missing" else model["state"],
        amount(model["size_bytes"]) if model["size_bytes"] else "",
        model["licence"] + ("" if model["commercial"] else " (not commercial)"),
        "+".join(str(dim) for dim in model["spaces"].values()),
        model["task"],
    )


def show_offers(offers: Sequence[Offer]) -> None:
    """What a pull is about to fetch: licences and sizes, and their sum."""
    console = Console()
    fetched = [offer for offer in offers if offer.listing is not None]
    for offer in fetched:
        row = offer.row
        terms = row.licence if row.commercial else f"{row.licence}, no commercial use"
        console.print(
            f"[bold]{escape(row.name)}[/]  {amount(offer.size_bytes)}  {escape(terms)}  "
            f"[dim]{escape(row.repository or '')}[/]",
            soft_wrap=True,
            highlight=False,
        )
    if len(fetched) > 1:
        console.print(f"together {amount(sum(offer.size_bytes for offer in fetched))}", highlight=False)


def outcome(done: Outcome, verb: str) -> dict[str, Any]:
    """A pull's or an import's document."""
    return {
        "name": done.name,
        "state": verb if done.changed else "already installed",
        "commit": done.commit,
        "size_bytes": done.size_bytes,
        "downloaded_bytes": done.downloaded_bytes,
    }


def show_outcomes(done: Sequence[Outcome], verb: str) -> None:
    """What a pull or an import did."""
    console = Console()
    for one in done:
        if not one.changed:
            console.print(f"{escape(one.name)} is installed; `heimdex models verify` checks it.")
            continue
        fetched = f", {amount(one.downloaded_bytes)} of them downloaded" if verb == "pulled" else ""
        console.print(
            f"[green]{verb}[/] {escape(one.name)}: {amount(one.size_bytes)}{fetched}", highlight=False
        )


def checkups(found: Sequence[Checkup]) -> dict[str, Any]:
    """A verification's document."""
    return {
        "ok": all(checkup.ok for checkup in found),
        "models": [
            {
                "name": checkup.name,
                "ok": checkup.ok,
                "faults": [asdict(fault) for fault in checkup.faults],
                "mended": checkup.mended,
                "error": checkup.error,
                "probes": [asdict(probe) for probe in checkup.probes],
            }
            for checkup in found
        ],
    }


def show_checkups(found: Sequence[Checkup]) -> None:
    """What verifying models found."""
    console = Console()
    for checkup in found:
        word = "[green]sound[/]" if checkup.ok and not checkup.faults else "[green]mended[/]"
        console.print(f"{word if checkup.ok else '[red]faulty[/]'} {escape(checkup.name)}", highlight=False)
        lines = [f"{fault.file}: {fault.kind}; {fault.detail}" for fault in checkup.faults]
        lines += [str(probe) for probe in checkup.probes if not probe.ok]
        for line in [*lines, *([checkup.error] if checkup.error else [])]:
            console.print(f"  {escape(line)}", soft_wrap=True, highlight=False)


@contextmanager
def transfer_shown(*, quiet: bool) -> Iterator[OnTransfer]:
    """A callback that draws bytes, speed and time left on stderr; one that does nothing when nobody looks."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield in_silence
        return
    bar = Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("[dim]{task.fields[file]}"),
        console=console,
        transient=True,
        refresh_per_second=5,
    )
    tasks: dict[tuple[str, str], Any] = {}

    def draw(transfer: Transfer) -> None:
        key = (transfer.model, transfer.step)
        if key not in tasks:
            for task in tasks.values():
                bar.update(task, visible=False)
            tasks[key] = bar.add_task("", total=None, file="")
        waiting = transfer.step == "waiting"
        bar.update(
            tasks[key],
            description=f"{transfer.model}: {'another process pulls it' if waiting else transfer.step}",
            total=transfer.total_bytes or None,
            completed=transfer.done_bytes,
            file=transfer.file.rsplit("/", 1)[-1][:40],
            visible=True,
        )

    with bar:
        yield draw
