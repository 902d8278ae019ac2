"""The stage `text`, with the real starter for sentences in a real worker. Real database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heimdex.encoders import catalog
from heimdex.encoders.row import LoadOptions
from heimdex.encoders.text_rows import STARTER_SENTENCES
from heimdex.entities import Filters, StageState, TextChannel, Values, new_id
from heimdex.errors import StoreError, WorkerCrashed
from heimdex.extractors.traffic import Traffic
from heimdex.pipeline import text_encoding, wording
from heimdex.pipeline.arrivals import Item
from heimdex.pipeline.ledger import Attempt
from heimdex.pipeline.text_encoding import TextEncoding
from heimdex.pipeline.tools import DescriptionOptions, TextModel
from heimdex.pipeline.wording import TextVerb
from heimdex.pipeline.workers import Warmth, WorkerPool
from heimdex.search.fusion import by_meaning
from heimdex.search.meaning import MeaningSignal, Meant
from heimdex.search.signals import Scope
from heimdex.store import descriptions, text_vectors
from heimdex.store.database import Database
from heimdex.store.descriptions import DescriptionRow
from heimdex.store.runs import RunKey
from heimdex.store.vectors import StoredSpace, from_text
from tests.later_kit import SCENE_US, Kit, make_kit
from tests.vision_stub import Respond, VisionStub, answers, says, vision_stub, words_of

Sentence = tuple[float, float, str]  # seconds, seconds, text


class LastingPool(WorkerPool):
    def close(self) -> None:
        """Only the module ends it."""


@contextmanager
def lasting_worker() -> Iterator[None]:
    """One worker for many runs: loading the model is most of the time of a small one."""
    pools: dict[Warmth | None, LastingPool] = {}

    def pool(size: int, *, memory_limit_bytes: int, warmth: Warmth | None = None) -> WorkerPool:
        if warmth not in pools:
            pools[warmth] = LastingPool(size, memory_limit_bytes=memory_limit_bytes, warmth=warmth)
        return pools[warmth]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_encoding, "WorkerPool", pool)
        yield
    for lasting in pools.values():
        WorkerPool.close(lasting)


@pytest.fixture(scope="module", autouse=True)
def _one_worker() -> Iterator[None]:
    with lasting_worker():
        yield


@pytest.fixture
def kit(database: Database, owner: str, tmp_path: Path) -> Kit:
    return make_kit(database, owner, tmp_path / "home")


def speak(kit: Kit, item: Item, sentences: Sequence[Sentence], language: str = "en") -> None:
    """Put sentences in place of those an asset had."""
    key = {"owner": kit.tools.owner, "asset": item.asset.asset_id}

    def write(connection: Any) -> None:
        connection.execute("DELETE FROM heimdex.transcript WHERE asset_id = %(asset)s", key)
        connection.execute(
            "INSERT INTO heimdex.transcript (owner_id, asset_id, source, model, language) "
            "VALUES (%(owner)s, %(asset)s, 'subtitles', 'subtitles', %(language)s)",
            key | {"language": language},
        )
        for position, (start, end, text) in enumerate(sentences):
            connection.execute(
                "INSERT INTO heimdex.utterance (owner_id, utterance_id, asset_id, position, start_us, "
                "end_us, text, language, confidence) VALUES (%(owner)s, %(id)s, %(asset)s, %(position)s, "
                "%(start)s, %(end)s, %(text)s, %(language)s, 1)",
                key
                | {"id": new_id(), "position": position, "text": text, "language": language}
                | {"start": round(start * 1e6), "end": round(end * 1e6)},
            )
        connection.execute("DELETE FROM heimdex.stage_run WHERE asset_id = %(asset)s AND stage = 'text'", key)

    kit.tools.database.run(kit.tools.owner, write)


def write_line(kit: Kit, item: Item, scene: int, text: str, start: float, end: float) -> None:
    kit.sql(
        "INSERT INTO heimdex.text_line (owner_id, line_id, asset_id, scene_id, at_us, start_us, end_us, "
        "text, box, confidence, script) VALUES (%(owner)s, %(id)s, %(asset)s, %(scene)s, %(start)s, "
        "%(start)s, %(end)s, %(text)s, '{0,0,1,1}', 1, 'Latn')",
        owner=kit.tools.owner,
        id=new_id(),
        asset=item.asset.asset_id,
        scene=kit.scene_ids(item)[scene],
        start=round(start * 1e6),
        end=round(end * 1e6),
        text=text,
    )


def describe(kit: Kit, item: Item, scene: int, text: str) -> None:
    row = DescriptionRow(
        scene_id=kit.scene_ids(item)[scene], text=text, language="en", model="seer", metadata={}
    )
    owner, asset_id = kit.tools.owner, item.asset.asset_id
    kit.tools.database.run(owner, lambda c: descriptions.write_descriptions(c, owner, asset_id, [row]))


def scenes(count: int) -> list[list[bytes]]:
    return [[f"frame {number}".encode()] for number in range(count)]


def run(kit: Kit, *items: Item, **rest: Any) -> TextVerb:
    verb = TextVerb(kit.tools, sleep=lambda _: None)
    kit.run(verb, *items, **rest)
    return verb


def texts(kit: Kit, item: Item) -> list[tuple[int, str, str, float | None]]:
    """(scene, channel, text, seconds) of every row."""
    order = kit.scene_ids(item)
    owner, asset_id = kit.tools.owner, item.asset.asset_id
    found = kit.tools.database.run(owner, lambda c: text_vectors.texts_of_asset(c, owner, asset_id))
    return [(order.index(row["scene_id"]), row["channel"], row["text"], row["at"]) for row in found]


def embed(text: str) -> Values:
    encoder = catalog.load_text("starter-sentences", LoadOptions(threads=2, precision="fp32"))
    return next(encoder.encode([text], "query")).values


def space_of(kit: Kit) -> StoredSpace:
    model = kit.tools.text_model
    stored = kit.tools.database.run(kit.tools.owner, lambda c: wording.find(c, model))
    assert stored is not None
    return stored.spaces[0]


def ask(kit: Kit, channel: TextChannel, text: str, filters: Filters | None = None) -> list[tuple[str, Any]]:
    """What the signal of a channel finds, the best first, with its evidence."""
    signal = MeaningSignal(Meant(stored=space_of(kit), channels=[channel], vector=embed(text)), channel)

    def work(connection: Any) -> list[tuple[str, Any]]:
        scope = Scope(
            connection=connection,
            owner=kit.tools.owner,
            filters=filters or Filters(),
            is_small=lambda _: True,
            count_assets=lambda: 1,
            count_words=lambda words: dict.fromkeys(words, 1),
        )
        proposed = signal.propose(scope, 10)
        evidence = signal.score(scope, proposed)
        assert {*evidence} <= {*proposed}
        return [(scene_id, evidence.get(scene_id)) for scene_id in proposed]

    return kit.tools.database.run(kit.tools.owner, work, read_only=True)


def cosine_of(kit: Kit, channel: TextChannel, text: str, scene_id: str) -> float:
    """What a text scores against a scene's, however little that is."""
    place = (space_of(kit), [channel])
    scored = kit.tools.database.run(
        kit.tools.owner,
        lambda c: text_vectors.score_texts(c, kit.tools.owner, place, embed(text), [scene_id]),
    )
    return scored[channel][scene_id].cosine


