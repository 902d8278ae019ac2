from __future__ import annotations

import pytest

from heimdex.search.figures import Figure


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
