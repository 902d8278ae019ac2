"""The stage `description` against an endpoint that also misbehaves. Real database, real HTTP."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from heimdex.entities import StageState, new_id
from heimdex.extractors.traffic import Traffic
from heimdex.pipeline.describing import FAULTS_IN_A_ROW, DescriptionVerb
from heimdex.pipeline.ledger import Attempt
from heimdex.pipeline.library import remove
from heimdex.pipeline.tools import DescriptionOptions
from heimdex.store import descriptions
from heimdex.store.database import Database
from heimdex.store.runs import RunKey
from tests.later_kit import Kit, make_kit
from tests.vision_stub import (
    KEY,
    Handler,
    Silent,
    VisionStub,
    answers,
    cut_off,
    endless,
    pictures_of,
    says,
    told_of,
    vision_stub,
    words_of,
)


@pytest.fixture
def stub() -> Iterator[VisionStub]:
    with vision_stub() as made:
        yield made


@pytest.fixture
def kit(database: Database, owner: str, tmp_path: Path, stub: VisionStub) -> Kit:
    options = DescriptionOptions(url=stub.url, model="seer", key=KEY, timeout_s=5.0)
    return make_kit(database, owner, tmp_path / "home").with_(description=options)


def fresh(kit: Kit, **changes: Any) -> Kit:
    """The same library in another run."""
    return kit.with_(traffic=Traffic(), description=replace(kit.tools.description, **changes))


def verb_of(kit: Kit) -> DescriptionVerb:
    return DescriptionVerb(kit.tools, sleep=lambda _: None)


def rows_of(kit: Kit, item: Any) -> list[descriptions.DescriptionRow]:
    owner, asset_id = kit.tools.owner, item.asset.asset_id
    return kit.tools.database.run(owner, lambda c: descriptions.descriptions_of(c, owner, asset_id))


def scenes(*names: str) -> list[list[bytes]]:
    return [[f"best of {name}".encode(), f"second of {name}".encode()] for name in names]


def test_every_scene_gets_the_words_for_its_best_frame(kit: Kit, stub: VisionStub) -> None:
    film = kit.add("film.mp4", scenes("a", "b"))
    stub.answers = [says("A dog."), says("A cat.")]
    options = replace(kit.tools.description, price_in=2.0, price_out=10.0, language="German")
    told = kit.with_(description=options).run(verb_of(kit.with_(description=options)), film)
    assert [entry[1:] for entry in told.ended_] == [("description", StageState.DONE, None)]
    assert [pictures_of(content) for content in stub.asked] == [[b"best of a"], [b"best of b"]]
    assert all("in German" in words_of(content) for content in stub.asked)
    rows = rows_of(kit, film)
    assert [(row.scene_id, row.text, row.language, row.model) for row in rows] == [
        (scene_id, text, "de", "endpoint:seer")
        for scene_id, text in zip(kit.scene_ids(film), ["A dog.", "A cat."], strict=True)
    ]
    record = rows[0].metadata
    assert (record["tokens_in"], record["tokens_out"], record["cost"]) == (1000, 20, 0.0022)
    assert (record["cached"], record["error"]) == (False, None)
    assert kit.entries(film)["description"].row_count == 2


def test_without_an_address_nothing_is_sent_and_the_stage_is_skipped(kit: Kit, stub: VisionStub) -> None:
    film = kit.add("film.mp4", scenes("a"))
    off = fresh(kit, url=None)
    assert off.run(verb_of(off), film).ended_ == []
    assert off.entries(film)["description"].state == StageState.SKIPPED
    assert stub.paths == []


def test_several_frames_are_shown_in_the_order_of_time(kit: Kit, stub: VisionStub) -> None:
    film = kit.add("film.mp4", [[b"best", b"second", b"third"]])
    several = fresh(kit, frames=2)
    several.run(verb_of(several), film)
    assert pictures_of(stub.asked[0]) == [b"second", b"best"]
    assert "frames of one scene" in words_of(stub.asked[0])


def test_what_was_answered_is_not_asked_again(kit: Kit, stub: VisionStub) -> None:
    film, again = kit.add("film.mp4", scenes("a", "b", "a")), kit.add("cut.mp4", scenes("b"))
    kit.run(verb_of(kit), film, again)
    assert len(stub.asked) == 2
    assert [row.metadata["cached"] for row in rows_of(kit, film)] == [False, False, True]
    assert rows_of(kit, again)[0].text == rows_of(kit, film)[1].text
    for changes in ({"prompt": "What colours are there?"}, {"model": "another"}, {"language": "Dutch"}):
        other = fresh(kit, **changes)
        other.run(verb_of(other), again)
    assert len(stub.asked) == 5


def test_answers_are_kept_by_owner(kit: Kit, stub: VisionStub, database: Database, tmp_path: Path) -> None:
    kit.run(verb_of(kit), kit.add("film.mp4", scenes("a")))
    theirs = make_kit(database, new_id(), tmp_path / "other").with_(description=kit.tools.description)
    theirs.run(verb_of(theirs), theirs.add("film.mp4", scenes("a")))
    assert len(stub.asked) == 2
    assert [len(one.sql("SELECT 1 FROM heimdex.description_cache")) for one in (kit, theirs)] == [1, 1]


def test_what_is_taken_out_of_the_index_leaves_no_words_behind(kit: Kit, stub: VisionStub) -> None:
    film, other = kit.add("film.mp4", scenes("a")), kit.add("other.mp4", scenes("b"))
    kit.run(verb_of(kit), film, other)
    kit.sql("DELETE FROM heimdex.asset WHERE asset_id = %(id)s", id=film.asset.asset_id)
    kit.run(verb_of(kit), other)
    assert kit.sql("SELECT text FROM heimdex.description_cache") == [(rows_of(kit, other)[0].text,)]
    assert kit.sql("SELECT count(*) FROM heimdex.description") == [(1,)]


def test_removing_a_file_removes_what_was_answered_about_it(kit: Kit, stub: VisionStub) -> None:
    film, other = kit.add("film.mp4", scenes("a")), kit.add("other.mp4", scenes("b"))
    kit.run(verb_of(kit), film, other)
    remove(kit.tools, [film.asset.asset_id])
    assert kit.sql("SELECT text FROM heimdex.description_cache") == [(rows_of(kit, other)[0].text,)]


BROKEN = {
    "html": answers(200, b"<html>"),
    "empty": says(""),
    "wrong types": answers(200, b'{"choices": 3}'),
    "huge": endless,
    "bad request": answers(400, b'{"error": "no"}'),
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN.keys())
def test_one_scene_without_an_answer_does_not_keep_the_others_from_theirs(
    kit: Kit, stub: VisionStub, answer: Any
) -> None:
    film = kit.add("film.mp4", scenes("a", "b", "c"))
    stub.answers = [says("A dog."), answer, says("A bird.")]
    ((_, _, state, error),) = kit.run(verb_of(kit), film).ended_
    assert state == StageState.FAILED
    assert error is not None
    assert error.startswith("1 of 3 scenes have no description: ")
    rows = rows_of(kit, film)
    assert [row.text for row in rows] == ["A dog.", None, "A bird."]
    assert rows[1].metadata["error"] in error
    again = fresh(kit)  # the next run asks what failed, and nothing else
    again.run(verb_of(again), film)
    assert len(stub.asked) == 4
    assert again.entries(film)["description"].state == StageState.DONE
    assert None not in [row.text for row in rows_of(kit, film)]


@pytest.mark.parametrize("answer", [cut_off, answers(503)], ids=["cut off", "busy"])
def test_a_scene_that_fails_again_and_again_is_recorded(kit: Kit, stub: VisionStub, answer: Any) -> None:
    film = kit.add("film.mp4", scenes("a", "b"))
    stub.answers = [answer] * 4
    kit.run(verb_of(kit), film)
    rows = rows_of(kit, film)
    assert "4 attempts" in rows[0].metadata["error"]
    assert rows[1].text is not None


def test_a_refusal_is_an_answer_that_is_not_asked_for_twice(kit: Kit, stub: VisionStub) -> None:
    film = kit.add("film.mp4", scenes("a", "b"))
    stub.answers = [says("I'm sorry, but I can't help with that."), says("I can see a dog on a sofa.")]
    kit.run(verb_of(kit), film)
    rows = rows_of(kit, film)
    assert [row.text for row in rows] == [None, "I can see a dog on a sofa."]
    assert rows[0].metadata["error"].startswith("the model refuses")
    assert kit.entries(film)["description"].state == StageState.DONE
    twin = kit.add("twin.mp4", scenes("a"))
    kit.run(verb_of(kit), twin)
    assert len(stub.asked) == 2
    assert rows_of(kit, twin)[0].text is None


def test_a_budget_that_is_used_up_leaves_the_rest_for_another_run(
    kit: Kit, stub: VisionStub, caplog: pytest.LogCaptureFixture
) -> None:
    film, other, third = (kit.add(name, scenes(f"{name}1", f"{name}2", f"{name}3")) for name in "abc")
    first = fresh(kit, budget_requests=4)
    verb = verb_of(first)
    with caplog.at_level(logging.WARNING):
        first.run(verb, film, other, third)
    assert "budget of 4 requests" in (verb.waits() or "")
    assert caplog.text.count("budget of 4 requests") == 1
    assert len(stub.asked) == 4
    states = [kit.entries(item)["description"].state for item in (film, other)]
    assert states == [StageState.DONE, StageState.PENDING]
    assert "description" not in kit.entries(third)
    assert len(rows_of(kit, other)) == 1
    for _ in range(2):
        following = fresh(kit, budget_requests=3)
        following.run(verb_of(following), film, other, third)
    assert len(stub.asked) == 9
    assert {kit.entries(item)["description"].state for item in (film, other, third)} == {StageState.DONE}
    assert kit.entries(other)["description"].attempt == 2


@pytest.mark.parametrize(
    "answer",
    [
        answers(401, b"Incorrect API key: " + KEY.encode()),
        answers(302, Location="http://127.0.0.1:9/v1"),
        answers(429, Retry_After="3600"),
    ],
    ids=["key", "redirect", "limit"],
)
def test_an_endpoint_that_takes_no_question_is_asked_no_more_in_this_run(
    kit: Kit, stub: VisionStub, caplog: pytest.LogCaptureFixture, answer: Any
) -> None:
    items = [kit.add(name, scenes(name)) for name in ("a", "b")]
    stub.answers = [answer]
    with caplog.at_level(logging.DEBUG):
        told = kit.run(verb_of(kit), *items)
    assert [state for _, _, state, _ in told.ended_] == [StageState.PENDING]
    assert len(stub.paths) == 1
    assert "wait for the next run" in caplog.text
    assert KEY not in caplog.text
    again = fresh(kit)
    again.run(verb_of(again), *items)
    assert {kit.entries(item)["description"].state for item in items} == {StageState.DONE}


def test_an_endpoint_that_answers_nothing_sensible_is_asked_no_more(kit: Kit, stub: VisionStub) -> None:
    film, other = kit.add("film.mp4", scenes(*map(str, range(20)))), kit.add("other.mp4", scenes("x"))
    stub.usual = answers(200, b"<html>maintenance</html>")
    told = kit.run(verb_of(kit), film, other)
    assert len(stub.asked) == FAULTS_IN_A_ROW
    assert [state for _, _, state, _ in told.ended_] == [StageState.FAILED]
    assert "description" not in kit.entries(other)


def test_a_failure_does_not_take_away_what_an_earlier_model_said(kit: Kit, stub: VisionStub) -> None:
    film = kit.add("film.mp4", scenes("a", "b"))
    stub.answers = [says("A dog."), says("A cat.")]
    kit.run(verb_of(kit), film)
    other = fresh(kit, model="better")
    stub.answers = [answers(400), says("Two cats.")]
    other.run(verb_of(other), film)
    assert [(row.text, row.model) for row in rows_of(kit, film)] == [
        ("A dog.", "endpoint:seer"),
        ("Two cats.", "endpoint:better"),
    ]


def test_a_kept_frame_that_is_not_what_was_written_is_shown_to_nobody(kit: Kit, stub: VisionStub) -> None:
    film = kit.add("film.mp4", scenes("a", "b"))
    ((key,),) = kit.sql(
        "SELECT frame_key FROM heimdex.keyframe WHERE scene_id = %(id)s AND rank = 0",
        id=kit.scene_ids(film)[0],
    )
    kit.tools.derived.path(key).write_bytes(b"another picture")
    kit.run(verb_of(kit), film)
    assert [pictures_of(content) for content in stub.asked] == [[b"best of b"]]
    assert "not what was written" in rows_of(kit, film)[0].metadata["error"]


def test_an_asset_without_pictures_has_nothing_to_describe(kit: Kit, stub: VisionStub) -> None:
    sound = kit.add("sound.m4a", [])
    kit.run(verb_of(kit), sound)
    assert kit.entries(sound)["description"].state == StageState.EMPTY
    assert stub.paths == []


@pytest.mark.parametrize("changes", [{"url": "ftp://example.org"}, {"model": ""}], ids=["address", "model"])
def test_settings_that_cannot_work_are_said_and_nothing_fails(
    kit: Kit, stub: VisionStub, caplog: pytest.LogCaptureFixture, changes: dict[str, Any]
) -> None:
    film = kit.add("film.mp4", scenes("a"))
    wrong = fresh(kit, **changes)
    assert wrong.run(verb_of(wrong), film).ended_ == []
    assert "Descriptions wait" in caplog.text
    assert stub.paths == []


def test_no_record_holds_the_key(kit: Kit, stub: VisionStub, database_url: str) -> None:
    film = kit.add("film.mp4", scenes("a", "b"))
    stub.answers = [answers(400, KEY.encode()), says(f"A sign that says {KEY[:8]}.")]
    kit.run(verb_of(kit), film)
    for table in ("description", "description_cache", "stage_run", "model"):
        for (row,) in kit.sql(f"SELECT t::text FROM heimdex.{table} t"):
            assert KEY not in row
    assert KEY not in repr(kit.tools)


def test_as_many_scenes_as_allowed_are_asked_about_at_the_same_time(kit: Kit, stub: VisionStub) -> None:
    film = kit.add("film.mp4", scenes(*"abcdef"))
    together = threading.Barrier(3)

    def usual(handler: Handler, content: dict[str, Any]) -> None:
        together.wait(10)  # nobody is answered before three have asked
        says(told_of(content))(handler, content)

    stub.usual = usual
    three = fresh(kit, at_once=3)
    three.run(verb_of(three), film)
    assert len(stub.asked) == 6
    told = {told_of(content) for content in stub.asked}
    rows = rows_of(kit, film)
    assert {row.text for row in rows} == told
    best = [f"best of {name}".encode() for name in "abcdef"]
    assert [row.text for row in rows] == [
        told_of(next(content for content in stub.asked if pictures_of(content) == [shown])) for shown in best
    ]


def test_with_several_under_way_budget_and_counts_are_exact(kit: Kit, stub: VisionStub) -> None:
    items = [kit.add(name, scenes(*(f"{name}{number}" for number in range(7)))) for name in "ab"]
    stub.answers = [says("A dog."), answers(503), cut_off, says("A cat."), answers(200, b"<html>")]
    first = fresh(kit, at_once=4, budget_requests=6)
    verb = verb_of(first)
    first.run(verb, *items)
    assert "budget of 6 requests" in (verb.wants() or "")
    assert (len(stub.asked), first.tools.traffic.requests) == (6, 6)
    following = fresh(kit, at_once=4)
    following.run(verb_of(following), *items)
    assert {kit.entries(item)["description"].state for item in items} == {StageState.DONE}
    rows = [row for item in items for row in rows_of(kit, item)]
    assert len(rows) == 14
    assert following.tools.traffic.requests == len(stub.asked) - 6
    fresh_rows = [row for row in rows if not row.metadata["cached"]]
    assert {row.metadata["requests"] for row in fresh_rows if row.text != "A dog."} <= {1, 2, 3}


def test_a_question_counts_its_own_attempts_only(kit: Kit, stub: VisionStub) -> None:
    film = kit.add("film.mp4", scenes(*"abcdef"))
    failed: set[str] = set()

    def usual(handler: Handler, content: dict[str, Any]) -> None:
        told = told_of(content)
        with stub.lock:
            again = told in failed
            failed.add(told)
        (says(told) if again else answers(503))(handler, content)

    stub.usual = usual
    three = fresh(kit, at_once=3)
    three.run(verb_of(three), film)
    assert [row.metadata["requests"] for row in rows_of(kit, film)] == [2] * 6
    assert three.tools.traffic.requests == 12


def test_an_endpoint_that_limits_answers_by_another_name_is_understood_by_all(
    kit: Kit, stub: VisionStub
) -> None:
    film = kit.add("film.mp4", scenes(*"abcdef"))
    together = threading.Barrier(3)

    def usual(handler: Handler, content: dict[str, Any]) -> None:
        if "max_tokens" in content:
            together.wait(10)
            handler.reply(400, b'{"error": "use max_completion_tokens"}')
        else:
            says(told_of(content))(handler, content)

    stub.usual = usual
    three = fresh(kit, at_once=3)
    three.run(verb_of(three), film)
    assert kit.entries(film)["description"].state == StageState.DONE
    assert len(stub.asked) == 9


def test_an_endpoint_that_is_ill_is_left_alone_soon_with_several_under_way(
    kit: Kit, stub: VisionStub
) -> None:
    film = kit.add("film.mp4", scenes(*map(str, range(30))))
    stub.usual = answers(200, b"<html>maintenance</html>")
    three = fresh(kit, at_once=3)
    verb = verb_of(three)
    three.run(verb, film)
    assert FAULTS_IN_A_ROW <= len(stub.asked) < FAULTS_IN_A_ROW + 3
    assert "in a row had no answer" in (verb.wants() or "")


def test_a_stopped_run_keeps_what_was_paid_for(kit: Kit, stub: VisionStub) -> None:
    film = kit.add("film.mp4", scenes("a", "b"))
    silent = Silent()
    stub.answers = [says("A dog."), silent]
    verb = verb_of(kit)
    stopped: list[bool] = []

    def alive(_: Any) -> None:
        if len(stub.asked) == 2:
            stopped.append(True)
            raise KeyboardInterrupt

    key = RunKey(asset_id=film.asset.asset_id, stage="description", model_id=verb.model_id)
    with pytest.raises(KeyboardInterrupt):
        verb.work(film, Attempt(key=key, number=1, began_s=0.0), alive)
    silent.release.set()
    verb.close()
    assert stopped
    again = fresh(kit)
    again.run(verb_of(again), film)
    assert len(stub.asked) == 3
    assert rows_of(kit, film)[0].text == "A dog."
