"""A few pieces of work at a time, of the sort that waits for somebody else's answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class LeftOff(Exception):
    """The caller wants no more of what is under way."""


def side_by_side(
    work: Callable[[Item, Callable[[], None]], Result], items: Iterable[Item], at_once: int
) -> Generator[tuple[Item, Future[Result]], None, None]:
    """Items with their finished work, as they finish. `work` gets an item and what to call while it waits.

    The next item is taken only when the caller asks for more, so that what it learnt from the last answer
    may end the items. Where the caller goes away, what is under way is ended at its next sign of life.
    """
    left_off = threading.Event()

    def alive() -> None:
        if left_off.is_set():
            raise LeftOff

    waiting = iter(items)
    busy: dict[Future[Result], Item] = {}
    with ThreadPoolExecutor(at_once, thread_name_prefix="ask") as threads:
        try:
            while True:
                for item in islice(waiting, at_once - len(busy)):
                    busy[threads.submit(work, item, alive)] = item
                if not busy:
                    return
                for future in wait(busy, return_when=FIRST_COMPLETED).done:
                    yield busy.pop(future), future
        finally:
            left_off.set()
