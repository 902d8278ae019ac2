"""What is said, written and described is found by its words, with where and when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from heimdex.entities import Evidence, Filters, Kind, Moves
from heimdex.search.language import parse
from heimdex.search.lexical import Lexical
from heimdex.search.lexical_figures import LexicalFigures
from heimdex.search.spoken import CaptionSignal, SpeechSignal
from heimdex.search.telling import tell_page
from heimdex.search.written import WritingSignal
from heimdex.store import assets
from heimdex.store.database import Database
from tests.library import MadeAsset, photo
from tests.worded import BOX, SECOND, Worded, add_worded, scope_of

SIGNALS: dict[str, Callable[[Lexical], Any]] = {
    "speech": SpeechSignal,
    "writing": WritingSignal,
    "caption": CaptionSignal,
}
JFK = "Ask not what your country can do for you, ask what you can do for your country."
SCENES = (
    Worded(said=("And so, my fellow Americans,", JFK)),
    Worded(said=("The dogs were running along the beach.",), described="Two dogs run on wet sand."),
    Worded(said=("It's a well-known e-mail address.",), written=("EXIT 24B", "B-MW 1O23")),
    Worded(said=("東京タワーへ行きました。",), written=("東京タワー入口",), language="ja"),
    Worded(said=("Die Häuser am Straßenrand sind schön.",), written=("서울역 3번 출구",), language="de"),
    Worded(said=("Who are you?",), written=("AK", "serial 8X5-TTQ-0017"), described="A crate."),
)


@pytest.fixture
def film(database: Database, owner: str) -> MadeAsset:
    add_worded(
        database, owner, "/other.mp4", [Worded(said=("Nothing of the kind is said here at all.",))] * 3
    )
    return add_worded(database, owner, "/film.mp4", SCENES)


def ask(
    database: Database, owner: str, signal: str, line: str, filters: Filters | None = None
) -> dict[str, Evidence]:
    """Evidence by scene, the best first, of the scenes that the signal itself proposes."""

    def work(connection: Any) -> dict[str, Evidence]:
        scope = scope_of(connection, owner, filters)
        made = SIGNALS[signal](Lexical(parse(line), LexicalFigures(owner)))
        proposed = made.propose(scope, 100)
        scored = made.tell(scope, made.score(scope, proposed))
        return {scene_id: scored[scene_id] for scene_id in proposed}

    return database.run(owner, work, read_only=True)


@pytest.mark.parametrize(
    ("signal", "line", "scene"),
    [
        ("speech", "country", 0),
        ("speech", '"ask not what your country can do"', 0),
        ("speech", 'says:"my fellow americans ask not"', 0),  # over two sentences
        ("speech", "says:AMERICANS", 0),
        ("speech", "a dog on the beach", 1),
        ("speech", "runs", 1),
        ("speech", "email", 2),
        ("speech", "e-mail", 2),
        ("speech", "wellknown", 2),
        ("speech", "its address", 2),
        ("speech", "東京", 3),
        ("speech", "タワー", 3),
        ("speech", "たわー", 3),
        ("speech", "塔 東京", 3),
        ("speech", "haus strassenrand", 4),
        ("speech", "who are you", 5),
        ("speech", '"who are"', 5),
        ("caption", "dogs running", 1),
        ("caption", '"wet sand"', 1),
        ("writing", "exit", 2),
        ("writing", "shows:BMW", 2),
        ("writing", "shows:1023", 2),  # written with an O
        ("writing", "shows:BMW1023", 2),
        ("writing", "shows:w10", 2),
        ("writing", "shows:24", 2),
        ("writing", "shows:東京", 3),
        ("writing", "入口", 3),
        ("writing", "shows:서울", 4),
        ("writing", "shows:출구", 4),
        ("writing", "shows:AK", 5),
        ("writing", "shows:8x5ttq0017", 5),
        ("writing", "shows:TTQ-00l7", 5),
        ("writing", "shows:TTX0017", 5),  # one character misread
        ("writing", '"exit 24b"', 2),
    ],
)
def test_words_find_the_scene_that_holds_them(
    database: Database, owner: str, film: MadeAsset, signal: str, line: str, scene: int
) -> None:
    found = ask(database, owner, signal, line)
    assert next(iter(found), None) == film.scene_ids[scene]
    assert all(0 < evidence.raw <= 1 and evidence.signal == signal for evidence in found.values())


@pytest.mark.parametrize(
    ("signal", "line"),
    [
        ("speech", "giraffe"),
        ("speech", 'says:"beach the along dogs"'),
        ("speech", "shows:exit"),
        ("speech", "the"),
        ("speech", "-country"),
        ("speech", "☃ !!!"),
        ("caption", "says:dogs"),
        ("writing", "says:exit"),
        ("writing", "shows:ZZ"),
        ("writing", "shows:91"),
        ("writing", "xi"),
    ],
)
def test_what_is_not_there_is_not_found(
    database: Database, owner: str, film: MadeAsset, signal: str, line: str
) -> None:
    assert ask(database, owner, signal, line) == {}


def test_speech_says_the_sentence_and_when_the_words_fall(
    database: Database, owner: str, film: MadeAsset
) -> None:
    evidence = ask(database, owner, "speech", '"what you can do"')[film.scene_ids[0]]
    assert (evidence.raw, evidence.text, evidence.approximate) == (1.0, JFK, False)
    assert evidence.at_us == 1000 + 10 * 1000  # the second sentence, its eleventh word
    later = ask(database, owner, "speech", "beach")[film.scene_ids[1]]
    assert later.at_us == SECOND + 6 * 1000


def test_a_quotation_that_is_nearly_right_is_found_and_says_so(
    database: Database, owner: str, film: MadeAsset
) -> None:
    found = ask(database, owner, "speech", 'says:"ask not what the country should do for you"')
    evidence = found[film.scene_ids[0]]
    assert evidence.approximate
    assert evidence.raw < 0.8
    assert evidence.text == f"nearly: {JFK}"


def test_writing_says_the_line_as_it_was_read_and_where(
    database: Database, owner: str, film: MadeAsset
) -> None:
    evidence = ask(database, owner, "writing", "shows:bmw1023")[film.scene_ids[2]]
    assert evidence.text == "B-MW 1O23"
    assert evidence.box == pytest.approx(BOX)
    assert evidence.at_us == 2 * SECOND + 500_000


def test_the_raw_string_comes_before_its_look_alikes(database: Database, owner: str) -> None:
    plates = ["KO 105", "K0 1O5", "KQ IOS", "XKO 105X"]
    film = add_worded(database, owner, "/plates.mp4", [Worded(written=(plate,)) for plate in plates])
    found = ask(database, owner, "writing", 'shows:"KO 105"')
    assert next(iter(found)) == film.scene_ids[0]
    assert [found[scene_id].raw for scene_id in film.scene_ids[:3]] == [1.0, 0.95, 0.95]
    assert found[film.scene_ids[3]].raw < 0.95


def test_exact_words_come_before_other_forms_and_near_before_far(database: Database, owner: str) -> None:
    said = [
        "We saw a red car today.",
        "We saw red cars today.",
        "The car is old but the door of it is painted in red.",
        "We saw a car.",
    ]
    film = add_worded(database, owner, "/cars.mp4", [Worded(said=(text,)) for text in said])
    found = ask(database, owner, "speech", "red car")
    assert list(found) == list(film.scene_ids)
    assert found[film.scene_ids[0]].raw == 1.0


@pytest.mark.parametrize(
    ("line", "rejected"),
    [
        ("dog", set()),
        ("-country", {0}),
        ("-dog", {1}),  # dogs
        ('-"red car"', set()),
        ("-exit", {2}),
        ("-says:exit", set()),
        ("-24B", set()),  # a dash before a figure takes nothing away
        ('"my fellow americans"', {1, 2, 3, 4, 5}),
        ('"exit 24b"', {0, 1, 3, 4, 5}),
        ("says:dogs", {0, 2, 3, 4, 5}),
        ("shows:東京", {0, 1, 2, 4, 5}),
        ("person:anna", set()),
        ('"country":-1', set()),
        ('"film"', set()),  # the path
        ('"film mp4"', set()),
        ('"mp4 film"', {0, 1, 2, 3, 4, 5}),
        ('"my film"', {0, 1, 2, 3, 4, 5}),
        ('"film" "country"', {1, 2, 3, 4, 5}),
        ("says:film", {0, 1, 2, 3, 4, 5}),
        ("-film", set()),
    ],
)
def test_scenes_are_rejected_for_what_they_hold_or_lack(
    database: Database, owner: str, film: MadeAsset, line: str, rejected: set[int]
) -> None:
    def work(connection: Any) -> set[str]:
        lexical = Lexical(parse(line), LexicalFigures(owner))
        return lexical.rejected(scope_of(connection, owner), film.scene_ids)

    found = database.run(owner, work, read_only=True)
    assert found == {film.scene_ids[number] for number in rejected}


def test_what_weighs_against_a_scene_lowers_it(database: Database, owner: str, film: MadeAsset) -> None:
    plain = ask(database, owner, "speech", "dogs running")[film.scene_ids[1]]
    assert film.scene_ids[1] not in ask(database, owner, "speech", "dogs running beach:-5")
    lowered = ask(database, owner, "speech", "dogs running beach:-0.1")[film.scene_ids[1]]
    assert 0 < lowered.raw < plain.raw


def test_filters_narrow_what_is_proposed(database: Database, owner: str, film: MadeAsset) -> None:
    portrait = add_worded(
        database, owner, "/a/photo.jpg", [Worded(described="Two dogs run on wet sand.")], facts=photo()
    )
    both = {portrait.scene_ids[0], film.scene_ids[1]}
    for filters, wanted in (
        (Filters(), both),
        (Filters(kind=Kind.PHOTO), {portrait.scene_ids[0]}),
        (Filters(within="/a"), {portrait.scene_ids[0]}),
        (Filters(longer_us=SECOND), both),
        (Filters(longer_us=SECOND + 1), set()),
        (Filters(motion=Moves.STILL), both),
        (Filters(motion=Moves.FAST), set()),
        (Filters(language="de"), set()),
        (Filters(language="en"), both),
    ):
        assert set(ask(database, owner, "caption", "dogs", filters)) == wanted, filters


def test_a_page_is_told_by_a_new_look_at_its_scenes(database: Database, owner: str, film: MadeAsset) -> None:
    other = Evidence(signal="picture", contribution=0.1, raw=0.1, model="test")

    def work(connection: Any) -> dict[str, tuple[Evidence, ...]]:
        scope, query = scope_of(connection, owner), parse("dogs running")
        scores = SpeechSignal(Lexical(query, LexicalFigures(owner))).score(scope, film.scene_ids)
        assert all(item.text is None for item in scores.values())
        page = {scene_id: (other, item) for scene_id, item in scores.items()}
        return tell_page(scope, Lexical(query, LexicalFigures(owner)), page)

    first, speech = database.run(owner, work, read_only=True)[film.scene_ids[1]]
    assert first == other
    assert speech.text == "The dogs were running along the beach."
    assert speech.at_us == SECOND + 1000


def test_what_is_missing_now_is_not_proposed(database: Database, owner: str, film: MadeAsset) -> None:
    database.run(owner, lambda c: assets.mark_missing(c, owner, [b"/film.mp4"], [film.asset_id]))
    assert ask(database, owner, "speech", "country") == {}


def test_a_removed_asset_takes_its_terms_with_it(database: Database, owner: str, film: MadeAsset) -> None:
    database.run(owner, lambda c: assets.delete_assets(c, owner, [film.asset_id]))
    with database.transaction(owner) as connection:
        for table in ("posting", "scene_words"):
            left = connection.execute(
                f"SELECT count(*) FROM {table} WHERE asset_id = %s", [film.asset_id]
            ).fetchone()
            assert left == (0,)


def test_scenes_that_go_take_the_terms_of_their_asset_with_them(
    database: Database, owner: str, film: MadeAsset
) -> None:
    with database.transaction(owner) as connection:
        before = connection.execute("SELECT count(*) FROM posting").fetchone()
        connection.execute("DELETE FROM scene WHERE asset_id = %s", [film.asset_id])
        after = connection.execute("SELECT count(*) FROM posting").fetchone()
    assert before is not None
    assert after is not None
    assert 0 < after[0] < before[0]


def test_another_owner_sees_no_terms(database: Database, owner: str, film: MadeAsset) -> None:
    stranger = "00000000-0000-7000-8000-000000000001"
    assert ask(database, stranger, "speech", "country") == {}
    with database.transaction(stranger) as connection:
        for table in ("posting", "scene_words", "term_language"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
