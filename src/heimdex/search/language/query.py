"""What a line of the query language says, frozen. `str()` of it is a line that says the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeVar

from heimdex.entities import Filters
from heimdex.errors import QueryError
from heimdex.search.language.quotes import closed_by, quoted

HEAVIEST = 5.0  # a weight is between minus this and this
WEIGHT = r"(?:[+-]\d(?:\.\d{0,4})?|[+-]?\d?\.\d{1,4})"
T = TypeVar("T")
_WEIGHTED = re.compile(rf".:{WEIGHT}$", re.DOTALL)


class Field(StrEnum):
    """Where a term is looked for; ANY is everywhere."""

    ANY = ""
    SAYS = "says"
    SHOWS = "shows"
    PERSON = "person"


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    """A word, or a phrase in quotes, as it was typed."""

    text: str
    field: Field = Field.ANY
    quoted: bool = False  # to the letter and in this order
    excluded: bool = False  # no hit may hold it
    weight: float = 1.0  # below 0 it counts against a hit, without ruling it out

    def __str__(self) -> str:
        body = quoted(self.text) if self.quoted else self.text
        text = f"{'-' if self.excluded else ''}{self.field and self.field + ':'}{body}"
        # What looks weighted gets its weight, though it be 1.
        plain = self.weight == 1.0 and (self.quoted or not _WEIGHTED.search(text))
        return text if plain else f"{text}:{self.weight:+.4f}".rstrip("0").rstrip(".")


@dataclass(frozen=True, kw_only=True, slots=True)
class Like:
    """A scene, or a picture file, to be added to what is looked for or taken from it."""

    scene_id: str | None = None
    image: str | None = None  # path
    weight: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedQuery:
    """A query taken apart."""

    terms: tuple[Term, ...] = ()
    filters: Filters = field(default_factory=Filters)
    likes: tuple[Like, ...] = ()
    written: tuple[str, ...] = ()  # the filters as they were typed

    def __str__(self) -> str:
        return " ".join([*self.written, *map(str, self.terms)])

    @property
    def free(self) -> tuple[Term, ...]:
        """Terms that may answer anywhere and count for a hit."""
        return tuple(t for t in self.terms if t.field == Field.ANY and not t.excluded and t.weight > 0)

    @property
    def text(self) -> str:
        """The free words in their order, as one text: what an encoder is given."""
        return " ".join(term.text for term in self.free)

    @property
    def against(self) -> tuple[Term, ...]:
        """Terms with a negative weight."""
        return tuple(term for term in self.terms if term.weight < 0 and not term.excluded)

    @property
    def excluded(self) -> tuple[Term, ...]:
        """Terms that no hit may hold."""
        return tuple(term for term in self.terms if term.excluded)

    @property
    def phrases(self) -> tuple[Term, ...]:
        """Free terms in quotes: a hit holds each of them, said, written, described or in its path."""
        return tuple(term for term in self.free if term.quoted)

    def of(self, name: Field) -> tuple[Term, ...]:
        """The terms of one field that count for a hit."""
        return tuple(t for t in self.terms if t.field == name and not t.excluded and t.weight > 0)

    def weighted_texts(self) -> tuple[tuple[str, float], ...]:
        """(text, weight) for an encoder: words of weight 1 together in order, each other term by itself."""
        plain = " ".join(term.text for term in self.free if term.weight == 1.0)
        apart = [
            (term.text, term.weight)
            for term in self.terms
            if term.field == Field.ANY and not term.excluded and term.weight not in (0.0, 1.0)
        ]
        return ((plain, 1.0), *apart) if plain else tuple(apart)

    def with_terms(
        self,
        *,
        says: Sequence[str] = (),
        shows: Sequence[str] = (),
        without: Sequence[str] = (),
        likes: Sequence[Like] = (),
    ) -> ParsedQuery:
        """The query with what options add to it: each text is one term to the letter, `without` weighs -1."""
        added = (
            *(Term(text=closed_by(text), field=Field.SAYS, quoted=True) for text in says),
            *(Term(text=closed_by(text), field=Field.SHOWS, quoted=True) for text in shows),
            *(Term(text=closed_by(text), quoted=True, weight=-1.0) for text in without),
        )
        return replace(self, terms=(*self.terms, *added), likes=(*self.likes, *likes))

    def narrowed(self, filters: Filters) -> ParsedQuery:
        """The query with further filters; dates and lengths narrow, others must not disagree.

        Raises QueryError where both name another kind, folder, asset, language or motion.
        """
        return replace(self, filters=_both(self.filters, filters))


def like(text: str) -> Like:
    """`SCENE`, `SCENE:+0.5` or `SCENE:-1`, as `--like` takes it. Raises QueryError."""
    scene_id, colon, weight = text.strip().rpartition(":")
    if not colon:
        scene_id, weight = weight, "1"
    try:
        number = float(weight)
    except ValueError:
        number = float("nan")
    if not scene_id or not abs(number) <= HEAVIEST:
        raise QueryError(
            f"--like takes SCENE or SCENE:WEIGHT, weights from -{HEAVIEST:g} to {HEAVIEST:g}, not {text!r}"
        )
    return Like(scene_id=scene_id, weight=number)


def _both(ours: Filters, theirs: Filters) -> Filters:
    return Filters(
        kind=_one("kind", ours.kind, theirs.kind),
        within=_one("folder", ours.within, theirs.within),
        since=max(filter(None, (ours.since, theirs.since)), default=None),
        until=min(filter(None, (ours.until, theirs.until)), default=None),
        asset_id=_one("asset", ours.asset_id, theirs.asset_id),
        language=_one("language", ours.language, theirs.language),
        longer_us=max(filter(None, (ours.longer_us, theirs.longer_us)), default=None),
        motion=_one("motion", ours.motion, theirs.motion),
    )


def _one(what: str, ours: T | None, theirs: T | None) -> T | None:
    if ours is not None and theirs is not None and ours != theirs:
        raise QueryError(f"the query asks for the {what} {ours}, the options for {theirs}; leave one out")
    return theirs if ours is None else ours
