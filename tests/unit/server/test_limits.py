"""Token buckets of this process."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heimdex.errors import RateLimited
from heimdex.server.auth import limits
from heimdex.server.auth.limits import RateLimiter


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@given(per_minute=st.integers(1, 40), waits=st.lists(st.floats(0, 30), max_size=120))
def test_no_more_than_the_burst_and_what_was_filled_since_is_ever_allowed(
    per_minute: int, waits: list[float]
) -> None:
    clock = Clock()
    limiter = RateLimiter(per_minute, clock=clock)
    taken = 0
    for wait in waits:
        clock.now += wait
        is_allowed, left = limiter.take("x")
        taken += is_allowed
        assert 0 <= left.remaining <= per_minute
        assert taken <= per_minute + (clock.now - 1000.0) * per_minute / 60 + 1e-6


def test_after_the_time_that_was_told_there_is_room_again() -> None:
    clock = Clock()
    limiter = RateLimiter(7, clock=clock)
    for remaining in range(6, -1, -1):
        assert limiter.demand("x").remaining == remaining
    with pytest.raises(RateLimited) as caught:
        limiter.demand("x")
    assert caught.value.retry_after_s == pytest.approx(60 / 7)
    clock.now += caught.value.retry_after_s - 0.01
    with pytest.raises(RateLimited):
        limiter.demand("x")
    clock.now += 0.011
    assert limiter.demand("x").remaining == 0
    assert limiter.demand("y").remaining == 6


def test_full_buckets_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_BUCKETS", 3)
    clock = Clock()
    limiter = RateLimiter(60, clock=clock)
    for name in "abc":
        limiter.demand(name)
    clock.now += 2
    limiter.demand("d")
    assert set(limiter._full_at) == {"d"}
