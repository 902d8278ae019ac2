from __future__ import annotations

import random

import pytest

from heimdex.search.language import parse
from heimdex.search.parts import counted, glance, make_parts, score_parts
from heimdex.search.vocabulary import Vocabulary
from heimdex.store.lexicon.texts import Channel, SceneWords

STEMS = {"dogs": "dog", "running": "run", "cats": "cat"}
WORDS = ["dog", "dogs", "running", "run", "email", "e", "mail", "the", "cats", "東", "京", "ab12", "a8l2"]
QUERIES = [
    "dogs running",
    "email",
    '"the dogs running"',
    "the",
    '"the"',
    "says:cats dogs",
    "shows:ab12",
    "shows:ab12xy dogs",
    "東京",
    "ab12 cats",
    "dogs:0.5 cats:-0.5",
    "unheard",
]


def known(words: list[str]) -> Vocabulary:
    stems = {word: frozenset([word, STEMS.get(word, word)]) for word in words}
    counts = {term: 3 for each in stems.values() for term in each}
    return Vocabulary(stems=stems, counts=counts, stop=frozenset(["the"]), scenes=100)


def scene(draw: random.Random) -> SceneWords:
    def text(length: int) -> str:
        return " ".join(draw.choice(WORDS) for _ in range(length))

    said, described = text(draw.randrange(4)), text(draw.randrange(4))
    return SceneWords(
        said=said,
        said_stems=" ".join(STEMS.get(word, word) for word in said.split()),
        written=text(draw.randrange(3)),
        described=described,
        described_stems=" ".join(STEMS.get(word, word) for word in described.split()),
    )


@pytest.mark.parametrize("line", QUERIES)
def test_a_glance_passes_over_no_scene_that_has_a_score(line: str) -> None:
    draw = random.Random(line)
    scenes = {str(number): scene(draw) for number in range(300)}
    vocabulary = known([*WORDS, "東京", "unheard", "ab12xy"])
    parts = make_parts(parse(line), dict.fromkeys(Channel, vocabulary), 32)
    found = set()
    for channel in Channel:
        asked = counted(parts[channel])
        scored = {key for key, words in scenes.items() if score_parts(asked, channel, words) is not None}
        assert scored <= {*glance(asked, channel, scenes, scenes)}
        found |= scored
    assert bool(found) == (line != "unheard")


def test_a_glance_passes_over_scenes_without_the_words() -> None:
    scenes = {
        "with": SceneWords(said="dogs", said_stems="dog"),
        "without": SceneWords(said="a", said_stems="a"),
    }
    parts = make_parts(parse("dogs"), dict.fromkeys(Channel, known(["dogs"])), 32)
    assert glance(parts[Channel.SAID], Channel.SAID, scenes, scenes) == ["with"]
