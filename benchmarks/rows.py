"""A line of the benchmark table: what was measured, against which bar, in one run."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure. `holds` is None where the row only informs."""

    what: str
    figure: str
    bar: str = ""
    holds: bool | None = None

    def cells(self) -> tuple[str, str, str, str]:
        """As the table shows it."""
        return self.what, self.figure, self.bar, {True: "yes", False: "**no**", None: ""}[self.holds]


def at_most(what: str, value: float, unit: str, limit: float | None = None) -> Row:
    """A figure and the bar it must stay under, if any."""
    bar = "" if limit is None else f"≤ {limit:g} {unit}"
    return Row(
        what=what, figure=f"{shown(value)} {unit}", bar=bar, holds=None if limit is None else value <= limit
    )


def times_as_long(
    what: str, ours: Sequence[float], theirs: Sequence[float], limit: float | None = None
) -> Row:
    """How many times as long as a peer's ours took: the median of the ratios, run by run."""
    ratio = ratio_of(ours, theirs)
    figure = f"{ratio:.2f} × ({shown(statistics.median(ours))} s to {shown(statistics.median(theirs))} s)"
    if limit is None:
        return Row(what=what, figure=figure)
    return Row(
        what=what, figure=figure, bar=f"≤ {limit:g} ×" if limit != 1 else "< 1 ×", holds=ratio <= limit
    )


def times_as_fast(
    what: str, ours_each_s: Sequence[float], theirs_each_s: Sequence[float], least: float | None = None
) -> Row:
    """How many times as many items a second as a peer, from the seconds an item took, run by run."""
    ratio = ratio_of(theirs_each_s, ours_each_s)
    ours, theirs = (statistics.median(each) * 1000 for each in (ours_each_s, theirs_each_s))
    figure = f"{ratio:.1f} × ({shown(ours)} ms to {shown(theirs)} ms each)"
    if least is None:
        return Row(what=what, figure=figure)
    return Row(what=what, figure=figure, bar=f"≥ {least:g} ×", holds=ratio >= least)


def shown(value: float) -> str:
    """Three digits that matter."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| what | measured | bar | holds |", "|---|---|---|---|"]
    return "\n".join(lines + ["| " + " | ".join(row.cells()) + " |" for row in rows]) + "\n"


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one run."""
    began = perf_counter()
    work()
    return perf_counter() - began


def interleaved(
    work: Mapping[str, Callable[[], object]],
    rounds: int,
    before: Mapping[str, Callable[[], object]] | None = None,
) -> dict[str, list[float]]:
    """Run some things in turn, round by round; the wall times of each, in seconds.

    What the machine does besides falls on all of them alike. `before` makes ready for one, unmeasured.
    """
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, step in work.items():
            if before and name in before:
                before[name]()
            times[name].append(seconds(step))
    return times


def ratio_of(ones: Sequence[float], others: Sequence[float]) -> float:
    """The median of the ratios of what was measured in the same round."""
    return statistics.median(one / other for one, other in zip(ones, others, strict=True))
