"""A query taken into parts, channel by channel, and the score of a scene's words for them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from heimdex.search.language import Field, ParsedQuery, Term
from heimdex.search.strings import AskedString, LineFound
from heimdex.search.vocabulary import Vocabulary, units
from heimdex.search.wording import AskedWord, Found, Phrasing, Wording
from heimdex.store.lexicon.confusables import classed, readable
from heimdex.store.lexicon.texts import Channel, SceneWords
from heimdex.store.lexicon.words import is_gram, words

LEAST_FREE = 3  # characters of a word that is looked for in writing without being asked to
_FIELDS = {
    Channel.SAID: (Field.ANY, Field.SAYS),
    Channel.WRITTEN: (Field.ANY, Field.SHOWS),
    Channel.DESCRIBED: (Field.ANY,),
}

Spot = Found | LineFound


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A piece of a query in one channel. `term` is None for all free words together."""

    scorer: Wording | Phrasing | AskedString
    term: Term | None
    weight: float  # below 0 it counts against
    required: bool = False  # a scene that lacks it does not answer

    @property
    def is_quoted(self) -> bool:
        """Whether it has to be there, so that it is looked for more deeply."""
        return self.required or (self.term is not None and self.term.quoted)

    def find(self, channel: Channel, scene: SceneWords) -> Spot | None:
        """Where in a scene's words it is."""
        if isinstance(self.scorer, AskedString):
            return self.scorer.score(scene.written) if scene.written else None
        said = channel == Channel.SAID
        text, stems = (scene.said, scene.said_stems) if said else (scene.described, scene.described_stems)
        return self.scorer.score(text, stems) if text else None


@dataclass(frozen=True, kw_only=True, slots=True)
class ChannelScore:
    """What a scene holds of a query in one channel."""

    raw: float  # 0-1
    spot: Spot  # of the weightiest part
    approximate: bool


def make_parts(
    query: ParsedQuery, known: Mapping[Channel, Vocabulary], longest: int
) -> dict[Channel, list[Part]]:
    """The parts of a query by channel; of each term no more than `longest` words."""
    parts: dict[Channel, list[Part]] = {channel: [] for channel in Channel}
    for channel in Channel:
        free: list[AskedWord] = []
        for term in query.terms:
            if term.excluded or term.weight == 0 or term.field not in _FIELDS[channel]:
                continue
            folded = words(readable(term.text) if channel == Channel.WRITTEN else term.text)[:longest]
            if not folded:
                continue
            if channel == Channel.WRITTEN:
                parts[channel] += _string_parts(term, folded, known[Channel.SAID])
            elif term.quoted or term.field != Field.ANY or term.weight < 0:
                parts[channel].append(_own_part(term, folded, channel, known[channel]))
            else:
                asked = [known[channel].word(unit) for unit in units(folded)]
                free += [replace(word, weight=word.weight * term.weight) for word in asked]
        if free:
            parts[channel].insert(0, _free_part(free, channel))
    return parts


def counted(parts: Sequence[Part]) -> Sequence[Part]:
    """The parts that a scene is scored by.

    Where something has to be said (or shown) just that is counted: the free words beside it may be answered
    by another sense.
    """
    return [part for part in parts if part.required] or parts


def glance(
    parts: Sequence[Part], channel: Channel, scenes: Iterable[str], known: Mapping[str, SceneWords]
) -> list[str]:
    """The scenes that may hold some of the parts: a first look, much quicker than scoring."""
    signs = {sign for part in parts for sign in part.scorer.signs}
    found = []
    for scene_id in scenes:
        text = _squeezed(known[scene_id], channel)
        for sign in signs:
            if sign in text:
                found.append(scene_id)
                break
    return found


def _squeezed(scene: SceneWords, channel: Channel) -> str:
    """Stems and words of a channel without what parts words, so that a word written as two is there too."""
    if channel == Channel.WRITTEN:
        return classed(scene.written).replace(" ", "")
    if channel == Channel.SAID:
        return f"{scene.said_stems}\0{scene.said.replace(' ', '')}"
    return f"{scene.described_stems}\0{scene.described.replace(' ', '')}"


