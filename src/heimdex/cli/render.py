"""Answers for people: tables, and small pictures where the terminal can show them."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from heimdex.entities import Answer, Hit, IndexReport, Kind, Verdict, Verification

PICTURE_CELLS = 24  # width of a thumbnail in the terminal
PATHS_SHOWN = 20


def show_answer(found: Answer, *, pictures: bool) -> None:
    """The hits of a search, best first, always with path and time."""
    console = Console()
    if not found.hits:
        console.print("Nothing found. [dim]--nearest shows what came nearest.[/]")
    elif found.verdict == Verdict.NONE:
        console.print("[yellow]Nothing answers this; the nearest are:[/]")
    elif found.verdict == Verdict.WEAK:
        console.print("[yellow]No certain match; the nearest are:[/]")
    for number, hit in enumerate(found.hits, start=(found.query.page - 1) * found.query.limit + 1):
        if pictures and hit.thumbnail is not None:
            _show_picture(console, hit.thumbnail)
        reasons = ", ".join(
            f"{item.signal} {item.raw:.2f}" + (f" “{item.text}”" if item.text else "")
            for item in hit.evidence
        )
        console.print(
            f"[bold]{number:>3}[/]  {hit.score:.3f}  [cyan]{escape(hit.path)}[/]  {_when(hit)}  "
            f"[dim]{escape(reasons)}[/]",
            soft_wrap=True,
            highlight=False,
        )
        console.print(f"     [dim]scene {hit.scene_id}[/]", highlight=False)
    if found.more:
        console.print(f"[dim]More: --page {found.query.page + 1}[/]")
    for item in found.unavailable:
        if item.coverage > 0 or item.signal in ("picture", "adapter"):
            console.print(f"[yellow]{item.signal}: {escape(item.reason)}[/]")


def show_index(report: IndexReport) -> None:
    """What an index run did."""
    console = Console()
    parts = [f"{report.indexed} indexed", f"{report.unchanged} unchanged"]
    for count, word in ((report.moved, "moved"), (report.duplicates, "copies"), (report.missing, "missing")):
        if count:
            parts.append(f"{count} {word}")
    console.print(f"{', '.join(parts)}; {report.scenes} new scenes in {report.seconds:.1f} s")
    for want in report.wants:
        console.print(
            f"[yellow]wanting[/] {want.stage}: {escape(want.reason)}", soft_wrap=True, highlight=False
        )
    for refusal in report.failed[:PATHS_SHOWN]:
        console.print(
            f"[yellow]refused[/] {escape(refusal.path)} ({refusal.stage}): {escape(refusal.error)}",
            soft_wrap=True,
            highlight=False,
        )
    if len(report.failed) > PATHS_SHOWN:
        console.print(f"… and {len(report.failed) - PATHS_SHOWN} more; `heimdex assets` lists all")


def show_verification(found: Verification) -> None:
    """What verify found."""
    console = Console()
    checked = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in found.checked.items())
    console.print(f"Checked {checked or 'nothing: nothing is indexed'}.", soft_wrap=True, highlight=False)
    for fault in found.faults:
        console.print(
            f"[red]{escape(fault.what)}[/] {escape(fault.where)} → {escape(fault.mend)}",
            soft_wrap=True,
            highlight=False,
        )
    console.print("[green]No faults.[/]" if not found.faults else f"{len(found.faults)} faults.")


def show_assets(found: dict[str, Any]) -> None:
    """The list of assets."""
    table = Table("state", "kind", "duration", "taken", "words", "path", "asset", box=None)
    for asset in found["assets"]:
        duration = f"{asset['duration']:.1f} s" if asset["duration"] else ""
        path = asset["path"] or ""
        more = len(asset["paths"]) - 1
        table.add_row(
            asset["state"],
            asset["kind"],
            duration,
            asset["taken_at"][:10],
            _words(asset["words"]),
            escape(path) + (f" (+{more})" if more > 0 else ""),
            asset["asset_id"],
        )
    for refused in found["refused"]:
        table.add_row("refused", "", "", "", "", escape(refused["path"]), escape(refused["error"]))
    Console().print(table)


def show_fields(found: dict[str, Any], title: str | None = None) -> None:
    """Nested facts as indented lines."""
    console = Console()
    if title:
        console.print(f"[bold]{escape(title)}[/]")
    _lines(console, found, 1 if title else 0)


def show_checks(checks: list[dict[str, str]]) -> None:
    """What doctor found."""
    console = Console()
    colours = {"ok": "green", "notice": "cyan", "warning": "yellow", "error": "red"}
    for check in checks:
        level = check["level"]
        console.print(
            f"[{colours[level]}]{level:<8}[/] {check['name']:<12} {escape(check['detail'])}",
            soft_wrap=True,
            highlight=False,
        )


def can_show_pictures() -> bool:
    """Whether stdout is a terminal with enough colours."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return False
    return Console().color_system in ("256", "truecolor")


def clock(seconds: float) -> str:
    """h:mm:ss.s, without the hours where there are none."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def _words(counts: dict[str, int]) -> str:
    """How many sentences, lines and descriptions; nothing where there are none."""
    names = (("utterances", "said"), ("lines", "written"), ("descriptions", "described"))
    return ", ".join(f"{counts[name]} {word}" for name, word in names if counts[name])


def _when(hit: Hit) -> str:
    if hit.kind == Kind.PHOTO:
        return "photo"
    return f"{clock(hit.start_us / 1e6)}–{clock(hit.end_us / 1e6)}"


def _show_picture(console: Console, path: str) -> None:
    # A terminal that does not answer its questions makes it log a traceback; half cells do then.
    logging.getLogger("textual_image").setLevel(logging.CRITICAL)
    # Imported here: it asks the terminal what it can do, and only terminals should be asked.
    from textual_image.renderable import Image

    try:
        console.print(Image(path, width=PICTURE_CELLS, height="auto"))
    except (OSError, ValueError):
        console.print(f"[dim](no picture: {escape(path)})[/]")


def _lines(console: Console, value: Any, depth: int) -> None:
    indent = "  " * depth
    for name, entry in value.items() if isinstance(value, dict) else enumerate(value, start=1):
        if isinstance(entry, (dict, list)) and entry:
            console.print(f"{indent}{escape(str(name))}:", highlight=False)
            _lines(console, entry, depth + 1)
        else:
            text = "–" if entry in (None, {}, []) else str(entry)
            console.print(f"{indent}{escape(str(name))}: {escape(text)}", highlight=False, soft_wrap=True)
