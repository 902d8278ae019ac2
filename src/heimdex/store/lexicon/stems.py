"""Stems of words, by PostgreSQL's own Snowball dictionaries: one round trip for all words not met before."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from psycopg import Connection

from heimdex.store.lexicon.words import is_gram
from heimdex.store.sql import queries

SQL = queries("lexicon")
KEPT = 50_000  # stems

# ISO 639-1 → the dictionary, as of PostgreSQL 15, the oldest we run on.
DICTIONARIES = {
    "ar": "arabic", "hy": "armenian", "eu": "basque", "ca": "catalan", "da": "danish", "nl": "dutch",
    "en": "english", "fi": "finnish", "fr": "french", "de": "german", "el": "greek", "hi": "hindi",
    "hu": "hungarian", "id": "indonesian", "ga": "irish", "it": "italian", "lt": "lithuanian", "ne": "nepali",
    "no": "norwegian", "nb": "norwegian", "nn": "norwegian", "pt": "portuguese", "ro": "romanian",
    "ru": "russian", "sr": "serbian", "es": "spanish", "sv": "swedish", "ta": "tamil", "tr": "turkish",
    "yi": "yiddish",
}  # fmt: skip


class Stems:
    """Stems by language, kept once asked for. Thread-safe."""

    def __init__(self, kept: int = KEPT) -> None:
        self._limit = kept
        self._kept: OrderedDict[tuple[str, str], str | None] = OrderedDict()  # None: a stop word
        self._lock = threading.Lock()

    def of(
        self, connection: Connection[Any], asked: Iterable[tuple[str, str | None]]
    ) -> dict[tuple[str, str | None], str | None]:
        """The stem of each (folded word, language); None for a stop word of the language.

        A word is its own stem where there is no language, or none that PostgreSQL knows.
        """
        found: dict[tuple[str, str | None], str | None] = {}
        missing: list[tuple[str, str]] = []
        with self._lock:
            for word, language in dict.fromkeys(asked):
                dictionary = DICTIONARIES.get(language or "")
                if dictionary is None or word.isdecimal() or is_gram(word[:1]):
                    found[word, language] = word
                elif (word, dictionary) in self._kept:
                    found[word, language] = self._kept[word, dictionary]
                else:
                    missing.append((word, language or ""))
        if missing:
            fresh = _look_up(connection, missing)
            found |= fresh
            self._keep({(word, DICTIONARIES[language]): fresh[word, language] for word, language in missing})
        return found

    def _keep(self, fresh: dict[tuple[str, str], str | None]) -> None:
        with self._lock:
            self._kept |= fresh
            while len(self._kept) > self._limit:
                self._kept.popitem(last=False)


def _look_up(
    connection: Connection[Any], asked: list[tuple[str, str]]
) -> dict[tuple[str, str | None], str | None]:
    rows = connection.execute(
        SQL["stems"],
        {
            "words": [word for word, _ in asked],
            "dictionaries": [f"{DICTIONARIES[language]}_stem" for _, language in asked],
        },
    ).fetchall()
    return {
        # NULL: this server lacks the dictionary. An empty list: a stop word.
        (word, language): word if stems is None else (stems[0] if stems else None)
        for (word, language), (stems,) in zip(asked, rows, strict=True)
    }