def score_parts(parts: Sequence[Part], channel: Channel, scene: SceneWords) -> ChannelScore | None:
    """The weighted share of the parts a scene holds; None where it holds none or lacks a required one."""
    total = gained = heaviest = 0.0
    spot: Spot | None = None
    approximate = False
    for part in parts:
        found = part.find(channel, scene)
        if found is None and part.required:
            return None
        total += max(0.0, part.weight)
        if found is None:
            continue
        gained += part.weight * found.raw
        approximate |= found.approximate and part.weight > 0
        if part.weight * found.raw > heaviest:
            heaviest, spot = part.weight * found.raw, found
    if spot is None or gained <= 0:
        return None
    return ChannelScore(raw=min(1.0, gained / total), spot=spot, approximate=approximate)


def make_exclusions(query: ParsedQuery, known: Vocabulary) -> list[tuple[Term, list[Part]]]:
    """For each excluded term the parts that find it."""
    made = []
    for term in query.excluded:
        folded = words(term.text)
        if not folded or term.field == Field.PERSON:
            continue
        asked = [replace(known.word(word), weight=1.0) for word in folded]
        phrase = Part(scorer=Phrasing(asked, nearly=False), term=term, weight=1.0)
        plain = phrase if term.quoted or len(folded) > 1 else replace(phrase, scorer=Wording(asked))
        string = AskedString(words(readable(term.text)), parts=False, nearly=False)
        made.append((term, [plain, Part(scorer=string, term=term, weight=1.0)]))
    return made


def holds(term: Term, parts: Iterable[Part], scene: SceneWords) -> bool:
    """Whether a scene holds an excluded term, in the channels that it names."""
    for part in parts:
        if isinstance(part.scorer, AskedString):
            channels = [Channel.WRITTEN] if term.field in (Field.ANY, Field.SHOWS) else []
        else:
            channels = [c for c in (Channel.SAID, Channel.DESCRIBED) if term.field in _FIELDS[c]]
        if any(part.find(channel, scene) is not None for channel in channels):
            return True
    return False


def _free_part(free: Sequence[AskedWord], channel: Channel) -> Part:
    """All free words together; stop words alone are a phrase, and mean something only as one."""
    distinct = {word.text: word for word in reversed(free)}
    asked = [word for word in free if distinct.pop(word.text, None) is not None]
    if any(word.weight > 0 for word in asked):
        wording = Wording(asked)
        return Part(scorer=wording, term=None, weight=wording.weight)
    return _phrase_part(free, None, channel, 1.0)


def _own_part(term: Term, folded: Sequence[str], channel: Channel, known: Vocabulary) -> Part:
    required = term.field != Field.ANY and term.weight > 0
    if not term.quoted:
        asked = [known.word(unit) for unit in units(folded)]
        if any(word.weight > 0 for word in asked):
            wording = Wording(asked)
            return Part(scorer=wording, term=term, weight=wording.weight * term.weight, required=required)
    part = _phrase_part([known.word(word) for word in folded], term, channel, term.weight)
    return replace(part, required=required)


def _phrase_part(asked: Sequence[AskedWord], term: Term | None, channel: Channel, weight: float) -> Part:
    if not any(word.weight > 0 for word in asked):
        asked = [replace(word, weight=1.0) for word in asked]
    phrasing = Phrasing(asked, nearly=channel == Channel.SAID)  # what is heard is misheard now and then
    return Part(scorer=phrasing, term=term, weight=phrasing.weight * weight)


def _string_parts(term: Term, folded: Sequence[str], known: Vocabulary) -> list[Part]:
    if term.field == Field.SHOWS or term.quoted:
        shown = term.field == Field.SHOWS
        string = AskedString(folded, parts=True, nearly=shown)
        return [
            Part(
                scorer=string,
                term=term,
                weight=string.weight * term.weight,
                required=shown and term.weight > 0,
            )
        ]
    # A word in a script without spaces is asked for as one, however many characters it has.
    strings = [folded] if any(map(is_gram, folded)) else [[word] for word in folded if word not in known.stop]
    made = []
    for string_words in strings:
        text = "".join(string_words)
        if len(text) < LEAST_FREE and not any(c.isdecimal() for c in text) and not is_gram(text[0]):
            continue
        parts = len(text) >= LEAST_FREE and any(char.isdecimal() for char in text)
        string = AskedString(string_words, parts=parts, nearly=False)
        made.append(Part(scorer=string, term=term, weight=string.weight * term.weight))
    return made