SAILING: list[Sentence] = [
    (0.0, 2.0, "The storm is getting closer."),
    (3.0, 5.0, "Bring the sails down, quickly!"),  # over the first cut
    (9.0, 10.0, "Dinner is served in the great hall."),
]


def test_what_is_said_is_found_by_what_it_means(kit: Kit) -> None:
    film, other = kit.add("film.mp4", scenes(3)), kit.add("other.mp4", scenes(1))
    speak(kit, film, SAILING)
    speak(kit, other, [(0.5, 1.5, "My sister studies mathematics.")])
    run(kit, film, other)
    found = ask(kit, TextChannel.TRANSCRIPT, "people are about to eat")
    assert found[0][0] == kit.scene_ids(film)[2]
    evidence = found[0][1]
    assert (evidence.signal, evidence.model) == ("speech", "starter-sentences")
    assert (evidence.text, evidence.at_us) == ("Dinner is served in the great hall.", 9_000_000)
    assert evidence.contribution == pytest.approx(0.5 * by_meaning(evidence.raw))
    assert found[1][1] is None or evidence.raw > found[1][1].raw + 0.1
    only = ask(kit, TextChannel.TRANSCRIPT, "people are about to eat", Filters(asset_id=other.asset.asset_id))
    assert [scene_id for scene_id, _ in only] == kit.scene_ids(other)


