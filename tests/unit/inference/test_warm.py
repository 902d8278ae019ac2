from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from heimdex.errors import ModelUnavailable
from heimdex.inference.warm import WarmCache

SIZES = {"small": 1, "middle": 4, "large": 8}
LONG_S = 20.0  # until a thread that hangs is given up


class Model:
    def __init__(self, name: str) -> None:
        self.name = name


class Bench:
    """A cache over three models, what it loaded and what it let go, and a clock that is set by hand."""

    def __init__(self, budget_bytes: int, ttl_s: float = 100.0) -> None:
        self.loaded: list[str] = []
        self.gone: list[str] = []
        self.now_s = 0.0
        self.cache = WarmCache[str, Model](
            self.load,
            SIZES.__getitem__,
            let_go=lambda model: self.gone.append(model.name),
            budget_bytes=budget_bytes,
            ttl_s=ttl_s,
            clock=lambda: self.now_s,
        )

    def load(self, name: str) -> Model:
        self.loaded.append(name)
        return Model(name)

    def use(self, *names: str) -> None:
        for name in names:
            with self.cache.hold(name) as model:
                assert model.name == name


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench(budget_bytes=10)
    yield made
    made.cache.close()


def test_what_was_used_is_not_loaded_again(bench: Bench) -> None:
    bench.use("small", "middle", "small")
    assert bench.loaded == ["small", "middle"]
    assert bench.cache.held_bytes == 5


def test_what_was_used_longest_ago_makes_room(bench: Bench) -> None:
    bench.use("small", "middle", "small", "large")
    assert bench.gone == ["middle"]
    assert bench.cache.keys() == ["small", "large"]


def test_room_is_made_before_loading_so_that_the_peak_stays_within_the_budget(bench: Bench) -> None:
    bench.use("large")
    peak = []
    bench.load = lambda name: peak.append(bench.cache.held_bytes) or Model(name)  # type: ignore[method-assign,func-returns-value]
    bench.cache._load = bench.load
    bench.use("middle")
    assert peak == [4]


def test_what_is_in_use_is_never_let_go(bench: Bench) -> None:
    with bench.cache.hold("large"):
        bench.use("middle")
        assert bench.cache.keys() == ["large"]  # the newcomer went, once it was done, for the budget's sake
    assert bench.gone == ["middle"]
    bench.use("large")
    assert bench.loaded == ["large", "middle"]


def test_what_nobody_used_for_its_time_is_let_go(bench: Bench) -> None:
    bench.use("small")
    bench.now_s = 60.0
    bench.use("middle")
    bench.now_s = 100.0
    bench.cache.sweep()
    assert bench.gone == ["small"]


def test_the_time_does_not_run_while_a_thing_is_in_use(bench: Bench) -> None:
    with bench.cache.hold("small"):
        bench.now_s = 500.0
        bench.cache.sweep()
        assert bench.gone == []
    bench.now_s = 599.0
    bench.cache.sweep()
    assert bench.gone == []


def test_a_timer_lets_go_without_anybody_asking() -> None:
    gone = threading.Event()
    cache = WarmCache[str, Model](Model, lambda _: 1, let_go=lambda _: gone.set(), ttl_s=0.05)
    with cache.hold("small"):
        pass
    assert gone.wait(LONG_S)
    assert cache.keys() == []
    cache.close()


def test_of_many_who_want_one_thing_one_loads_it() -> None:
    began, may_end = threading.Event(), threading.Event()
    loaded: list[str] = []

    def load(name: str) -> Model:
        loaded.append(name)
        began.set()
        assert may_end.wait(LONG_S)
        return Model(name)

    cache = WarmCache[str, Model](load, lambda _: 1)
    found: list[Model] = []

    def want() -> None:
        with cache.hold("small") as model:
            found.append(model)

    threads = [threading.Thread(target=want) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert began.wait(LONG_S)
    may_end.set()
    for thread in threads:
        thread.join(LONG_S)
    assert loaded == ["small"]
    assert len({id(model) for model in found}) == 1
    assert len(found) == 4
    cache.close()


def test_loading_that_failed_is_tried_again_by_the_next() -> None:
    tries: list[str] = []

    def load(name: str) -> Model:
        tries.append(name)
        if len(tries) == 1:
            raise ModelUnavailable("not yet")
        return Model(name)

    cache = WarmCache[str, Model](load, lambda _: 1)
    with pytest.raises(ModelUnavailable, match="not yet"), cache.hold("small"):
        pass
    assert cache.held_bytes == 0
    with cache.hold("small") as model:
        assert model.name == "small"
    cache.close()


def test_a_closed_cache_lets_go_what_is_in_use_when_its_user_is_done(bench: Bench) -> None:
    with bench.cache.hold("small"):
        bench.use("middle")
        bench.cache.close()
        assert bench.gone == ["middle"]
    assert bench.gone == ["middle", "small"]


def test_many_threads_over_a_small_budget_each_get_what_they_asked_for() -> None:
    bench = Bench(budget_bytes=8)
    wrong: list[str] = []

    def work(names: list[str]) -> None:
        for name in names * 50:
            with bench.cache.hold(name) as model:
                if model.name != name:
                    wrong.append(name)

    orders = [["small", "large"], ["middle", "small"], ["large", "middle"]]
    threads = [threading.Thread(target=work, args=(order,)) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG_S)
    assert not wrong
    assert bench.cache.held_bytes <= 8
    assert len(bench.loaded) - len(bench.gone) == len(bench.cache.keys())
    bench.cache.close()
