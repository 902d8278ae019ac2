from __future__ import annotations

import pytest

from heimdex.store.assets import path_words


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/a/Clip01.MP4", ["a", "clip01", "clip", "01", "mp4", "mp", "4"]),
        ("/Ferien/Straße.jpg", ["ferien", "strasse", "jpg"]),
        ("/IMG_2024-05-01.jpg", ["img", "2024", "05", "01", "jpg"]),
        ("/ｆｕｌｌ/ﬁne", ["full", "fine"]),
        ("/猫/동영상.mov", ["猫", "동영상", "mov"]),
        ("/___/---", []),
    ],
)
def test_a_path_is_found_by_its_words_and_their_parts(path: str, words: list[str]) -> None:
    assert path_words(path) == words


def test_a_word_too_long_for_an_index_is_left_out() -> None:
    assert path_words("/" + "x" * 5000 + "/cat") == ["cat"]
