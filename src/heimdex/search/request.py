"""What a query asks for: its words taken apart, its vectors in the terms of the encoder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from heimdex.encoders.encoder import Encoder
from heimdex.entities import Query, Values, Vector
from heimdex.errors import MediaError, QueryError
from heimdex.search.language import ParsedQuery, parse
from heimdex.search.ranking import MAX_RESULTS


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """Words as a vector in the encoder's text space, and how surely they were understood."""

    vector: Values
    certainty: float
    weight: float = 1.0
    plain: Values | None = None  # the vector before an adapter moved it; None: it was not moved


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A query's vectors; None where nothing of the kind was asked."""

    words: Words | None = None
    against: tuple[Words, ...] = ()  # each with the weight with which it counts against a scene, below 0
    picture: Values | None = None  # in the encoder's similar space
    sentence: Vector | None = None  # of the whole text, where the encoder understands words by such


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """How queries are read."""

    max_pixels: int
    short_side: int
    folder: Callable[[str], str] = field(default=lambda value: value)  # the path that `in:` names


def take_apart(query: Query, reading: Reading) -> ParsedQuery:
    """The words and filters of a query. Raises QueryError where it cannot be answered."""
    if query.text is None and query.image is None and query.similar is None and not query.likes:
        raise QueryError("nothing to look for: give words, a picture (--image) or a scene (--similar)")
    if query.text is not None and not query.text.strip():
        raise QueryError("the query is empty: give words, a picture (--image) or a scene (--similar)")
    if query.limit < 1 or query.page < 1:
        raise QueryError("limit and page start at 1")
    if query.limit > MAX_RESULTS:
        raise QueryError(f"limit is {MAX_RESULTS} at most; use pages for more")
    if query.match_threshold is not None and not -1 <= query.match_threshold <= 1:
        raise QueryError("match_threshold is a cosine, between -1 and 1")
    return parse(query.text or "", folder=reading.folder).narrowed(query.filters)


def encode(encoder: Encoder, query: Query, parsed: ParsedQuery, reading: Reading) -> Asked:
    """The vectors of a query. Raises QueryError for a picture that cannot be read, ModelError."""
    picture = None if query.image is None else _picture(encoder, query.image, reading)
    weighted = parsed.weighted_texts()
    if not weighted or encoder.text_space is None:
        return Asked(picture=picture)
    vectors = encoder.encode_words([text for text, _ in weighted])
    words = [
        Words(vector=vector.values, certainty=vector.certainty, weight=weight)
        for vector, (_, weight) in zip(vectors, weighted, strict=True)
    ]
    wanted = [part for part in words if part.weight > 0]
    sentences = encoder.sentences([parsed.text])
    return Asked(
        words=_together(wanted) if wanted else None,
        against=tuple(part for part in words if part.weight < 0),
        picture=picture,
        sentence=sentences[0] if sentences else None,
    )


def by_likeness(query: Query) -> bool:
    """Whether something was given that pictures are compared with."""
    return query.image is not None or query.similar is not None or any(w > 0 for _, w in query.likes)


def _together(parts: list[Words]) -> Words:
    """Weighted texts as one: the direction of their vectors' weighted sum, the surest part's certainty."""
    if len(parts) == 1:
        return Words(vector=parts[0].vector, certainty=parts[0].certainty)
    whole = np.sum([part.weight * part.vector for part in parts], axis=0)
    return Words(
        vector=np.asarray(whole / np.linalg.norm(whole), dtype=np.float32),
        certainty=max(part.certainty for part in parts),
    )


def _picture(encoder: Encoder, image: str, reading: Reading) -> Values:
    from heimdex.media.photo import read_photo  # words need no picture library
    from heimdex.media.pictures import fit

    path = image.encode("utf-8", "surrogateescape")
    try:
        full = read_photo(path, max_pixels=reading.max_pixels, short_side=reading.short_side)
    except MediaError as error:
        raise QueryError(f"{image} cannot be used as a picture: {error}") from error
    found = next(iter(encoder.encode_pictures([fit(full, reading.short_side)])))
    return next(vector.values for vector in found if vector.space == encoder.similar_space)