def test_a_sentence_over_two_scenes_belongs_to_both_with_its_own_time(kit: Kit) -> None:
    film = kit.add("film.mp4", scenes(3))
    speak(kit, film, SAILING)
    run(kit, film)
    rows = {(scene, channel): (text, at) for scene, channel, text, at in texts(kit, film)}
    assert rows[1, "transcript"] == ("Bring the sails down, quickly!", 3.0)
    assert rows[0, "summary"][0] == "The storm is getting closer. Bring the sails down, quickly!"
    assert len(rows) == 6
    assert kit.entries(film)["text"].state == StageState.DONE
    assert kit.entries(film)["text"].row_count == 3


def test_every_channel_has_a_vector_of_its_own(kit: Kit) -> None:
    film = kit.add("film.mp4", scenes(2))
    speak(kit, film, SAILING[:1])
    describe(kit, film, 0, "A woman in a yellow coat holds a dog.")
    describe(kit, film, 1, "An empty street at night.")
    run(kit, film)
    assert [row[:2] for row in texts(kit, film)] == [
        (0, "description"),
        (0, "summary"),
        (0, "transcript"),
        (1, "description"),
        (1, "summary"),
    ]
    first, second = kit.scene_ids(film)
    (scene_id, evidence), *_ = ask(kit, TextChannel.DESCRIPTION, "somebody with a pet")
    assert (scene_id, evidence.signal) == (first, "caption")
    assert ask(kit, TextChannel.SUMMARY, "a road without anybody")[0][0] == second
    assert [scene_id for scene_id, _ in ask(kit, TextChannel.TRANSCRIPT, "a dog")] == [first]
    summary = {row[:2]: row[2] for row in texts(kit, film)}[0, "summary"]
    assert summary == "The storm is getting closer. A woman in a yellow coat holds a dog."


def test_the_record_says_which_model_and_the_checksum_what_it_made(kit: Kit) -> None:
    film = kit.add("film.mp4", scenes(1))
    speak(kit, film, SAILING[:1])
    run(kit, film)
    rows = kit.sql(
        "SELECT metadata, embedding::text, checksum = sha256(halfvec_send(embedding)) "
        "FROM heimdex.text_vector WHERE channel = 'transcript'"
    )
    ((metadata, embedding, sound),) = rows
    assert sound
    assert np.linalg.norm(from_text(embedding)) == pytest.approx(1.0, abs=2e-3)
    assert (metadata["model_name"], metadata["embed_dim"]) == ("starter-sentences", 384)
    assert (metadata["passages"], metadata["error"]) == (1, None)
    assert float(from_text(embedding) @ embed(SAILING[0][2])) > 0.99


LONG = (
    "We left the harbour before dawn and sailed north along the coast. The wind was steady and the crew was "
    "in good spirits all morning. By noon we had passed the last lighthouse and there was no land in sight. "
    "The captain told us stories about whales and the old days of the fleet. Later the sea grew rough, and "
    "two of the men were ill for hours. In the evening the cook made soup from the fish that we had caught "
    "on the way. At night I could not sleep, because I kept thinking about the rare blue violin that was "
    "stolen from us."
)


