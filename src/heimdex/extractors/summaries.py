"""The gist of a scene: its most central sentences, or what a text model makes of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from heimdex.entities import Values

LONGEST = 200  # characters of a summary, about
DAMPING = 0.85  # as in PageRank; LexRank found .80 to .90 alike
LEAST_LIKENESS = 0.1  # of two sentences that count as connected; LexRank's threshold
TOO_ALIKE = 0.9  # cosine; the second of two such sentences says nothing new
LEAST_WORDS = 3  # fewer say nothing of a scene ("Yes." "Okay, then.")
ROUNDS = 50  # of the power iteration; it settles in about ten
SUMMARY_PROMPT = (
    "Below is what is known of one scene of a film: what is said in it, and what is seen. Sum it up in one "
    "sentence of at most 30 words, in the language of the text. No introduction.\n\n"
)


def centrality(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """How central each sentence is among all, (n,), summing to 1.

    Continuous LexRank (Erkan & Radev 2004): the stationary distribution of a walk from sentence to sentence
    with probabilities by cosine, over those above a threshold. No sentence speaks for itself, and from one
    that is like no other the walk goes on anywhere, as in PageRank: else what stands alone would count as
    much as the rest does on average. `vectors` are unit rows, (n, dim).
    """
    count = len(vectors)
    if not count:
        return np.zeros(0)
    rows = vectors.astype(np.float64)
    likeness = np.clip(rows @ rows.T, 0.0, 1.0)
    np.fill_diagonal(likeness, 0.0)
    likeness[likeness < LEAST_LIKENESS] = 0.0
    likeness[likeness.sum(axis=1) == 0.0] = 1.0
    steps = likeness / likeness.sum(axis=1, keepdims=True)
    shares = np.full(count, 1.0 / count)
    for _ in range(ROUNDS):
        shares = (1.0 - DAMPING) / count + DAMPING * shares @ steps
    central: NDArray[np.float64] = shares / shares.sum()
    return central


def extract(
    sentences: Sequence[str], vectors: NDArray[np.float32], *, longest: int = LONGEST
) -> tuple[int, ...]:
    """Which sentences sum the others up, in their order: at least one of any, together about `longest`
    characters at most.

    The most central first; one that repeats a chosen one, or no longer fits, is passed over. Sentences of
    fewer than three words are taken only where there are no others; in a script without spaces a sentence
    counts by its characters. `vectors` are unit rows, (n, dim), n = len(sentences).
    """
    telling = [index for index, sentence in enumerate(sentences) if _tells(sentence)]
    among = telling or [index for index, sentence in enumerate(sentences) if sentence.strip()]
    if not among:
        return ()
    scores = centrality(vectors[among])
    chosen: list[int] = []
    room = longest
    for place in sorted(range(len(among)), key=lambda place: (-scores[place], place)):
        index = among[place]
        length = len(sentences[index]) + (1 if chosen else 0)
        repeats = any(float(vectors[index] @ vectors[other]) > TOO_ALIKE for other in chosen)
        if chosen and (length > room or repeats):
            continue
        chosen.append(index)
        room -= length
    return tuple(sorted(chosen))


def cut(text: str, longest: int = LONGEST) -> str:
    """A text of at most `longest` characters, cut at a word's end where there is one."""
    line = " ".join(text.split())
    if len(line) <= longest:
        return line
    head = line[: longest - 1]
    words = head.rsplit(" ", 1)[0] if " " in head[longest // 2 :] else head
    return words.rstrip(",;:- ") + "…"


def most_central(vectors: NDArray[np.float32]) -> int:
    """The index of the row that is most like all the others; the first of several."""
    return int(np.argmax(centrality(vectors)))


def mean_of(vectors: Sequence[Values], weights: Sequence[float]) -> Values:
    """The direction of several unit vectors taken together, float32, norm 1.

    Where they cancel out, the weightiest of them.
    """
    rows = np.stack(vectors).astype(np.float64)
    mean = np.average(rows, axis=0, weights=np.asarray(weights, dtype=np.float64))
    length = float(np.linalg.norm(mean))
    if length < 1e-6:
        return vectors[int(np.argmax(weights))]
    return np.asarray(mean / length, dtype=np.float32)


def _tells(sentence: str) -> bool:
    words = sentence.split()
    return len(words) >= LEAST_WORDS or (len(words) == 1 and not sentence.isascii() and len(sentence) >= 6)
