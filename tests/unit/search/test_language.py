from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heimdex.entities import Filters, Kind, Moves
from heimdex.errors import QueryError
from heimdex.search.language import Field, Like, Term, like, parse

NOW = datetime(2026, 3, 31, 15, 0)


def word(text: str, **how: object) -> Term:
    return Term(text=text, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("line", "terms"),
    [
        ("a red car at night", [word(text) for text in "a red car at night".split()]),
        ('"ask not" country', [word("ask not", quoted=True), word("country")]),
        ("dog -cat", [word("dog"), word("cat", excluded=True)]),
        ('dog -"big cat"', [word("dog"), word("big cat", quoted=True, excluded=True)]),
        ("says:hello", [word("hello", field=Field.SAYS)]),
        ('SAYS:"ask not"', [word("ask not", field=Field.SAYS, quoted=True)]),
        ("says：東京", [word("東京", field=Field.SAYS)]),
        ("-says:hello", [word("hello", field=Field.SAYS, excluded=True)]),
        ('shows:"B MW 12"', [word("B MW 12", field=Field.SHOWS, quoted=True)]),
        ("person:anna", [word("anna", field=Field.PERSON)]),
        ("beach:0.5 sun", [word("beach", weight=0.5), word("sun")]),
        ("beach:+2 crowd:-.5", [word("beach", weight=2.0), word("crowd", weight=-0.5)]),
        ('"red car":-0.25', [word("red car", quoted=True, weight=-0.25)]),
        ("says:hello:0.5", [word("hello", field=Field.SAYS, weight=0.5)]),
        (
            "“one two” „drei vier“ «cinq six»",
            [word(t, quoted=True) for t in ("one two", "drei vier", "cinq six")],
        ),
        ("「東京 タワー」", [word("東京 タワー", quoted=True)]),
        ("東京　タワー", [word("東京"), word("タワー")]),
    ],
)
def test_each_form_means_what_it_says(line: str, terms: list[Term]) -> None:
    assert list(parse(line).terms) == terms


@pytest.mark.parametrize(
    "line",
    [
        "train at 10:30",
        "16:9 picture",
        "episode:2",
        "price:99.50",
        "https://example.org/a?b=c:d",
        "C:\\Users\\anna\\film.mp4",
        "localhost:8080",
        "he says: hello",
        "this in: that",
        ": :: a : b",
        "don't rock'n'roll ’tis",
        'a 5" pipe and a 7" one',
        "-5 degrees",
        "- milk --help well-known",
        "kinds:video",
        "party 🎉 ❤️ :-) ;:",
        "50% #tag @name a/b $5 |",
        "says",
    ],
)
def test_ordinary_text_passes_unharmed(line: str) -> None:
    parsed = parse(line)
    assert parsed.text == " ".join(line.split())
    assert parsed.filters == Filters()
    assert all(term == word(term.text) for term in parsed.terms)


@pytest.mark.parametrize("line", ['he said "hello you', "“hello you", 'hello "', "「hello"])
def test_a_quotation_mark_without_a_partner_is_passed_over(line: str) -> None:
    parsed = parse(line)
    assert not parsed.phrases
    assert parsed.text == " ".join(line.replace('"', "").replace("“", "").replace("「", "").split())


@pytest.mark.parametrize(
    ("line", "filters"),
    [
        ("kind:video", Filters(kind=Kind.VIDEO)),
        ("Kind:Photo", Filters(kind=Kind.PHOTO)),
        ("in:/media/2020", Filters(within="/media/2020")),
        ('in:"/my films/a"', Filters(within="/my films/a")),
        ("in:C:\\films", Filters(within="C:\\films")),
        ("longer:10s", Filters(longer_us=10_000_000)),
        ("longer:1.5m", Filters(longer_us=90_000_000)),
        ("longer:3", Filters(longer_us=3_000_000)),
        ("lang:EN", Filters(language="en")),
        ("motion:still", Filters(motion=Moves.STILL)),
        ("before:2024-05", Filters(until=datetime(2024, 5, 1).astimezone())),
        ("after:2023", Filters(since=datetime(2024, 1, 1).astimezone())),
        ("since:2023", Filters(since=datetime(2023, 1, 1).astimezone())),
        ("until:2023-12", Filters(until=datetime(2024, 1, 1).astimezone())),
        ("since:yesterday", Filters(since=datetime(2026, 3, 30).astimezone())),
        ("since:1mo", Filters(since=datetime(2026, 2, 28).astimezone())),
        ("since:2w", Filters(since=datetime(2026, 3, 17).astimezone())),
        ("before:2y", Filters(until=datetime(2024, 3, 31).astimezone())),
    ],
)
def test_filters_are_read_and_are_no_words(line: str, filters: Filters) -> None:
    parsed = parse(f"dog {line} cat", now=NOW)
    assert parsed.filters == filters
    assert parsed.text == "dog cat"


