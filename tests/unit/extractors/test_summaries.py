from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from heimdex.extractors.summaries import LONGEST, centrality, cut, extract, mean_of, most_central


def unit(*rows: list[float]) -> NDArray[np.float32]:
    found = np.array(rows, np.float32)
    units: NDArray[np.float32] = found / np.linalg.norm(found, axis=1, keepdims=True)
    return units


# Three of one kind, one between them and another, one apart.
TOPIC = unit([1, 0, 0], [1, 0.2, 0], [1, -0.2, 0], [0.7, 0.7, 0], [0, 0, 1])
TEXTS = ["the harbour at dawn", "boats in the harbour", "the quiet harbour", "boats and men", "a red kite"]


def test_the_most_central_sentence_is_the_one_most_like_all_others() -> None:
    shares = centrality(TOPIC)
    assert shares.sum() == pytest.approx(1.0)
    assert most_central(TOPIC) == 1  # between its own kind and the fourth
    assert shares.argmin() == 4
    assert centrality(np.zeros((0, 3), np.float32)).shape == (0,)


def test_a_summary_begins_with_what_is_central_and_keeps_the_order() -> None:
    assert extract(TEXTS, TOPIC, longest=len(TEXTS[1])) == (1,)
    chosen = extract(TEXTS, TOPIC, longest=len(TEXTS[1]) + len(TEXTS[3]) + 1)
    assert chosen == (1, 3), "the first and third say what is said already"
    assert chosen == tuple(sorted(chosen))


def test_one_sentence_comes_out_however_long_it_is() -> None:
    assert extract(["word " * 200], unit([1, 0])) == (0,)


def test_grunts_are_taken_only_where_there_is_nothing_else() -> None:
    assert extract(["Yes.", "Okay, then.", "The boat is leaving now."], unit([1, 0], [1, 0.1], [0, 1])) == (
        2,
    )
    assert extract(["Yes.", "Yes.", "No."], unit([1, 0], [1, 0], [0, 1])) == (0, 2)
    assert extract(["", " "], unit([1, 0], [1, 0])) == ()
    assert extract(["はい。", "今日は天気がいいですね。"], unit([1, 0], [0, 1])) == (1,)


def test_a_text_is_cut_at_a_word() -> None:
    assert cut("short  enough") == "short enough"
    found = cut("many words, " * 50)
    assert len(found) <= LONGEST
    assert found.endswith(("words…", "many…"))
    assert cut("あ" * 300) == "あ" * (LONGEST - 1) + "…"


def test_passages_count_by_their_length() -> None:
    one, two = unit([1, 0], [0, 1])
    assert np.allclose(mean_of([one, two], [1, 1]), [0.70710678, 0.70710678])
    assert mean_of([one, two], [3, 1])[0] > 0.9
    assert np.linalg.norm(mean_of([one, two], [3, 1])) == pytest.approx(1.0)


def test_vectors_that_cancel_out_leave_the_weightiest() -> None:
    one = unit([1, 0])[0]
    assert (mean_of([one, -one], [1.0, 1.0]) == one).all()
    assert mean_of([one, -one], [1.0, 1.0]).dtype == np.float32
