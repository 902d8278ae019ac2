from __future__ import annotations

import pytest

from heimdex.entities import Evidence, Hit, Kind, Verdict
from heimdex.search.verdict import judge


def hit(signal: str, raw: float) -> Hit:
    return Hit(
        scene_id="s",
        asset_id="a",
        path="/p",
        kind=Kind.PHOTO,
        start_us=0,
        end_us=0,
        score=raw,
        thumbnail=None,
        evidence=(Evidence(signal=signal, contribution=raw, raw=raw, model="m"),),
    )


@pytest.mark.parametrize(
    ("hits", "certainty", "verdict"),
    [
        ([], 1.0, Verdict.NONE),
        ([hit("picture", 0.5)], 1.0, Verdict.MATCH),
        ([hit("picture", 0.1)], 1.0, Verdict.WEAK),
        ([hit("picture", 0.9)], 0.2, Verdict.WEAK),
        ([hit("path", 1.0)], 0.2, Verdict.MATCH),
        ([hit("path", 0.5)], 1.0, Verdict.WEAK),
    ],
)
def test_the_verdict_needs_words_that_were_understood_and_something_near(
    hits: list[Hit], certainty: float, verdict: Verdict
) -> None:
    assert judge(hits, certainty, match_cosine=0.15) == verdict
