"""What is left of a subtitle is what somebody says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heimdex.media.subtitle_text import plain, spoken

CASES = {
    "HTML": ('<i>Hello</i> <font color="red">you</font>', "Hello you"),
    "entities": ("Tom &amp; Jerry&nbsp;&lt;3 &#8211; &quot;friends&quot;", 'Tom & Jerry <3 – "friends"'),
    "signs that are no tags": ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
    "voices and classes of WebVTT": ("<v Roger Bingham>We <c.yellow.bg_blue>are</c> in</v>", "We are in"),
    "times of words in WebVTT": ("one<00:00:01.500><c> two</c><00:02.000> three", "one two three"),
    "ASS overrides": (r"{\an8}{\fad(200,200)\c&H00FFFF&}Up{\i1} here", "Up here"),
    "karaoke": (r"{\k20}Hel{\k30}lo{\kf15} you", "Hello you"),
    "drawings": (r"{\p1}m 0 0 l 100 0 100 100{\p0}Look", "Look"),
    "nothing but a drawing": (r"{\an7\pos(0,0)\p1}m 0 0 l 100 0 b 1 2 3 4 5 6", ""),
    "hard spaces and line ends of ASS": (r"one\htwo\Nthree\nfour", "one two\nthree\nfour"),
    "marks of direction": ("\u202bשלום\u202c\u200f ab\u00adc", "שלום abc"),
    "a sound in brackets": ("[door slams]", ""),
    "a sound beside words": ("Wait. [phone rings] Hello?", "Wait. Hello?"),
    "a sound over two lines": ("[wind howling\nin the distance]\nRun!", "Run!"),
    "brackets of East Asia": ("【音楽】はい。（笑）", "はい。（笑）"),
    "a laugh at the beginning": ("(laughs) I know.", "I know."),
    "a laugh after a dash": ("- (laughs) I know.\n- (sighs)", "- I know."),
    "wide round brackets": ("（太郎）待って！", "待って！"),
    "an aside within a sentence": (
        "My brother (the tall one) said so.",
        "My brother (the tall one) said so.",
    ),
    "sung words": ("♪ I will always love you ♪", "I will always love you"),
    "music alone": ("♪♪♪", ""),
    "sung words, British style": ("# Happy birthday to you #", "Happy birthday to you"),
    "a number sign": ("We're #1 today", "We're #1 today"),
    "a speaker's name": ("JOHN: Where are you?", "Where are you?"),
    "speakers' names after dashes": ("- MR. SMITH: Yes.\n- ANNA-LENA: No.", "- Yes.\n- No."),
    "all in capitals": ("NOTE: BRING MILK", "NOTE: BRING MILK"),
    "a time": ("At 10:30 we go", "At 10:30 we go"),
    "dashes that tell speakers apart": ("- Yes.\n- No.", "- Yes.\n- No."),
    "points alone": ("...", ""),
    "spaces": ("  a \t b \r\n\r\n  c ", "a b\nc"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize("name", list(CASES))
def test_words_are_kept_and_everything_else_goes(name: str) -> None:
    raw, expected = CASES[name]
    assert spoken(raw) == expected


@given(raw=st.text(max_size=400))
def test_any_text_gives_tidy_lines(raw: str) -> None:
    for line in spoken(raw).split("\n"):
        assert line == " ".join(line.split())


@given(raw=st.text("{}\\p10<>[]()♪#:-N aB&;", max_size=600))
def test_any_markup_gives_tidy_lines(raw: str) -> None:
    assert "{\\" not in spoken(raw) or "}" not in spoken(raw).partition("{\\")[2]


def test_a_subtitle_of_a_million_letters_is_cut_short() -> None:
    assert len(plain("word " * 200_000)) <= 2_000


@pytest.mark.parametrize("sign", ["[", "(", "{", "<", "♪", "JOHN: ", "- (", "（"])
def test_signs_that_are_never_closed_take_no_time(sign: str) -> None:
    assert len(spoken(sign * 50_000)) <= 8_000
