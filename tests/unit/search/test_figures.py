from __future__ import annotations

import pytest

from heimdex.search.figures import LONGEST_S, Counts, Figure, stands_s


class Clock:
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.counted = 0

    def monotonic(self) -> float:
        return self.now_s

    def count(self) -> int:
        self.counted += 1
        self.now_s += 0.2
        return self.counted


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("heimdex.search.figures.time.monotonic", made.monotonic)
    return made


def test_a_figure_is_counted_again_only_when_that_costs_a_hundredth_of_the_time(clock: Clock) -> None:
    figure = Figure[int]()
    assert figure.get(clock.count) == 1
    clock.now_s += 19.9  # it took 0.2 s
    assert figure.get(clock.count) == 1
    clock.now_s += 0.2
    assert figure.get(clock.count) == 2


def test_a_count_that_fails_leaves_the_figure_to_be_counted(clock: Clock) -> None:
    figure = Figure[int]()

    def fail() -> int:
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011  (what is raised is ours)
        figure.get(fail)
    assert figure.get(clock.count) == 1


def test_counts_are_kept_and_only_those_that_are_due_are_counted_again(clock: Clock) -> None:
    counts = Counts[str](kept=2)
    asked: list[list[str]] = []

    def count(missing: list[str]) -> dict[str, int]:
        asked.append(missing)
        clock.now_s += 0.2
        return dict.fromkeys(missing, len(asked))

    assert counts.get(["dog", "car", "dog"], count) == {"dog": 1, "car": 1}
    assert counts.get(["car", "bird"], count) == {"car": 1, "bird": 2}
    assert counts.get(["dog"], count) == {"dog": 3}  # one more than are kept
    clock.now_s += 20.1
    assert counts.get(["bird"], count) == {"bird": 4}
    assert asked == [["dog", "car"], ["bird"], ["dog"], ["bird"]]


def test_what_takes_long_to_count_stands_longer_than_its_share() -> None:
    assert stands_s(0.0005, 0.01) == pytest.approx(0.05)
    assert stands_s(0.003, 0.01) == pytest.approx(0.9)
    assert stands_s(0.1, 0.01) == LONGEST_S
    assert stands_s(1.0, 0.01) == 100.0
