"""From marks to an adapter and the judgement on it. Knows no database: it asks through a function.

1. A part of the marks, by query, is held out.
2. Within the rest, folds choose how far a query's vector is moved (by asking again, each fold with what the
   others teach) and how freely weights are fitted (over the evidence of those same answers).
3. What was chosen is fitted on all of the rest, and judged on what was held out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heimdex.entities import Answer, Values
from heimdex.errors import UsageError
from heimdex.search.adapting import factors as weighing
from heimdex.search.adapting import judging, splits
from heimdex.search.adapting.adapter import Adapter
from heimdex.search.adapting.judging import Answers
from heimdex.search.adapting.residual import Reach, Residual
from heimdex.search.evaluation import answers, measures_of
from heimdex.search.fusion import GROUPS
from heimdex.search.labels import Labelled
from heimdex.search.verdict import WEAK_STRENGTH

LEAST_ANSWERABLE = 20  # marks with an answer; fewer can show nothing on their held-out part
LEAST_APART = 5  # of them on either side, once those that are nearly the same were put together
LEAST_NOTHING = 10  # marks that nothing answers; with fewer nobody could tell what a moved query loses
STRENGTHS = (0.25, 0.5, 1.0)
WIDTHS = (0.15, 0.4)  # of the way from what is usual between texts to the same vector
DIGITS = 4  # of a factor

Floats = NDArray[np.float32]
Ask = Callable[[str, Adapter | None], Answer]
"""Asks the library for evaluation.DEPTH hits, also where the verdict is `none`."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Mark:
    """A labelled query, and what the picture model makes of it and of its answers."""

    labelled: Labelled
    vector: Values | None  # of its words; None where it has none
    frames: tuple[Values, ...] = ()  # of each moment the frame that is nearest to the words

    @property
    def query(self) -> str:
        """What is asked."""
        return self.labelled.query


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Ground:
    """The space that words meet pictures in: where a library has its middle, (dim,) unit; its property."""

    centre: Values | None
    nonnegative: bool
    usual: float  # the cosine that two texts with nothing in common may have


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Trained:
    """What came out: the adapter, why it may not be used (None: it may), and figures."""

    adapter: Adapter
    reason: str | None
    figures: dict[str, Any]