def test_the_end_of_what_is_said_in_a_long_scene_is_heard_too(kit: Kit) -> None:
    film, other = kit.add("film.mp4", scenes(1)), kit.add("other.mp4", scenes(1))
    sentences = [f"{part.strip()}." for part in LONG.split(". ")]
    speak(kit, film, [(number * 0.5, number * 0.5 + 0.5, text) for number, text in enumerate(sentences)])
    speak(kit, other, [(0.0, 1.0, " ".join(sentences[:4]))])
    run(kit, film, other)
    found = ask(kit, TextChannel.TRANSCRIPT, "a violin was stolen")
    assert [scene_id for scene_id, _ in found] == kit.scene_ids(film) + kit.scene_ids(other)
    one, two = (cosine_of(kit, TextChannel.TRANSCRIPT, "a violin was stolen", scene) for scene, _ in found)
    assert one > two + 0.05
    ((passages,),) = kit.sql(
        "SELECT (metadata ->> 'passages')::int FROM heimdex.text_vector "
        "WHERE channel = 'transcript' AND asset_id = %(id)s",
        id=film.asset.asset_id,
    )
    assert passages == 3
    summary = next(text for _, channel, text, _ in texts(kit, film) if channel == "summary")
    assert 20 < len(summary) <= 200
    assert summary.split(". ")[0].rstrip(".") in LONG


def test_writing_is_found_in_every_scene_that_shows_it_and_has_no_vector(kit: Kit) -> None:
    film = kit.add("film.mp4", scenes(3))
    write_line(kit, film, 0, "EXIT 24", 1.0, 7.0)
    write_line(kit, film, 2, "...", 9.0, 9.0)
    run(kit, film)
    assert texts(kit, film) == []
    worded = kit.sql("SELECT scene_id::text FROM heimdex.scene_words")
    assert {row[0] for row in worded} == set(kit.scene_ids(film)[:2])
    assert (kit.entries(film)["text"].state, kit.entries(film)["text"].row_count) == (StageState.DONE, 2)


def test_an_asset_without_a_word_is_empty_and_loses_what_it_had(kit: Kit) -> None:
    film, sound = kit.add("film.mp4", scenes(2)), kit.add("sound.m4a", [])
    speak(kit, film, SAILING)
    run(kit, film, sound)
    assert kit.entries(sound)["text"].state == StageState.EMPTY
    speak(kit, film, [(1.0, 2.0, "…")])
    run(kit, film)
    assert (kit.entries(film)["text"].state, kit.entries(film)["text"].row_count) == (StageState.EMPTY, 0)
    for table in ("text_vector", "scene_words", "posting"):
        assert kit.sql(f"SELECT count(*) FROM heimdex.{table}") == [(0,)]


def test_texts_in_any_script_get_vectors(kit: Kit) -> None:
    film = kit.add("film.mp4", scenes(4))
    said = ["これは長い文です。" * 30, "ﷺ 🎉 \u200f…x", "привет " * 100, "a" * 3000]
    speak(kit, film, [(4.0 * number, 4.0 * number + 3, text) for number, text in enumerate(said)])
    run(kit, film)
    assert kit.entries(film)["text"].state == StageState.DONE
    rows = texts(kit, film)
    assert sum(channel == "transcript" for _, channel, _, _ in rows) == 4
    assert max(len(text) for _, channel, text, _ in rows if channel == "summary") <= 200


