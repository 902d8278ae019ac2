"""What a search needs to know of a library's words: their stems, their languages, how rare they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg import Connection

from heimdex.search.figures import Counts, Figure
from heimdex.store.lexicon import postings
from heimdex.store.lexicon.stems import Stems
from heimdex.store.lexicon.texts import Channel

COUNTED_ASSETS = 400  # over which a term is counted
COUNTED_SCENES = 200_000
KEPT_TERMS = 10_000

Key = tuple[Channel, str]


class LexicalFigures:
    """The figures of one owner's words, kept from search to search. Thread-safe."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._stems = Stems()
        self._scenes = Figure[int]()
        self._languages = Figure[tuple[str, ...]]()
        self._terms = Counts[Key](KEPT_TERMS)

    def scenes(self, connection: Connection[Any]) -> int:
        """How many scenes have words, counted up to COUNTED_SCENES."""
        return self._scenes.get(lambda: postings.count_worded(connection, self._owner, limit=COUNTED_SCENES))

    def languages(self, connection: Connection[Any]) -> tuple[str, ...]:
        """The languages of the sentences."""
        return self._languages.get(lambda: postings.languages(connection, self._owner))

    def stems(self, connection: Connection[Any], words: Sequence[str]) -> dict[str, dict[str, str | None]]:
        """Each folded word's stem by language; None where it is a stop word."""
        languages = self.languages(connection)
        found = self._stems.of(connection, [(word, language) for word in words for language in languages])
        return {word: {language: found[word, language] for language in languages} for word in words}

    def counts(self, connection: Connection[Any], terms: Iterable[Key]) -> dict[Key, int]:
        """In how many scenes each term stands, counted over COUNTED_ASSETS assets; one round trip at most."""

        def count(missing: list[Key]) -> dict[Key, int]:
            return postings.count_terms(connection, self._owner, missing, limit=COUNTED_ASSETS)

        return self._terms.get(terms, count)
