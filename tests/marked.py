"""A household whose words have a meaning of their own: marks that teach, an encoder that knows every word.

Everybody's dog is a dog, but "our dog" is always the one with the white collar. What is nearest to the words
is another one; what is right can only be learned, and then holds for "our cat" as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from heimdex.encoders.encoder import Rows
from heimdex.entities import Evidence, Hit, Kind, Space, Values
from heimdex.search.labels import Labelled, Moment
from tests.conformance.fakes import FakeEncoder
from tests.library import unit

OWN = (
    "dog cat horse boat car house garden bridge tree door chair lamp bed table cup hat coat bag ball kite"
).split()
OTHERS = "mill lake hill road farm tower field shore cave well dune fjord reef marsh moor cliff".split()
ABSENT = "tiger camel zebra yak lynx panda koala otter moose raven whale squid".split()
WORDS = ("our", "collar", *OWN, *OTHERS, *ABSENT)
DIM = 64
SPACE = Space(model="fake", name="joint", dim=DIM)


class WordsEncoder(FakeEncoder):
    """A word is an axis; `our` weighs a little more than what it stands before."""

    def __init__(self) -> None:
        super().__init__()
        self.text_space = SPACE
        self.picture_spaces = (SPACE, self.similar_space)

    def embed_words(self, texts: Sequence[str]) -> tuple[Rows, NDArray[np.float32]]:
        return np.stack([words_vector(text) for text in texts]), np.ones(len(texts), np.float32)


def words_vector(text: str) -> Values:
    """The vector of a query; other words mean nothing."""
    row = np.full(DIM, 1e-3)
    for word in set(text.split()) & set(WORDS):
        row[WORDS.index(word)] = 1.2 if word == "our" else 1.0
    return np.asarray(row / np.linalg.norm(row), dtype=np.float32)


def pictures() -> dict[str, NDArray[np.float32]]:
    """By path, one vector each, (1, DIM), as it is stored."""
    rng = np.random.default_rng(11)
    found = {}
    for word in OWN:
        found[_path(word)] = _shown(rng, **{word: 0.7, "collar": 1.0})
        found[_path(word, whose="others")] = _shown(rng, **{word: 0.7, "our": 0.35})
    for word in OTHERS:
        found[f"/away/{word}.jpg"] = _shown(rng, **{word: 1.0})
    return found


def _path(word: str, whose: str = "ours") -> str:
    """No file of the house is called what it shows."""
    return f"/home/{whose}-{OWN.index(word):02}.jpg"


def _shown(rng: np.random.Generator, **weights: float) -> NDArray[np.float32]:
    row = np.exp(rng.normal(-4.5, 0.7, (1, DIM)))
    for word, weight in weights.items():
        row[0, WORDS.index(word)] += weight
    return unit(row)


def marks(*, own: bool = True) -> list[Labelled]:
    """What the household marked; without `own` nothing that has to be learned."""
    found = [Labelled(query=word, moments=(Moment(path=f"away/{word}.jpg"),)) for word in OTHERS]
    if own:
        found += [Labelled(query=f"our {w}", moments=(Moment(path=_path(w)[1:]),)) for w in OWN]
    else:
        found += [Labelled(query=w, moments=(Moment(path=_path(w, whose="others")[1:]),)) for w in OWN]
    return found + [Labelled(query=word, moments=()) for word in ABSENT]


def background() -> NDArray[np.float32]:
    """Texts on everything, (texts, DIM): each word by itself."""
    return np.stack([words_vector(word) for word in WORDS])


def photo_hit(name: str, evidence: Iterable[Evidence]) -> Hit:
    """A photo that was found by just this; its name is its id and its path."""
    found = tuple(evidence)
    return Hit(
        scene_id=name,
        asset_id=name,
        path=name,
        kind=Kind.PHOTO,
        start_us=0,
        end_us=0,
        score=sum(item.contribution for item in found),
        thumbnail=None,
        evidence=found,
    )