def test_one_text_that_breaks_the_model_does_not_keep_the_others_from_theirs(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = kit.add("film.mp4", scenes(2))
    speak(kit, film, [(0.0, 1.0, "A poison for models."), (5.0, 6.0, "A quiet evening.")])
    whole = TextEncoding._encode

    def encode(self: TextEncoding, pieces: Sequence[str]) -> Any:
        if any("poison" in piece for piece in pieces):
            raise WorkerCrashed("the worker died (SIGSEGV)")
        return whole(self, pieces)

    monkeypatch.setattr(TextEncoding, "_encode", encode)
    run(kit, film)
    entry = kit.entries(film)["text"]
    assert entry.state == StageState.FAILED
    assert entry.error == "2 of 4 texts have no vector: the worker died (SIGSEGV)"
    rows = kit.sql(
        "SELECT channel, embedding IS NULL, metadata ->> 'error' FROM heimdex.text_vector ORDER BY 2, 1"
    )
    assert [row[:2] for row in rows] == [
        ("summary", False),
        ("transcript", False),
        ("summary", True),
        ("transcript", True),
    ]
    assert rows[2][2] == "the worker died (SIGSEGV)"
    assert len(ask(kit, TextChannel.TRANSCRIPT, "evening")) == 1
    monkeypatch.undo()
    run(kit, film)
    assert kit.entries(film)["text"].state == StageState.DONE


def test_rows_and_entry_are_written_together_or_not_at_all(kit: Kit) -> None:
    film = kit.add("film.mp4", scenes(2))
    speak(kit, film, SAILING[:1])
    run(kit, film)
    before = texts(kit, film)
    speak(kit, film, SAILING[2:])
    verb = TextVerb(kit.tools)
    key = RunKey(asset_id=film.asset.asset_id, stage="text", model_id=verb.model_id)
    outcome = verb.work(film, Attempt(key=key, number=1, began_s=0.0), lambda _: None)
    assert texts(kit, film) == before

    def broken(connection: Any) -> None:
        assert outcome.write is not None
        outcome.write(connection)
        raise StoreError("no space left")

    with pytest.raises(StoreError):
        kit.tools.database.run(kit.tools.owner, broken)
    assert texts(kit, film) == before


OTHER = replace(STARTER_SENTENCES, name="other-sentences", precision="fp32")


def test_another_model_makes_the_stage_due_and_the_old_vectors_stay_until_the_words_change(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = kit.add("film.mp4", scenes(3))
    speak(kit, film, SAILING)
    first = run(kit, film)
    old = space_of(kit)
    monkeypatch.setattr(catalog, "ROWS", (*catalog.ROWS, OTHER))
    model = kit.tools.text_model

    def described(_: Any) -> TextModel:
        return replace(model, row=OTHER, space=replace(model.space, model=OTHER.name))

    monkeypatch.setattr(type(kit.tools), "text_model", property(described))
    monkeypatch.setattr(wording, "TextEncoding", lambda tools, _: TextEncoding(tools, model))
    second = run(kit, film)
    assert second.model_id != first.model_id

    def per_space() -> dict[str, int]:
        rows = kit.sql(
            "SELECT m.name, count(*) FROM heimdex.text_vector t JOIN heimdex.space USING (space_id) "
            "JOIN heimdex.model m USING (model_id) GROUP BY 1"
        )
        return dict(rows)

    assert per_space() == {"starter-sentences": 6, "other-sentences": 6}
    counted = kit.tools.database.run(kit.tools.owner, lambda c: text_vectors.count_texts(c, kit.tools.owner))
    assert {(row["model"], row["channel"], row["filled"]) for row in counted} == {
        (name, channel, 3) for name in per_space() for channel in ("transcript", "summary")
    }
    run(kit, film)
    assert kit.entries(film)["text"].attempt == 1  # nothing to do
    speak(kit, film, SAILING[:1])  # as the speech stage does, it drops the entries of all models
    run(kit, film)
    assert per_space() == {"other-sentences": 2}, "the old model's are of other words"
    assert old.space_id != space_of(kit).space_id


def test_without_a_text_model_words_are_found_all_the_same(
    kit: Kit, caplog: pytest.LogCaptureFixture
) -> None:
    lacking = kit.with_(text_model_name="bge-m3")  # in the catalog, and not pulled
    film = kit.add("film.mp4", scenes(1))
    speak(kit, film, SAILING[:1])
    run(lacking, film)
    assert "words alone" in caplog.text
    assert kit.sql("SELECT count(*) > 0 FROM heimdex.posting") == [(True,)]
    assert texts(kit, film) == []
    run(kit, film)  # and its vectors come with the model
    assert len(texts(kit, film)) == 2


def test_another_owner_sees_nothing_of_it(kit: Kit) -> None:
    film = kit.add("film.mp4", scenes(1))
    speak(kit, film, SAILING[:1])
    run(kit, film)
    count = "SELECT count(*) FROM heimdex.text_vector"
    assert kit.sql(count) == [(2,)]
    assert kit.with_(owner=new_id()).sql(count) == [(0,)]


@pytest.fixture
def stub() -> Iterator[VisionStub]:
    with vision_stub() as made:
        yield made


def with_summaries(kit: Kit, stub: VisionStub, **changes: Any) -> Kit:
    options = DescriptionOptions(url=stub.url, model="seer", summary_model="writer", timeout_s=5.0)
    return kit.with_(description=replace(options, **changes), traffic=Traffic())


def summaries(kit: Kit, item: Item) -> list[str]:
    return [text for _, channel, text, _ in texts(kit, item) if channel == "summary"]


def test_a_text_endpoint_sums_up_what_is_said_and_seen(kit: Kit, stub: VisionStub) -> None:
    film = kit.add("film.mp4", scenes(2))
    speak(kit, film, SAILING[:1])
    describe(kit, film, 0, "A woman in a yellow coat.")
    stub.answers = [says("A woman watches a storm.")]
    asking = with_summaries(kit, stub)
    run(asking, film)
    assert stub.asked[0]["model"] == "writer"
    assert words_of(stub.asked[0]).endswith(
        "Said: The storm is getting closer.\nSeen: A woman in a yellow coat."
    )
    assert summaries(kit, film) == ["A woman watches a storm."]
    ((method,),) = kit.sql("SELECT metadata ->> 'method' FROM heimdex.text_vector WHERE channel = 'summary'")
    assert method == "endpoint:writer"
    kit.sql("DELETE FROM heimdex.stage_run WHERE stage = 'text'")
    run(with_summaries(kit, stub), film)
    assert len(stub.asked) == 1, "what was paid for is not asked for again"


@pytest.mark.parametrize(
    "answer",
    [answers(401), answers(200, b"<html>"), says(""), says("I'm sorry, I can't assist with that.")],
    ids=["key", "html", "empty", "refusal"],
)
def test_where_asking_fails_the_summary_is_an_extract(kit: Kit, stub: VisionStub, answer: Respond) -> None:
    film = kit.add("film.mp4", scenes(1))
    speak(kit, film, SAILING[:1])
    stub.answers = [answer]
    run(with_summaries(kit, stub), film)
    assert summaries(kit, film) == ["The storm is getting closer."]
    assert kit.entries(film)["text"].state == StageState.DONE


def test_summaries_share_the_budget_of_the_run(kit: Kit, stub: VisionStub) -> None:
    film = kit.add("film.mp4", scenes(3))
    speak(kit, film, SAILING)
    asking = with_summaries(kit, stub, budget_requests=3)
    asking.tools.traffic.book(budget=3, per_minute=0, now_s=0.0)
    asking.tools.traffic.book(budget=3, per_minute=0, now_s=0.0)
    stub.answers = [says("A storm comes.")]
    run(asking, film)
    assert len(stub.asked) == 1
    assert summaries(kit, film)[0] == "A storm comes."
    assert kit.entries(film)["text"].state == StageState.DONE


def test_the_length_of_a_scene_is_what_the_kit_says(kit: Kit) -> None:
    assert SCENE_US == 4_000_000  # the times above rest on it
