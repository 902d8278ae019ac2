"""Adapters over a real database: trained, used, refused, switched off, kept apart."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from heimdex.app import shapes
from heimdex.entities import Answer, Query, Verdict
from heimdex.errors import NotFound, QueryError, StoreError, UsageError
from heimdex.search.adapting.adapter import Adapter
from heimdex.search.adapting.teacher import Teacher
from heimdex.search.adapting.versions import ActiveAdapters
from heimdex.search.assembly import SearchParts
from heimdex.search.labels import Labelled, Moment
from heimdex.search.searcher import Searcher, SearchOptions
from heimdex.search.sight import OneModel
from heimdex.store import adapters, nearest, vectors
from heimdex.store.database import Database
from heimdex.store.vectors import StoredModel
from tests.library import add_asset, calibrate_rows, photo
from tests.marked import DIM, WORDS, WordsEncoder, background, marks, pictures

BOTH = "our dog"


@dataclass(frozen=True, kw_only=True)
class Household:
    """An owner's library with what searches it and what teaches it."""

    parts: SearchParts
    model: StoredModel

    @property
    def searcher(self) -> Searcher:
        return self.parts.searcher(ActiveAdapters(self.parts.owner))

    @property
    def teacher(self) -> Teacher:
        return Teacher(self.parts)


def household(database: Database, owner: str, home: Path, weights: str = "0" * 64) -> Household:
    """The pictures of tests/marked.py, calibrated."""
    spaces = WordsEncoder().picture_spaces
    model = database.run(owner, lambda c: vectors.register_model(c, spaces, "fp32", weights))
    for path, values in pictures().items():
        add_asset(database, owner, model, path, [values], photo())
    stored = model.space("joint")
    texts = background()
    texts = np.delete(texts, WORDS.index("collar"), axis=0)  # few texts are about collars
    calibrate_rows(database, owner, stored, texts)
    return Household(parts=parts_of(database, owner, home, model), model=model)


def parts_of(database: Database, owner: str, home: Path, model: StoredModel) -> SearchParts:
    return SearchParts(
        database=database,
        owner=owner,
        home=home,
        sights=OneModel(WordsEncoder, lambda _: model),
        options=SearchOptions(exact_rows=nearest.EXACT_ROWS, max_pixels=10**8),
        background=lambda _: background(),
    )


@pytest.fixture
def ours(database: Database, owner: str, tmp_path: Path) -> Household:
    return household(database, owner, tmp_path)


def order(answer: Answer) -> list[tuple[str, float]]:
    return [(hit.path, hit.score) for hit in answer.hits]


def ask(home: Household, text: str) -> Answer:
    return home.searcher.search(Query(text=text, nearest=True, limit=20))


def keep(home: Household, *, reason: str | None = None, **factors: float) -> int:
    """A version that was made by hand."""
    content = Adapter(factors=factors).content(DIM)
    owner = home.parts.owner
    figures = {"gain": {"mean": 0.1, "low": 0.01}}
    return home.parts.database.run(
        owner,
        lambda c: adapters.add_adapter(
            c, owner, home.model.model_id, content, figures=figures, reason=reason
        ),
    ).version


def states(home: Household) -> dict[int, str]:
    return {record.version: record.state for record in home.teacher.versions()[0]}


def test_what_marks_taught_is_used_for_queries_that_were_never_marked(ours: Household) -> None:
    asked = [one for one in marks() if one.query != BOTH]
    before = {text: ask(ours, text) for text in (BOTH, "mill", "tiger", "collar")}
    assert before[BOTH].hits[0].path == "/home/others-00.jpg"
    steps: list[str] = []
    taught = ours.teacher.train(asked, steps.append)
    assert (taught.record.version, taught.record.state, taught.record.reason) == (1, "active", None)
    assert taught.record.figures["gain"]["low"] > 0
    assert taught.missing == ()
    assert len(steps) > 2
    found = ask(ours, BOTH)
    assert (found.adapter, found.hits[0].path) == (1, "/home/ours-00.jpg")
    assert shapes.answer(found)["adapter"] == 1
    assert "adapter" not in shapes.answer(before[BOTH])
    for hit in found.hits:
        assert hit.score == pytest.approx(sum(item.contribution for item in hit.evidence))
    assert ask(ours, "tiger").verdict == before["tiger"].verdict == Verdict.NONE
    assert ask(ours, "mill").hits[0].path == "/away/mill.jpg"
    assert before[BOTH].adapter is None
    owner = ours.parts.owner
    content = ours.parts.database.run(owner, lambda c: adapters.load_adapter(c, owner, 1))
    assert content.anchors.shape == content.coefficients.shape
    assert content.anchors.shape[1] == DIM
    assert np.linalg.norm(content.anchors, axis=1) == pytest.approx(1.0, abs=1e-3)


