"""A few pieces of work at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from heimdex.errors import BudgetSpent
from heimdex.extractors.traffic import Traffic
from heimdex.pipeline.side_by_side import LeftOff, side_by_side

Alive = Callable[[], None]


def test_no_more_than_allowed_are_under_way_and_all_are_done() -> None:
    under_way: list[int] = []
    most = 0
    lock = threading.Lock()

    def work(number: int, _: Alive) -> int:
        nonlocal most
        with lock:
            under_way.append(number)
            most = max(most, len(under_way))
        threading.Event().wait(0.005)
        with lock:
            under_way.remove(number)
        return number * number

    found = {number: done.result() for number, done in side_by_side(work, range(20), 3)}
    assert found == {number: number * number for number in range(20)}
    assert most == 3


def test_the_next_is_taken_only_once_the_last_answer_was_seen() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(10):
            taken.append(number)
            yield number

    source = side_by_side(lambda number, _: number, items(), 1)
    next(source)
    assert taken == [0]
    next(source)
    assert taken == [0, 1]
    source.close()


def test_a_piece_that_fails_says_so_in_its_place() -> None:
    def work(number: int, _: Alive) -> int:
        if number == 2:
            raise ValueError("two")
        return number

    found = {number: done.exception() for number, done in side_by_side(work, range(4), 2)}
    assert [type(found[number]) for number in range(4)] == [type(None), type(None), ValueError, type(None)]


def test_what_is_under_way_ends_when_the_caller_goes_away() -> None:
    ended: list[bool] = []
    begun = threading.Event()

    def work(number: int, alive: Alive) -> None:
        if number == 0:
            begun.wait(10)
            return
        begun.set()
        try:
            while True:
                alive()
                threading.Event().wait(0.005)
        except LeftOff:
            ended.append(True)
            raise

    source = side_by_side(work, range(2), 2)
    next(source)
    source.close()
    assert ended == [True]


def test_budget_and_pace_are_exact_however_many_ask_at_once() -> None:
    traffic = Traffic()

    def book(_: int) -> float | None:
        try:
            return traffic.book(budget=50, per_minute=60.0, now_s=0.0)
        except BudgetSpent:
            return None

    with ThreadPoolExecutor(8) as threads:
        waits = list(threads.map(book, range(80)))
    assert sorted(wait for wait in waits if wait is not None) == pytest.approx(list(range(50)))
    assert (waits.count(None), traffic.requests) == (30, 50)
