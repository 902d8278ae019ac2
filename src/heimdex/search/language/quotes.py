"""Quotation marks, of all the countries whose keyboards type them."""

from __future__ import annotations

# Opening mark → what may close it: “English”, „deutsch“, ”svenska”, «français», »dansk«, 「日本語」.
CLOSERS = {
    '"': '"＂”',
    "＂": '＂"',
    "“": '”“"',
    "”": "”",
    "„": '“”‟"',
    "‟": "”‟",
    "«": "»",
    "»": "«",
    "「": "」",
    "『": "』",
}
MARKS = frozenset(CLOSERS) | frozenset("".join(CLOSERS.values()))
_PAIRS = (
    ('"', '"'), ("「", "」"), ("『", "』"), ("«", "»"), ("“", "”"), ("»", "«"), ("„", "‟"), ("‟", "‟"),
    ("”", "”"), ("＂", "＂"),
)  # fmt: skip


def closed_by(text: str) -> str:
    """A phrase without the marks that could end it: no signal reads them."""
    return " ".join("".join(" " if char in MARKS else char for char in text).split())


def quoted(text: str) -> str:
    """A text between marks that it does not hold."""
    for first, last in _PAIRS:
        if not any(mark in text for mark in CLOSERS[first]):
            return f"{first}{text}{last}"
    return f'"{closed_by(text)}"'


def find_end(line: str, opened: int) -> int:
    """Where the mark that is opened at a place is closed; -1 where it is not."""
    found = [line.find(closer, opened + 1) for closer in CLOSERS[line[opened]]]
    return min((at for at in found if at >= 0), default=-1)
