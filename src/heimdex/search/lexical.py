"""A query's words against a library: looked up once for all channels, then scored on the scenes' own words.

terms ─▶ look-ups, the rarest together ─▶ scenes ─▶ their words ─▶ exact scores, by channel
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from heimdex.search import lookups
from heimdex.search.language import Field, ParsedQuery, Term
from heimdex.search.lexical_figures import LexicalFigures
from heimdex.search.parts import (
    ChannelScore,
    Part,
    counted,
    glance,
    holds,
    make_exclusions,
    make_parts,
    score_parts,
)
from heimdex.search.signals import Scope
from heimdex.search.strings import AskedString
from heimdex.search.vocabulary import Vocabulary, units, vocabularies
from heimdex.store.lexicon import postings
from heimdex.store.lexicon.postings import LookUp
from heimdex.store.lexicon.texts import Channel, SceneWords
from heimdex.store.lexicon.words import words
from heimdex.store.places import paths_of_scenes

EACH = 60  # scenes a look-up gives
FILTERED_EACH = 400  # … where a filter on scenes is not the index's business
SCORED = 250  # scenes a channel scores before it proposes the best
MOST_WORDS = 32  # of a query, and of each of its terms, that are looked at

_NO_WORDS = SceneWords()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Prepared:
    """The query, once the library was asked about its words."""

    parts: dict[Channel, list[Part]]
    known: dict[Channel, Vocabulary]
    excluded: list[tuple[Term, list[Part]]]


class Lexical:
    """One query's words in one search: shared by its signals, used from one thread within one transaction."""

    def __init__(self, query: ParsedQuery, figures: LexicalFigures) -> None:
        self.query = query
        self._figures = figures
        self._made: _Prepared | None = None
        self._proposed: dict[Channel, list[str]] | None = None
        self._words: dict[str, SceneWords] = {}
        self._scores: dict[Channel, dict[str, ChannelScore | None]] = {channel: {} for channel in Channel}

    def propose(self, scope: Scope, channel: Channel, limit: int) -> list[str]:
        """Scene ids that hold some of the query in a channel, the best first."""
        if self._proposed is None:
            self._proposed = self._look_up(scope)
        scored = self.score(scope, channel, self._proposed[channel])
        return sorted(scored, key=lambda scene_id: (-scored[scene_id].raw, scene_id))[:limit]

    def score(self, scope: Scope, channel: Channel, scenes: Sequence[str]) -> dict[str, ChannelScore]:
        """What each scene holds in a channel; scenes that hold nothing are left out."""
        parts = counted(self._prepared(scope).parts[channel])
        if not parts:
            return {}
        self._load(scope, scenes)
        scores = self._scores[channel]
        fresh = [scene_id for scene_id in scenes if scene_id not in scores]
        scores |= dict.fromkeys(fresh)
        for scene_id in glance(parts, channel, fresh, self._words):
            scores[scene_id] = score_parts(parts, channel, self._words[scene_id])
        return {scene_id: score for scene_id in scenes if (score := scores[scene_id]) is not None}

    def rejected(self, scope: Scope, scenes: Sequence[str]) -> set[str]:
        """Scenes with an excluded term, or without a phrase, `says:` or `shows:` that the query asks for.

        A phrase may stand in the path as well.
        """
        prepared = self._prepared(scope)
        asked = {
            term: [
                (channel, part)
                for channel in Channel
                for part in prepared.parts[channel]
                if part.term is term
            ]
            for term in self.query.terms
            if _is_asked_for(term)
        }
        if not asked and not prepared.excluded:
            return set()
        self._load(scope, scenes)
        rejected: set[str] = set()
        lacking: dict[str, list[Term]] = {}
        for scene_id in scenes:
            found = self._words[scene_id]
            if any(holds(term, parts, found) for term, parts in prepared.excluded):
                rejected.add(scene_id)
            elif lacks := [term for term, group in asked.items() if not _is_there(group, found)]:
                lacking[scene_id] = lacks
        in_paths = {
            scene_id for scene_id, terms in lacking.items() if all(t.field == Field.ANY for t in terms)
        }
        paths = paths_of_scenes(scope.connection, scope.owner, list(in_paths)) if in_paths else {}
        return rejected | {
            scene_id
            for scene_id, terms in lacking.items()
            if not all(_stands_in(term, paths.get(scene_id, ())) for term in terms)
        }

    def words_of(self, scene_id: str) -> SceneWords:
        """The words of a scene that was scored."""
        return self._words[scene_id]

    def _look_up(self, scope: Scope) -> dict[Channel, list[str]]:
        prepared = self._prepared(scope)
        by_scene = scope.filters.longer_us is not None or scope.filters.motion is not None
        each = FILTERED_EACH if by_scene else EACH
        found: dict[Channel, dict[str, None]] = {channel: {} for channel in Channel}
        asked: dict[LookUp, None] = {}
        counts = self._count_strings(scope, prepared)
        for channel, parts in prepared.parts.items():
            for part in counted(parts):
                if part.weight <= 0:
                    continue
                if not isinstance(part.scorer, AskedString):
                    texts = [word.text for word in part.scorer.asked]
                    known = prepared.known[channel]
                    asked |= dict.fromkeys(lookups.of_words(channel, known, texts, quoted=part.is_quoted))
                elif part.scorer.is_short:
                    found[channel] |= dict.fromkeys(self._beginning(scope, part.scorer, each))
                else:
                    terms = _terms_of(part.scorer)
                    stand = {term: counts[Channel.WRITTEN, term] for term in terms}
                    nearly = part.scorer.is_nearly
                    asked |= dict.fromkeys(lookups.of_string(stand, quoted=part.is_quoted, nearly=nearly))
        answers = postings.find_scenes(scope.connection, scope.owner, list(asked), scope.filters, limit=each)
        for look_up, scenes in zip(asked, answers, strict=True):
            found[look_up.channel] |= dict.fromkeys(scenes)
        proposed = {channel: list(scenes)[:SCORED] for channel, scenes in found.items()}
        # A look-up without filters finds scenes of missing files too; whatever else is scored is there.
        self._load(scope, [scene_id for scenes in proposed.values() for scene_id in scenes], present=False)
        return proposed

    def _beginning(self, scope: Scope, asked: AskedString, each: int) -> list[str]:
        return postings.find_by_beginning(
            scope.connection,
            scope.owner,
            Channel.WRITTEN,
            lookups.beginning_of(asked.words),
            scope.filters,
            limit=each,
        )

    def _count_strings(self, scope: Scope, prepared: _Prepared) -> dict[tuple[Channel, str], int]:
        """In how many scenes each term of the strings stands, counted at once."""
        strings = [part.scorer for part in prepared.parts[Channel.WRITTEN]]
        terms = [
            (Channel.WRITTEN, term)
            for string in strings
            if isinstance(string, AskedString) and not string.is_short
            for term in _terms_of(string)
        ]
        return self._figures.counts(scope.connection, terms)

    def _load(self, scope: Scope, scenes: Iterable[str], *, present: bool = True) -> None:
        missing = [scene_id for scene_id in dict.fromkeys(scenes) if scene_id not in self._words]
        if missing:
            fresh = postings.words_of_scenes(scope.connection, scope.owner, missing, present=present)
            self._words |= {scene_id: fresh.get(scene_id, _NO_WORDS) for scene_id in missing}

    def _prepared(self, scope: Scope) -> _Prepared:
        if self._made is None:
            folded = [word for term in self.query.terms for word in words(term.text)][:MOST_WORDS]
            pairs = [unit for unit in units(folded) if unit not in folded]
            known = vocabularies(scope.connection, self._figures, [*folded, *pairs])
            self._made = _Prepared(
                parts=make_parts(self.query, known, MOST_WORDS),
                known=known,
                excluded=make_exclusions(self.query, known[Channel.SAID]),
            )
        return self._made


def _terms_of(asked: AskedString) -> list[str]:
    return lookups.terms_of_string(asked.words, by_itself=asked.is_whole)


def _is_asked_for(term: Term) -> bool:
    """Whether a hit has to hold a term somewhere."""
    if term.excluded or term.weight <= 0 or term.field == Field.PERSON or not words(term.text):
        return False
    return term.quoted or term.field != Field.ANY


def _is_there(group: Iterable[tuple[Channel, Part]], scene: SceneWords) -> bool:
    return any(part.find(channel, scene) is not None for channel, part in group)


def _stands_in(term: Term, paths: Iterable[str]) -> bool:
    """Whether a phrase stands in one of some paths to the letter; words are apart there by any sign."""
    asked = f" {' '.join(words(term.text))} "
    return any(asked in f" {' '.join(words(path.replace('_', ' ')))} " for path in paths)
