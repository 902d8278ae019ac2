"""The terms under which a scene is found, and its words as they are compared. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from heimdex.store.lexicon.confusables import readable
from heimdex.store.lexicon.grams import string_terms
from heimdex.store.lexicon.texts import Channel, Passage, SceneTexts, SceneWords
from heimdex.store.lexicon.words import compounds, pairs, words

Stemmed = Mapping[tuple[str, str | None], str | None]
"""(word, language) → stem, or None for a stop word."""


def vocabulary(texts: Iterable[SceneTexts]) -> set[tuple[str, str | None]]:
    """The (word, language) pairs whose stems are needed."""
    return {
        (word, passage.language)
        for scene in texts
        for passage in (*scene.spoken, *scene.captions)
        for word in words(passage.text)
    }


def terms_of(texts: SceneTexts, stems: Stemmed) -> dict[Channel, set[str]]:
    """The terms of a scene by channel."""
    found = {
        Channel.SAID: _of_passages(texts.spoken, stems),
        Channel.WRITTEN: {gram for line in texts.written for gram in string_terms(words(readable(line)))},
        Channel.DESCRIBED: _of_passages(texts.captions, stems),
    }
    return {channel: terms for channel, terms in found.items() if terms}


def words_of(texts: SceneTexts, stems: Stemmed) -> SceneWords:
    """A scene's words as they are compared."""
    return SceneWords(
        said=_lines(words(passage.text) for passage in texts.spoken),
        said_stems=_lines(_stems_of(passage, stems) for passage in texts.spoken),
        written=_lines(words(readable(line)) for line in texts.written),
        described=_lines(words(passage.text) for passage in texts.captions),
        described_stems=_lines(_stems_of(passage, stems) for passage in texts.captions),
    )


def stop_pairs(found: Sequence[str], stop: Sequence[bool]) -> list[str]:
    """Neighbouring stop words as one term, so that "who are you" can be looked up at all."""
    return [
        f"{found[place]} {found[place + 1]}"
        for place in range(len(found) - 1)
        if stop[place] and stop[place + 1]
    ]


def _of_passages(passages: Sequence[Passage], stems: Stemmed) -> set[str]:
    terms: set[str] = set()
    for passage in passages:
        found = words(passage.text)
        stemmed = [stems[word, passage.language] for word in found]
        terms.update(stem for stem in stemmed if stem)
        terms.update(pairs(found))
        terms.update(stop_pairs(found, [stem is None for stem in stemmed]))
        terms.update(compounds(passage.text))
    return terms


def _stems_of(passage: Passage, stems: Stemmed) -> list[str]:
    return [stems[word, passage.language] or word for word in words(passage.text)]


def _lines(sentences: Iterable[Sequence[str]]) -> str:
    return "\n".join(" ".join(sentence) for sentence in sentences)
