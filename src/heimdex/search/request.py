"""What a query asks for, in the terms of the encoder."""

from __future__ import annotations

from dataclasses import dataclass

from heimdex.encoders.encoder import Encoder
from heimdex.entities import Query, Values
from heimdex.errors import MediaError, QueryError
from heimdex.search.ranking import MAX_RESULTS


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A query's vectors, each None where nothing of the kind was asked."""

    words: Values | None = None  # in the encoder's text space
    certainty: float = 1.0  # of the words
    picture: Values | None = None  # in its similar space


def check(query: Query) -> None:
    """Raises QueryError where it cannot be answered."""
    if query.text is None and query.image is None and query.similar is None:
        raise QueryError("nothing to look for: give words, --image FILE or --similar SCENE")
    if query.text is not None and not query.text.strip():
        raise QueryError("the query is empty: give words, --image FILE or --similar SCENE")
    if query.limit < 1 or query.page < 1:
        raise QueryError("limit and page start at 1")
    if query.limit > MAX_RESULTS:
        raise QueryError(f"limit is {MAX_RESULTS} at most; use pages for more")
    if query.match_threshold is not None and not -1 <= query.match_threshold <= 1:
        raise QueryError("match_threshold is a cosine, between -1 and 1")


def encode(encoder: Encoder, query: Query, *, max_pixels: int, short_side: int) -> Asked:
    """The vectors of a query. Raises QueryError for a picture that cannot be read, ModelError."""
    picture = None if query.image is None else _picture(encoder, query.image, max_pixels, short_side)
    if query.text is None or encoder.text_space is None:
        return Asked(picture=picture)
    vector = next(iter(encoder.encode_words([query.text])))
    return Asked(words=vector.values, certainty=vector.certainty, picture=picture)


def by_likeness(query: Query) -> bool:
    """Whether something was given that pictures are compared with."""
    return query.image is not None or query.similar is not None


def _picture(encoder: Encoder, image: str, max_pixels: int, short_side: int) -> Values:
    from heimdex.media.photo import read_photo  # words need no picture library
    from heimdex.media.pictures import fit

    path = image.encode("utf-8", "surrogateescape")
    try:
        full = read_photo(path, max_pixels=max_pixels, short_side=short_side)
    except MediaError as error:
        raise QueryError(f"{image} cannot be used as a picture: {error}") from error
    found = next(iter(encoder.encode_pictures([fit(full, short_side)])))
    return next(vector.values for vector in found if vector.space == encoder.similar_space)
