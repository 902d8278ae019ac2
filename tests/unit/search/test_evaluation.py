from __future__ import annotations

from pathlib import Path

import pytest

from heimdex.entities import Answer, Evidence, Hit, Kind, Query, Verdict
from heimdex.errors import UsageError
from heimdex.search.evaluation import FUSED, answers, evaluate, figure, measures_of, time_error_s
from heimdex.search.labels import Labelled, Moment, read_labels

ROOT = Path(__file__).resolve().parents[3]


def hit(path: str, start_s: float = 0.0, end_s: float = 0.0, **raw: float) -> Hit:
    evidence = tuple(
        Evidence(signal=signal, contribution=value, raw=value, model="m") for signal, value in raw.items()
    )
    return Hit(
        scene_id=f"{path}@{start_s}",
        asset_id=path,
        path=f"/library/{path}",
        kind=Kind.VIDEO,
        start_us=round(start_s * 1e6),
        end_us=round(end_s * 1e6),
        score=sum(raw.values()),
        thumbnail=None,
        evidence=evidence,
    )


def answer(*hits: Hit, verdict: Verdict = Verdict.MATCH) -> Answer:
    return Answer(query=Query(text="?"), verdict=verdict, hits=hits, models={}, unavailable=(), took_ms=1.0)


def asked(*moments: Moment, query: str = "q", sort: str = "any") -> Labelled:
    return Labelled(query=query, moments=moments, sort=sort)


def test_a_hit_answers_where_it_is_of_the_file_and_meets_the_stretch() -> None:
    moment = Moment(path="a/film.mp4", start_us=2_000_000, end_us=4_000_000)
    assert answers(hit("a/film.mp4", 3, 9), moment)
    assert not answers(hit("a/film.mp4", 4, 9), moment), "half-open"
    assert not answers(hit("xa/film.mp4", 3, 9), moment), "whole names only"
    assert answers(hit("film.mp4", 50, 60), Moment(path="film.mp4"))


def test_recall_and_order_of_known_lists() -> None:
    labelled = asked(Moment(path="a"), Moment(path="b"))
    found = measures_of(labelled, [hit("x"), hit("a"), hit("y"), hit("z"), hit("w"), hit("b")])
    assert (found["recall@1"], found["recall@5"], found["recall@10"]) == (0.0, 0.5, 1.0)
    assert found["MRR"] == 0.5
    # 1/log2(3) + 1/log2(7) over 1/log2(2) + 1/log2(3)
    assert found["nDCG@10"] == pytest.approx((0.63093 + 0.35621) / 1.63093, abs=1e-4)


def test_the_same_moment_again_is_no_gain() -> None:
    labelled = asked(Moment(path="a"), Moment(path="b"))
    assert measures_of(labelled, [hit("a", 0, 1), hit("a", 1, 2)])["recall@5"] == 0.5
    twenty = asked(*(Moment(path=f"{number}") for number in range(20)))
    assert measures_of(twenty, [hit(f"{number}") for number in range(5)])["recall@5"] == 1.0


def test_the_time_error_is_that_of_the_first_right_hit() -> None:
    labelled = asked(Moment(path="film", start_us=2_000_000, end_us=4_000_000))
    assert time_error_s(labelled, [hit("film", 8, 9), hit("film", 2.5, 3), hit("film", 2, 3)]) == 0.5
    assert time_error_s(asked(Moment(path="film")), [hit("film", 1, 2)]) is None


def test_each_signal_is_measured_alone_and_all_together() -> None:
    hits = [hit("b", picture=0.1, speech=0.8), hit("a", picture=0.7)]
    report = evaluate([asked(Moment(path="a"))], lambda _: answer(*hits))
    assert list(report.ranking) == [FUSED, "picture", "speech"]
    assert [report.ranking[name]["MRR"].mean for name in report.ranking] == [0.5, 1.0, 0.0]


def test_silence_is_right_where_nothing_answers_and_a_loss_where_something_does() -> None:
    verdicts = {"1": Verdict.NONE, "2": Verdict.MATCH, "3": Verdict.NONE, "4": Verdict.WEAK}
    labels = [
        asked(query="1"),
        asked(query="2"),
        asked(Moment(path="a"), query="3"),
        asked(Moment(path="a"), query="4"),
    ]
    found = evaluate(labels, lambda text: answer(hit("a", picture=1.0), verdict=verdicts[text])).abstention
    assert {name: measured.mean for name, measured in found.items()} == {
        "precision": 0.5,
        "recall": 0.5,
        "lost": 0.5,
        "wrongly sure": 0.5,
    }


def test_an_interval_holds_its_mean_and_is_the_same_each_time() -> None:
    found = figure([0.0, 1.0, 1.0, 0.5] * 10)
    assert found.low < found.mean < found.high
    assert found == figure([0.0, 1.0, 1.0, 0.5] * 10)


def test_both_forms_of_a_labelled_file_say_the_same(tmp_path: Path) -> None:
    lines, table = tmp_path / "q.jsonl", tmp_path / "q.csv"
    lines.write_text(
        '{"query": "a dog", "moments": [{"path": "a.jpg"}, {"path": "b.mp4", "start": 1, "end": 2.5}]}\n'
        '\n{"query": "a unicorn", "moments": []}\n'
    )
    table.write_text("query,path,start,end\na dog,a.jpg,,\na dog,b.mp4,1,2.5\na unicorn,,,\n")
    assert read_labels(lines) == read_labels(table)
    assert read_labels(table)[0].moments[1] == Moment(path="b.mp4", start_us=1_000_000, end_us=2_500_000)


@pytest.mark.parametrize("text", ["", "{", '{"moments": []}', '{"query": " ", "moments": []}', "[]"])
def test_a_file_that_is_no_labelled_file_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"line 1|no queries"):
        read_labels(path)


def test_the_labelled_set_asks_for_all_sorts_of_things_and_for_nothing() -> None:
    labels = read_labels(ROOT / "evaluation" / "queries.jsonl")
    sorts = {sort: sum(one.sort == sort for one in labels) for sort in {one.sort for one in labels}}
    assert len(labels) >= 60
    assert sorts.keys() == {"picture", "speech", "writing", "mixed", "nothing"}
    assert sum(not one.moments for one in labels) == sorts["nothing"] >= 15