def test_off_brings_the_untouched_search_back_and_use_the_adapted_one(ours: Household) -> None:
    plain = order(ask(ours, BOTH))
    keep(ours, picture=0.5)
    adapted = order(ask(ours, BOTH))
    assert adapted != plain
    searcher = ours.searcher
    assert searcher.search(Query(text=BOTH)).adapter == 1
    assert ours.teacher.off() == [1]
    off = searcher.search(Query(text=BOTH, nearest=True, limit=20))
    assert (order(off), off.adapter) == (plain, None), "by the searcher that had it loaded"
    assert ours.teacher.off() == []
    assert ours.teacher.use(1).state == "active"
    assert order(ask(ours, BOTH)) == adapted


def test_factors_change_scores_and_are_told_in_the_evidence(ours: Household) -> None:
    plain = ask(ours, "mill jpg")
    keep(ours, path=2.0, picture=0.5)
    found = {hit.scene_id: hit for hit in ask(ours, "mill jpg").hits}
    for hit in plain.hits:
        own = {item.signal: item for item in found[hit.scene_id].evidence}
        for item in hit.evidence:
            factor = {"path": 2.0, "picture": 0.5}[item.signal]
            assert own[item.signal].contribution == pytest.approx(factor * item.contribution)
            assert (own[item.signal].raw, own[item.signal].strength) == (item.raw, item.strength)
        assert found[hit.scene_id].score == pytest.approx(sum(i.contribution for i in own.values()))
    assert any(item.signal == "path" for hit in plain.hits for item in hit.evidence)


def test_a_page_is_cut_from_the_list_it_began_with_whatever_happens_between(ours: Household) -> None:
    keep(ours, picture=0.5)
    searcher = ours.searcher
    whole = order(searcher.search(Query(text="our cat", nearest=True, limit=20)))
    first = searcher.search(Query(text="our cat", nearest=True, limit=4))
    ours.teacher.off()
    second = searcher.search(Query(text="our cat", nearest=True, limit=4, page=2))
    assert order(first) + order(second) == whole[:8]
    assert (first.adapter, second.adapter) == (1, 1)


def test_a_refused_version_is_kept_with_its_figures_and_never_used(ours: Household) -> None:
    keep(ours, picture=0.9)
    taught = ours.teacher.train(marks(own=False))
    assert (taught.record.version, taught.record.state) == (2, "refused")
    assert taught.record.reason
    assert taught.record.figures["before"] == taught.record.figures["after"]
    assert ask(ours, BOTH).adapter == 1, "the one in use stays"
    with pytest.raises(UsageError, match="Adapter 2 cannot be used: "):
        ours.teacher.use(2)
    assert states(ours) == {1: "active", 2: "refused"}


def test_the_pointer_is_on_one_version_of_a_model_at_most(ours: Household) -> None:
    assert [keep(ours, picture=factor) for factor in (0.9, 0.8, 0.7)] == [1, 2, 3]
    assert states(ours) == {1: "ready", 2: "ready", 3: "active"}
    ours.teacher.use(1)
    assert states(ours) == {1: "active", 2: "ready", 3: "ready"}
    with pytest.raises(NotFound, match="no adapter 9"):
        ours.teacher.use(9)
    everything = "UPDATE heimdex.search_adapter SET state = 'active'"
    with pytest.raises(StoreError, match="search_adapter_active"):
        ours.parts.database.run(ours.parts.owner, lambda c: c.execute(everything))


