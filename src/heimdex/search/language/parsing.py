"""A line of the query language → ParsedQuery. The grammar stands in docs/reference/query-language.md.

What is not clearly meant as syntax is ordinary text: a colon after a word that names no field, a dash before
a figure, a quotation mark inside a word or without a partner.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from heimdex.entities import Filters
from heimdex.errors import QueryError
from heimdex.search.language.faults import fault
from heimdex.search.language.query import HEAVIEST, WEIGHT, Field, ParsedQuery, Term
from heimdex.search.language.quotes import CLOSERS, closed_by, find_end, quoted
from heimdex.search.language.values import NARROWINGS, Reading

LONGEST = 10_000  # characters of a query
_NAME = re.compile(r"([A-Za-z]+)[:：](?=\S)")
_CHUNK = re.compile(r"\S+")
_WEIGHTED = re.compile(rf"(.+):({WEIGHT})", re.DOTALL)
_WEIGHT_AFTER = re.compile(rf":({WEIGHT})(?=\s|$)")
_FIELDS = {field.value: field for field in Field if field != Field.ANY}


def parse(
    line: str, *, folder: Callable[[str], str] = lambda value: value, now: datetime | None = None
) -> ParsedQuery:
    """What a query says. `folder` makes a path of what `in:` names; `now` is for dates such as `7d`.

    Raises QueryError, whose message points at the spot.
    """
    if len(line) > LONGEST:
        raise QueryError(f"the query has {len(line)} characters; {LONGEST} is the most")
    return _Parser(line, Reading(folder=folder, now=now)).parse()


class _Parser:
    def __init__(self, line: str, reading: Reading) -> None:
        self._line = line
        self._reading = reading
        self._at = 0
        self._terms: list[Term] = []
        self._written: list[str] = []
        self._filters: dict[str, Any] = {}

    def parse(self) -> ParsedQuery:
        while self._at < len(self._line):
            if self._line[self._at].isspace():
                self._at += 1
            else:
                self._read_term()
        return ParsedQuery(
            terms=tuple(self._terms), filters=Filters(**self._filters), written=tuple(self._written)
        )

    def _read_term(self) -> None:
        start = self._at
        excluded = self._takes_away()
        self._at += excluded
        named = _NAME.match(self._line, self._at)
        name = named[1].lower() if named else ""
        if named and (name in _FIELDS or name in NARROWINGS):
            self._at = named.end()
            value, is_quoted = self._value(start)
            if name in NARROWINGS:
                self._narrow(name, value, (start, self._at), excluded=excluded)
            else:
                self._add(value, _FIELDS[name], is_quoted, excluded, start)
        elif self._line[self._at] not in CLOSERS:
            self._add(self._chunk(), Field.ANY, False, excluded, start)
        elif excluded or find_end(self._line, self._at) >= 0:
            self._add(self._phrase(start), Field.ANY, True, excluded, start)
        else:
            self._at += 1  # a mark without a partner is passed over

    def _takes_away(self) -> bool:
        """Whether a dash here takes away what follows: a letter or a phrase, not a figure."""
        after = self._line[self._at + 1 : self._at + 2]
        return self._line[self._at] == "-" and (after.isalpha() or after in CLOSERS)

    def _chunk(self) -> str:
        found = _CHUNK.match(self._line, self._at)
        assert found is not None
        self._at = found.end()
        return found[0]

    def _value(self, start: int) -> tuple[str, bool]:
        """What follows a field's colon, and whether it stood in quotes."""
        if self._line[self._at] in CLOSERS:
            return self._phrase(start), True
        return self._chunk(), False

    def _phrase(self, start: int) -> str:
        opened = self._at
        end = find_end(self._line, opened)
        if end < 0:
            raise fault(self._line, opened, opened + 1, "this quotation mark is never closed")
        self._at = end + 1
        inside = self._line[opened + 1 : end]
        if start != opened and not inside.strip():
            raise fault(self._line, start, end + 1, "there is nothing between the quotation marks")
        return inside

    def _add(self, text: str, field: Field, is_quoted: bool, excluded: bool, start: int) -> None:
        weight = 1.0
        if is_quoted:
            text = closed_by(text)
            after = _WEIGHT_AFTER.match(self._line, self._at)
            if after and abs(float(after[1])) <= HEAVIEST:
                weight, self._at = float(after[1]), after.end()
        else:
            weighted = _WEIGHTED.fullmatch(text)
            if weighted and abs(float(weighted[2])) <= HEAVIEST:
                text, weight = weighted[1], float(weighted[2])
        if not text:
            if field != Field.ANY or excluded:
                raise fault(self._line, start, self._at, "there are no words in this")
            return
        self._terms.append(
            Term(
                text=text,
                field=field,
                quoted=is_quoted,
                excluded=excluded,
                weight=1.0 if excluded else weight + 0.0,
            )
        )

    def _narrow(self, name: str, value: str, spot: tuple[int, int], *, excluded: bool) -> None:
        if excluded:
            raise fault(self._line, *spot, f"{name}: can only narrow a search, not be taken away")
        narrowing = NARROWINGS[name]
        if narrowing.sets in self._filters:
            raise fault(self._line, *spot, f"{name}: says again what was said before; leave one out")
        try:
            self._filters[narrowing.sets] = narrowing.read(value, self._reading)
        except QueryError as error:
            raise fault(self._line, *spot, str(error)) from error
        is_plain = value[0] not in CLOSERS and not any(char.isspace() for char in value)
        self._written.append(f"{name}:{value if is_plain else quoted(value)}")
