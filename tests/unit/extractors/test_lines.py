"""When two readings are one line, and for how long it stands."""

from __future__ import annotations

import pytest

from heimdex.entities import TextLine
from heimdex.extractors.lines import Look, merged, same_words
from heimdex.extractors.writing import ReadLine

WIDTH, HEIGHT = 1280, 720
SECOND = 1_000_000


def line(text: str, x: float = 100, y: float = 600, confidence: float = 0.9) -> ReadLine:
    right, bottom = x + 16 * len(text), y + 30
    return ReadLine(text=text, quad=((x, y), (right, y), (right, bottom), (x, bottom)), confidence=confidence)


def look(number: int, *lines: ReadLine, scene: str | None = None) -> Look:
    """The picture in the middle of a second; each second is a scene of its own unless one is named."""
    return Look(
        scene_id=scene or f"scene {number}",
        at_us=number * SECOND + SECOND // 2,
        start_us=number * SECOND,
        end_us=(number + 1) * SECOND,
        width=WIDTH,
        height=HEIGHT,
        lines=lines,
    )


def spans(found: list[TextLine]) -> list[tuple[str, float, float]]:
    return [(one.text, one.start_us / SECOND, one.end_us / SECOND) for one in found]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("KA 12 B 45", "KAI2845"),
        ("Open Now", "OPEN NOW"),
        ("What your country can do", "What yonr countny can do"),
        ("www.example.org", "wwwexample.org"),
        ("东京都港区芝公園", "东京部港区芝公園"),
    ],
)
def test_what_readers_mix_up_is_one_line(one: str, other: str) -> None:
    assert same_words(one, other)
    assert same_words(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("00:01:23", "00:01:24"),
        ("Frame 1099 of 3000", "Frame 1100 of 3000"),
        ("HOME 2 - 1 AWAY", "HOME 3 - 1 AWAY"),
        ("EXIT", "EDIT"),
        ("the first line", "another sentence"),
        (
            "markets fall as the storm comes nearer to the",
            "rkets fall as the storm comes nearer to the coast",
        ),
    ],
)
def test_counters_tickers_and_other_words_are_not(one: str, other: str) -> None:
    assert not same_words(one, other)
    assert not same_words(other, one)


def test_a_line_over_neighbouring_scenes_is_stored_once_with_its_span() -> None:
    found = merged([look(0), look(1, line("Jane Doe")), look(2, line("Jane Doe")), look(3)])
    assert spans(found) == [("Jane Doe", 1, 3)]


def test_a_logo_over_a_whole_film_is_one_line_beside_subtitles_that_change() -> None:
    logo = line("CHANNEL 4", x=1000, y=40)
    said = [
        "Where were you?",
        "At the lake.",
        "All night long?",
        "Nobody saw you there.",
        "Ask the ferryman.",
    ]
    found = merged(look(number, logo, line(words)) for number, words in enumerate(said))
    assert spans(found)[0] == ("CHANNEL 4", 0, 5)
    assert [one.text for one in found[1:]] == said


def test_the_reading_most_pictures_agree_on_is_kept_with_its_best_moment() -> None:
    readings = [("Speed limlt", 0.97), ("Speed limit", 0.90), ("Speed limit", 0.93), ("Spced limit", 0.7)]
    (found,) = merged(
        look(number, line(text, confidence=sure)) for number, (text, sure) in enumerate(readings)
    )
    assert (found.text, found.confidence, found.at_us) == ("Speed limit", 0.93, 2_500_000)
    assert found.scene_id == "scene 2"
    assert (found.start_us, found.end_us) == (0, 4_000_000)


def test_a_line_missed_in_one_picture_of_a_scene_stands_on() -> None:
    found = merged(
        [look(0, line("EXIT"), scene="a"), look(1, scene="a"), look(2, line("EXIT"), scene="b"), look(3)]
    )
    assert spans(found) == [("EXIT", 0, 3)]


def test_a_line_that_a_whole_scene_is_without_comes_again_as_another() -> None:
    found = merged([look(0, line("EXIT")), look(1), look(2, line("EXIT"))])
    assert spans(found) == [("EXIT", 0, 1), ("EXIT", 2, 3)]


def test_credits_that_roll_are_one_line_each() -> None:
    found = merged(look(number, line("Directed by Nobody", y=600 - 150 * number)) for number in range(3))
    assert spans(found) == [("Directed by Nobody", 0, 3)]


def test_two_signs_with_the_same_word_stay_two() -> None:
    found = merged(look(number, line("EXIT", x=50), line("EXIT", x=900)) for number in range(2))
    assert sorted(round(one.box[0] * WIDTH) for one in found) == [50, 900]
    assert {(one.start_us, one.end_us) for one in found} == {(0, 2_000_000)}


def test_a_short_word_elsewhere_is_another_sign() -> None:
    found = merged([look(0, line("EXIT", x=50)), look(1, line("EXIT", x=900))])
    assert len(found) == 2


def test_a_line_of_a_photo_has_no_length_and_its_box_is_shares_of_the_picture() -> None:
    still = Look(
        scene_id="s", at_us=0, start_us=0, end_us=0, width=WIDTH, height=HEIGHT, lines=(line("Café"),)
    )
    (found,) = merged([still])
    assert (found.start_us, found.at_us, found.end_us, found.script) == (0, 0, 0, "Latn")
    assert found.box == pytest.approx((100 / WIDTH, 600 / HEIGHT, 64 / WIDTH, 30 / HEIGHT))


def test_a_box_beyond_the_picture_is_cut_to_it() -> None:
    (found,) = merged([look(0, line("a very long line at the right edge", x=1200, y=715))])
    x, y, width, height = found.box
    assert x + width <= 1.0
    assert y + height <= 1.0