def test_a_version_for_other_weights_is_told_and_not_used(
    ours: Household, database: Database, owner: str, tmp_path: Path
) -> None:
    keep(ours, picture=0.5)
    spaces = WordsEncoder().picture_spaces
    other = database.run(owner, lambda c: vectors.register_model(c, spaces, "fp32", "1" * 64))
    changed = Household(parts=parts_of(database, owner, tmp_path, other), model=other)
    found = ask(changed, BOTH)
    assert found.adapter is None
    reasons = {item.signal: item.reason for item in found.unavailable}
    assert "adapter 1 was trained for other weights (fake)" in reasons["adapter"]
    assert "adapter" not in {item.signal for item in ask(ours, BOTH).unavailable}
    assert keep(changed, picture=0.6) == 2
    assert (ask(ours, BOTH).adapter, ask(changed, BOTH).adapter) == (1, 2), "each model has its own"
    assert ours.teacher.off() == [1, 2]


def test_two_owners_see_nothing_of_each_other(ours: Household, database: Database, tmp_path: Path) -> None:
    theirs = household(database, str(uuid.uuid4()), tmp_path)
    keep(ours, picture=0.5)
    assert states(theirs) == {}
    assert ask(theirs, BOTH).adapter is None
    with pytest.raises(NotFound):
        theirs.teacher.use(1)
    assert keep(theirs, picture=0.7) == 1, "each counts for itself"
    assert theirs.teacher.off() == [1]
    assert (states(ours), ask(ours, BOTH).adapter) == ({1: "active"}, 1)


def test_of_two_trainings_at_once_both_become_versions_and_one_is_used(ours: Household) -> None:
    start = threading.Barrier(2)
    some = [one for one in marks() if not one.moments or one.query.startswith("our ")]
    made: list[int] = []

    def train() -> None:
        start.wait()
        made.append(ours.teacher.train(some).record.version)

    threads = [threading.Thread(target=train) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [1, 2]
    assert sorted(states(ours).values()) == ["active", "ready"]


def test_versions_that_are_kept_at_the_same_moment_get_numbers_of_their_own(ours: Household) -> None:
    start = threading.Barrier(4)
    made: list[int] = []

    def work() -> None:
        start.wait()
        made.extend(keep(ours, picture=0.9) for _ in range(5))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == list(range(1, 21))
    assert sorted(states(ours).values()) == ["active"] + ["ready"] * 19


def test_moments_that_the_library_does_not_hold_are_named_and_their_queries_left_out(ours: Household) -> None:
    gone = Moment(path="gone/film.mp4", start_us=1_000_000, end_us=2_000_000)
    asked = [*marks(), Labelled(query="something of yore", moments=(gone,))]
    first = asked[0]
    asked[0] = replace(first, moments=(*first.moments, gone))
    ours_only = [one for one in asked if one.moments][:22]  # few are quick
    asked = ours_only + [one for one in asked if one.query == "something of yore"]
    taught = ours.teacher.train(asked)
    assert taught.missing == (gone, gone)
    counted = taught.record.figures["queries"] + taught.record.figures["taught_by"]["queries"]
    assert counted == len(asked) - 1, "it would pass for a query that nothing answers"


def test_a_marked_query_that_cannot_be_asked_is_named(ours: Household) -> None:
    with pytest.raises(QueryError, match="The marked query 'mill kind:painting' cannot be asked"):
        ours.teacher.train([*marks(), Labelled(query="mill kind:painting", moments=())])


def test_without_pictures_or_an_index_training_says_what_to_do(ours: Household) -> None:
    options = replace(ours.parts.options, pictures_off="pictures are switched off")
    with pytest.raises(UsageError, match="pictures are switched off"):
        Teacher(replace(ours.parts, options=options)).train(marks())
    with pytest.raises(UsageError, match="heimdex index"):
        Teacher(replace(ours.parts, sights=OneModel(WordsEncoder, lambda _: None))).train(marks())
