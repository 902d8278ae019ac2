"""The two sides of a search: at once where there are connections for it, and always with one answer."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from heimdex.entities import Query
from heimdex.errors import ModelError, NotFound
from heimdex.search.searcher import Searcher, SearchOptions
from heimdex.search.sides import Beside
from heimdex.search.sight import OneModel
from heimdex.store import nearest, vectors
from heimdex.store.database import Database
from heimdex.store.vectors import StoredModel
from tests.conformance.fakes import COLOURS, FakeEncoder
from tests.library import add_asset


@pytest.fixture
def model(database: Database, owner: str) -> StoredModel:
    spaces = FakeEncoder().picture_spaces
    return database.run(owner, lambda c: vectors.register_model(c, spaces, "fp32", "0" * 64))


@pytest.fixture
def _library(database: Database, owner: str, model: StoredModel) -> None:
    for number, colour in enumerate(list(COLOURS)[:4]):
        (shown,) = FakeEncoder().encode_words([colour])
        add_asset(database, owner, model, f"/films/{colour}-{number}.mp4", [shown.values[None]])


class Speechless(FakeEncoder):
    """Fails on every word."""

    def embed_words(self, texts: object) -> object:  # type: ignore[override]
        raise ModelError("the words graph is broken; run `heimdex models verify`")


def searcher(
    database: Database, owner: str, home: Path, model: StoredModel, kind: type = FakeEncoder
) -> Searcher:
    options = SearchOptions(exact_rows=nearest.EXACT_ROWS, max_pixels=10**8)
    return Searcher(database, owner, home, OneModel(kind, lambda _: model), options)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "search by vectors"]


def test_a_second_connection_is_lent_only_where_one_is_free(
    database_url: str, tmp_path: Path, owner: str
) -> None:
    with Database.open(home=tmp_path, url=database_url, pool_size=2) as two:
        with two.transaction(owner) as first, two.beside(owner) as second:
            assert second is not None
            assert second is not first
            with two.beside(owner) as third:
                assert third is None
        with two.beside(owner) as again:
            assert again is not None, "both were given back"
            assert again.execute("SELECT current_setting('transaction_read_only')").fetchone() == ("on",)


@pytest.mark.usefixtures("_library")
def test_one_connection_gives_the_answer_that_two_give(
    database: Database, database_url: str, tmp_path: Path, owner: str, model: StoredModel
) -> None:
    query = Query(text="red", limit=20)
    by_two = searcher(database, owner, tmp_path, model).search(query)
    assert {item.signal for hit in by_two.hits for item in hit.evidence} == {"picture", "path"}
    with Database.open(home=tmp_path, url=database_url, pool_size=1) as one:
        by_one = searcher(one, owner, tmp_path, model).search(query)
    assert by_one.hits == by_two.hits
    assert by_one.verdict == by_two.verdict


@pytest.mark.usefixtures("_library")
def test_what_fails_on_either_side_is_told_and_leaves_nothing_behind(
    database: Database, tmp_path: Path, owner: str, model: StoredModel
) -> None:
    with pytest.raises(ModelError, match="the words graph is broken"):
        searcher(database, owner, tmp_path, model, Speechless).search(Query(text="red"))
    with pytest.raises(NotFound):
        searcher(database, owner, tmp_path, model).search(Query(text="red", similar=owner))
    assert threads() == []
    for _ in range(6):  # more than there are connections: none was kept
        assert searcher(database, owner, tmp_path, model).search(Query(text="red")).hits


def test_a_side_that_is_asked_nothing_ends() -> None:
    class Waiting:
        def propose(self, _: int) -> list[str]:
            return []

        def score(self, _: object) -> list[object]:
            return []

    with Beside(Waiting, 10) as beside:  # type: ignore[arg-type]
        assert beside.propose() == []
        assert threads(), "it waits for candidates"
    assert threads() == []
