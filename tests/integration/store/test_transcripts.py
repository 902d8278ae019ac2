"""What is said, on record."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from heimdex.entities import StageState, Transcript, Utterance, Word, new_id
from heimdex.store import assets, runs, transcripts
from heimdex.store.database import Database
from heimdex.store.runs import RunKey
from tests.library import MadeAsset, add_asset, make_model, unit

BESIDE = (("film.en.srt", 120, 1_700_000_000_000_000_000), ("film.srt", 80, 5))


def said(*texts: str, model: str = "starter-speech") -> Transcript:
    utterances = tuple(
        Utterance(
            position=number,
            start_us=number * 1_000_000,
            end_us=number * 1_000_000 + 900_000,
            text=text,
            language="en",
            confidence=0.5,
            words=tuple(
                Word(
                    text=word,
                    start_us=number * 1_000_000 + n,
                    end_us=number * 1_000_000 + n + 1,
                    confidence=0.25,
                )
                for n, word in enumerate(text.split())
            ),
        )
        for number, text in enumerate(texts)
    )
    return Transcript(
        source="speech", model=model, language="en", utterances=utterances, note="left out: 1 word"
    )


@pytest.fixture
def film(database: Database, owner: str) -> MadeAsset:
    model = make_model(database, owner)
    rows = unit(np.ones((1, 32)))
    return add_asset(database, owner, model, "/films/film.mp4", [rows])


def test_a_transcript_comes_back_as_it_was_written(database: Database, owner: str, film: MadeAsset) -> None:
    written = said("ask not what", "your country", "can do")

    def work(connection: Any) -> None:
        assert transcripts.transcript_of(connection, owner, film.asset_id) is None
        transcripts.replace_transcript(connection, owner, film.asset_id, written, BESIDE)
        assert transcripts.transcript_of(connection, owner, film.asset_id) == written
        assert transcripts.beside_of(connection, owner, [film.asset_id, new_id()]) == {film.asset_id: BESIDE}
        assert transcripts.all_beside(connection, owner) == {film.asset_id: BESIDE}
        (sentences,) = transcripts.utterances_of(connection, owner, [film.asset_id]).values()
        assert sentences == tuple(dataclasses.replace(one, words=()) for one in written.utterances)

    database.run(owner, work)


def test_a_better_one_replaces_it_and_nothing_is_mixed(
    database: Database, owner: str, film: MadeAsset
) -> None:
    better = said("ask not", model="faster-whisper-base")

    def work(connection: Any) -> None:
        transcripts.replace_transcript(connection, owner, film.asset_id, said("a", "b", "c"), BESIDE)
        transcripts.replace_transcript(connection, owner, film.asset_id, better, ())
        assert transcripts.transcript_of(connection, owner, film.asset_id) == better
        assert transcripts.all_beside(connection, owner) == {}
        assert transcripts.beside_of(connection, owner, [film.asset_id]) == {film.asset_id: ()}
        transcripts.delete_transcript(connection, owner, film.asset_id)
        assert transcripts.transcript_of(connection, owner, film.asset_id) is None
        assert transcripts.utterances_of(connection, owner, [film.asset_id]) == {film.asset_id: ()}

    database.run(owner, work)


def test_that_nothing_is_said_is_on_record_too(database: Database, owner: str, film: MadeAsset) -> None:
    silent = Transcript(source="speech", model="starter-speech", language=None, utterances=())

    def work(connection: Any) -> None:
        transcripts.replace_transcript(connection, owner, film.asset_id, silent, ())
        assert transcripts.transcript_of(connection, owner, film.asset_id) == silent

    database.run(owner, work)


def test_text_that_the_database_cannot_hold_is_put_right(
    database: Database, owner: str, film: MadeAsset
) -> None:
    odd = said("a\0b \ud800c")

    def work(connection: Any) -> None:
        name = (("fi\0lm\udcff.srt", 1, 2),)
        transcripts.replace_transcript(connection, owner, film.asset_id, odd, name)
        found = transcripts.transcript_of(connection, owner, film.asset_id)
        assert found is not None
        assert found.utterances[0].text == "ab \\ud800c"
        assert [word.text for word in found.utterances[0].words] == ["ab", "\\ud800c"]

    database.run(owner, work)


def test_it_goes_with_its_asset_and_is_its_owners_alone(
    database: Database, owner: str, film: MadeAsset
) -> None:
    database.run(
        owner, lambda c: transcripts.replace_transcript(c, owner, film.asset_id, said("mine"), BESIDE)
    )
    other = new_id()
    assert database.run(other, lambda c: transcripts.transcript_of(c, owner, film.asset_id)) is None
    assert database.run(other, lambda c: transcripts.all_beside(c, owner)) == {}
    database.run(owner, lambda c: assets.delete_assets(c, owner, [film.asset_id]))
    assert database.run(owner, lambda c: transcripts.transcript_of(c, owner, film.asset_id)) is None


def test_the_ledger_forgets_the_models_that_were_replaced(
    database: Database, owner: str, film: MadeAsset
) -> None:
    def work(connection: Any) -> None:
        for model_id in (1, 2):
            key = RunKey(asset_id=film.asset_id, stage="speech", model_id=model_id)
            attempt = runs.begin(connection, owner, key, 1)
            runs.finish(connection, owner, key, attempt, (StageState.DONE, 1, None, 1.0))
        transcripts.delete_other_runs(connection, owner, film.asset_id, "speech", 2)
        entries = [(run.stage, run.model_id) for run in runs.runs_of(connection, owner, [film.asset_id])]
        assert ("speech", 2) in entries
        assert ("speech", 1) not in entries
        assert ("scenes", 0) in entries

    database.run(owner, work)