class Training:
    """One training, from marks to its judgement."""

    def __init__(
        self, marks: Sequence[Mark], ground: Ground, ask: Ask, on_step: Callable[[str], None] = lambda _: None
    ) -> None:
        """Raises UsageError for too few marks."""
        check(marks, LEAST_ANSWERABLE)
        self.ground = ground
        self._ask = ask
        self._on_step = on_step
        queries = [mark.query for mark in marks]
        vectors = [mark.vector for mark in marks]
        groups = splits.group(queries, vectors, ground.usual)
        out = splits.held_out(queries, groups, [bool(mark.labelled.moments) for mark in marks])
        self.marks = [mark for mark, is_out in zip(marks, out, strict=True) if not is_out]
        self.held_out = [mark for mark, is_out in zip(marks, out, strict=True) if is_out]
        for side in (self.marks, self.held_out):
            check(side, LEAST_APART)
        own = [number for number, is_out in zip(groups, out, strict=True) if not is_out]
        self.fold = splits.folds([mark.query for mark in self.marks], own)
        nothing = sum(not mark.labelled.moments for mark in marks)
        self.may_move = nothing >= LEAST_NOTHING and any(mark.frames for mark in self.marks)
        self.plain: dict[str, Answer] = {}
        self.tried: list[dict[str, Any]] = []  # what each way did over the folds

    def run(self) -> Trained:
        """Ask, fit, ask again and judge. What a search raises is raised."""
        self._on_step(f"asking {len(self.marks) + len(self.held_out)} marked queries")
        self.plain = {mark.query: self._ask(mark.query, None) for mark in (*self.marks, *self.held_out)}
        reach, moved = self._choose_reach()
        pull = self._choose_pull(moved)
        adapter = Adapter(
            factors={} if pull is None else self._factors(self.marks, moved, pull),
            residual=None if reach is None else self._residual(self.marks, reach),
        )
        self._on_step(f"judging by {len(self.held_out)} held-out queries")
        labels = [mark.labelled for mark in self.held_out]
        held = self.plain if adapter.is_identity else self._answers(self.held_out, adapter)
        judgement = judging.judge(labels, self.plain, held)
        reason = judgement.reason
        if adapter.is_identity:
            reason = f"its {len(self.marks)} queries taught nothing that helped with others of them"
        taught = {"queries": len(self.marks), "answerable": len(self._answerable), "pull": pull}
        figures = judgement.figures | {"taught_by": taught, "tried": self.tried}
        return Trained(adapter=adapter, reason=reason, figures=figures)

    @property
    def _answerable(self) -> list[Mark]:
        return [mark for mark in self.marks if mark.labelled.moments]

    def _choose_reach(self) -> tuple[Reach | None, Answers]:
        """How far queries are moved, None for not at all; the answers of each fold by the others."""
        labels = [mark.labelled for mark in self.marks]
        plain = {mark.query: self.plain[mark.query] for mark in self.marks}
        if not self.may_move:
            return None, plain
        ways: list[tuple[Reach | None, list[float]]] = [(None, self._scores(plain))]
        self._note(ways[0][1], strength=0.0, width=0.0, silent=True)
        silence = judging.silence_of(labels, plain)
        for strength in STRENGTHS:
            for width in WIDTHS:
                self._on_step(f"moving queries by {strength}, as far as {width}")
                reach = Reach(far=self.ground.usual, width=width * (1 - self.ground.usual), strength=strength)
                found = self._by_folds(reach)
                is_silent = not judging.silence_of(labels, found).is_worse_than(silence)
                scores = self._scores(found)
                self._note(scores, strength=strength, width=width, silent=is_silent)
                if is_silent:
                    ways.append((reach, scores))
        chosen = ways[judging.choose([scores for _, scores in ways])][0]
        # Asked again rather than kept: the answers of all the ways would take too much memory.
        return chosen, plain if chosen is None else self._by_folds(chosen)

    def _folds(self) -> Iterator[tuple[list[Mark], list[Mark]]]:
        """Of each fold the marks outside it, which teach, and its own, which judge."""
        for fold in sorted(set(self.fold)):
            parts: tuple[list[Mark], list[Mark]] = ([], [])
            for mark, number in zip(self.marks, self.fold, strict=True):
                parts[number == fold].append(mark)
            yield parts

    def _by_folds(self, reach: Reach) -> Answers:
        found: dict[str, Answer] = {}
        for rest, own in self._folds():
            found |= self._answers(own, Adapter(residual=self._residual(rest, reach)))
        return found

    def _choose_pull(self, moved: Answers) -> float | None:
        """How strongly factors are pulled to 1; None: they stay there."""
        ways: list[tuple[float | None, Sequence[float]]] = [(None, self._scores(moved))]
        for pull in weighing.PULLS:
            scores = dict.fromkeys([mark.query for mark in self._answerable], 0.0)
            for rest, own in self._folds():
                fitted = self._factors(rest, moved, pull)
                row = np.array([fitted[name] for name in GROUPS])
                for mark in own:
                    if mark.labelled.moments:
                        hits = weighing.reorder(moved[mark.query].hits, row)
                        scores[mark.query] = measures_of(mark.labelled, hits)[judging.MEASURE]
            ways.append((pull, list(scores.values())))
            self._note(ways[-1][1], pull=pull)
        return ways[judging.choose([scores for _, scores in ways])][0]

    def _factors(self, marks: Sequence[Mark], found: Answers, pull: float) -> dict[str, float]:
        answered = [(m.labelled, found[m.query].hits) for m in marks if m.labelled.moments]
        fitted = weighing.fit(weighing.pairs_of(answered), pull)
        return {name: round(float(factor), DIGITS) for name, factor in zip(GROUPS, fitted, strict=True)}

    def _residual(self, marks: Sequence[Mark], reach: Reach) -> Residual | None:
        """Every mark is an anchor; those that no picture is to answer hold what is near them in its place."""
        pairs = [(mark.vector, self._step(mark)) for mark in marks if mark.vector is not None]
        if not any(step.any() for _, step in pairs):
            return None
        anchors, steps = (np.stack([pair[place] for pair in pairs]) for place in range(2))
        return Residual.fit(anchors, steps, reach, nonnegative=self.ground.nonnegative)

    def _step(self, mark: Mark) -> Values:
        """From a query to the middle of its answers, less what all pictures of the library have in common."""
        assert mark.vector is not None
        if not mark.frames or self._is_answered_by_words(mark):
            return np.zeros_like(mark.vector)
        middle = np.mean(mark.frames, axis=0)
        step = middle / np.linalg.norm(middle) - mark.vector
        centre = self.ground.centre
        if centre is not None:
            step = step - (step @ centre) * centre
        return np.asarray(step, dtype=np.float32)

    def _is_answered_by_words(self, mark: Mark) -> bool:
        """Whether a right answer says, shows or is called what is asked: then it is no matter of pictures."""
        return any(
            item.signal != "picture" and (item.strength or 0.0) >= WEAK_STRENGTH
            for hit in self.plain[mark.query].hits
            if any(answers(hit, moment) for moment in mark.labelled.moments)
            for item in hit.evidence
        )

    def _note(self, scores: Sequence[float], **way: float) -> None:
        self.tried.append({**way, judging.MEASURE: round(fmean(scores), 4)})

    def _answers(self, marks: Sequence[Mark], adapter: Adapter) -> Answers:
        return {mark.query: self._ask(mark.query, adapter) for mark in marks}

    def _scores(self, found: Answers) -> list[float]:
        return [
            measures_of(mark.labelled, found[mark.query].hits)[judging.MEASURE] for mark in self._answerable
        ]


def check(marks: Sequence[Mark], least: int) -> None:
    """Raises UsageError for too few marks, with what to do."""
    answerable = sum(bool(mark.labelled.moments) for mark in marks)
    if answerable < least:
        alike = ", once queries that are nearly the same are kept together" if least == LEAST_APART else ""
        raise UsageError(
            f"{answerable} marked queries have an answer in this library{alike}, and {least} are needed: "
            "some teach, others judge. Mark more, and other ones, in the form that `heimdex eval` reads."
        )
