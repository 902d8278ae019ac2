from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from heimdex.encoders import catalog
from heimdex.encoders.encoder import Encoder
from heimdex.encoders.row import LoadOptions
from heimdex.inference.warm import WarmCache
from heimdex.pipeline.warmth import Key, WarmEncoder, held_bytes

LONG_S = 60.0  # until a thread that hangs is given up
TEXTS = ("a red car", "two dogs on the beach", "", "snow")


@pytest.fixture
def cache() -> Iterator[WarmCache[Key, Encoder]]:
    made = WarmCache[Key, Encoder](lambda key: catalog.load(*key), held_bytes)
    yield made
    made.close()


@pytest.fixture
def options(tmp_path: Path) -> LoadOptions:
    return LoadOptions(precision="fp32", threads=1, cache_dir=tmp_path)


def test_words_asked_by_many_at_once_get_the_vectors_they_get_alone(
    cache: WarmCache[Key, Encoder], options: LoadOptions
) -> None:
    alone = {text: next(iter(catalog.load("starter", options).encode_words([text]))) for text in TEXTS}
    encoder = WarmEncoder(("starter", options), cache)
    found: dict[str, object] = {}

    def ask(text: str) -> None:
        found[text] = next(iter(encoder.encode_words([text])))

    threads = [threading.Thread(target=ask, args=(text,)) for text in TEXTS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG_S)
    for text, vector in alone.items():
        assert np.array_equal(getattr(found[text], "values"), vector.values)  # noqa: B009  # typed as object
        assert getattr(found[text], "certainty") == vector.certainty  # noqa: B009


def test_pictures_are_the_same_as_without_the_cache(
    cache: WarmCache[Key, Encoder], options: LoadOptions
) -> None:
    picture = np.random.default_rng(1).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    (wanted,) = catalog.load("starter", options).encode_pictures([picture])
    (found,) = WarmEncoder(("starter", options), cache).encode_pictures([picture])
    assert [vector.space for vector in found] == [vector.space for vector in wanted]
    assert all(np.array_equal(one.values, two.values) for one, two in zip(found, wanted, strict=True))


def test_an_encoder_that_was_let_go_comes_back_when_it_is_asked(options: LoadOptions) -> None:
    loaded: list[Key] = []

    def load(key: Key) -> Encoder:
        loaded.append(key)
        return catalog.load(*key)

    cache = WarmCache[Key, Encoder](load, held_bytes, ttl_s=0.0)
    encoder = WarmEncoder(("starter", options), cache)
    cache.sweep()
    assert cache.keys() == []
    (vector,) = encoder.encode_words(["a red car"])
    assert len(loaded) == 2
    assert vector.values.shape == (1000,)
    cache.close()


def test_what_an_encoder_holds_is_known_before_it_is_loaded(options: LoadOptions) -> None:
    assert held_bytes(("starter", options)) > 20_000_000  # its two graphs
    gone = LoadOptions(weights_dir=options.cache_dir)
    assert held_bytes(("starter", gone)) == 0