@pytest.mark.parametrize(
    ("line", "spot"),
    [
        ("dog kind:cat", "kind:cat"),
        ("dog after:party", "after:party"),
        ("longer:soon dog", "longer:soon"),
        ("lang:german", "lang:german"),
        ("dog motion:blur cat", "motion:blur"),
        ("-kind:video", "-kind:video"),
        ("kind:video dog kind:photo", "kind:photo"),
        ("since:2020 after:2021", "after:2021"),
        ('says:"ask not', '"'),
        ('dog -"cat', '"'),
        ('says:""', 'says:""'),
        ("東京 motion:速い", "motion:速い"),
    ],
)
def test_an_error_points_at_the_spot(line: str, spot: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(line)
    _, shown, carets = str(caught.value).split("\n")
    assert shown.strip() == line
    wide = {char: 2 if char in "東京速い" else 1 for char in line}
    columns = sum(wide[char] for char in line[: line.rindex(spot)])
    assert len(carets) - len(carets.lstrip()) == 2 + columns
    assert carets.count("^") == sum(wide[char] for char in spot)


def test_a_spot_far_into_a_long_query_is_still_shown() -> None:
    with pytest.raises(QueryError) as caught:
        parse("word " * 200 + "kind:cat " + "word " * 200)
    _, shown, carets = str(caught.value).split("\n")
    assert len(shown) < 90
    assert shown[carets.index("^") : carets.rindex("^") + 1] == "kind:cat"


def test_the_folder_is_made_a_path_by_whoever_knows_where_we_are() -> None:
    assert parse("in:films", folder=lambda value: f"/home/anna/{value}").filters.within == "/home/anna/films"


PIECES = st.sampled_from(
    ["says:", "shows:", "-", '"', "“", "”", "「", "」", ":", ":0.5", ":-1", " ", "　", "a", "dog", "東",
     "kind:video", "in:", "since:2020", "longer:2m", "\\", "'", "5", "🎉", "\t", "lang:en", ":+.25", "«", "»"]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=14).map("".join)))
def test_a_query_is_read_or_refused_and_its_printed_form_says_the_same(line: str) -> None:
    try:
        parsed = parse(line, now=NOW)
    except QueryError:
        return
    assert parse(str(parsed), now=NOW) == parsed


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=8), min_size=1))
def test_plain_words_come_back_as_they_are(given_words: list[str]) -> None:
    assert parse(" ".join(given_words)).text == " ".join(given_words)


def test_weighted_words_reach_the_encoder_apart() -> None:
    parsed = parse('red beach:0.5 car crowd:-1 -cat "at night" kind:video')
    assert parsed.weighted_texts() == (("red car at night", 1.0), ("beach", 0.5), ("crowd", -1.0))
    assert [term.text for term in parsed.against] == ["crowd"]
    assert [term.text for term in parsed.excluded] == ["cat"]


def test_options_add_terms_of_the_same_kind() -> None:
    parsed = parse("dog").with_terms(says=["ask not"], without=["a crowd"], likes=[like("abc:-0.5")])
    assert parsed.terms[1:] == parse('says:"ask not" "a crowd":-1').terms
    assert parsed.likes == (Like(scene_id="abc", weight=-0.5),)


@pytest.mark.parametrize("text", ["", ":1", "abc:heavy", "abc:nan", "abc:99"])
def test_a_like_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(QueryError):
        like(text)


def test_options_narrow_further_and_must_not_disagree() -> None:
    early, late = NOW.astimezone(), (NOW + timedelta(days=9)).astimezone()
    parsed = (
        parse("dog kind:video longer:5s")
        .narrowed(Filters(since=early, longer_us=1))
        .narrowed(Filters(since=late))
    )
    assert parsed.filters == Filters(kind=Kind.VIDEO, longer_us=5_000_000, since=late)
    with pytest.raises(QueryError, match="kind"):
        parsed.narrowed(Filters(kind=Kind.PHOTO))
