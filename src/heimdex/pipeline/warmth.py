"""Encoders that stay loaded while they are used: within a budget, for a time, one for all threads.

What an encoder holds is reckoned before it is loaded: the bytes of its graphs, times the batch sizes each is
compiled for, since every compilation keeps weights of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from heimdex.encoders import catalog
from heimdex.encoders.encoder import Encoder, Rows
from heimdex.encoders.row import LoadOptions, ModelRow
from heimdex.entities import Picture, Vector
from heimdex.errors import ModelError
from heimdex.inference.gathering import Gatherer
from heimdex.inference.warm import TTL_S, WarmCache
from heimdex.inference.weights import read_manifest
from heimdex.pipeline.tools import Limits, PictureModel

GRAPH_COPIES = 4  # as read, as compiled for one and for many, and what compiling takes for a while

Key = tuple[str, LoadOptions]
Words = tuple[NDArray[np.float32], np.float32]  # a vector, (dim,), and its certainty


class WarmEncoder(Encoder):
    """An encoder by its name. Its weights come when they are asked for, and go when nobody has for a while.

    Single texts of several threads go to the model together.
    """

    def __init__(self, key: Key, cache: WarmCache[Key, Encoder]) -> None:
        """Raises as `catalog.load` does."""
        self._key, self._cache = key, cache
        self._queries = Gatherer[str, Words](self._ask)
        with cache.hold(key) as encoder:
            self.row, self.device, self.batch = encoder.row, encoder.device, encoder.batch
            self.picture_spaces = encoder.picture_spaces
            self.text_space, self.similar_space = encoder.text_space, encoder.similar_space

    def prepare(self, picture: Picture) -> Picture:
        """As the encoder itself does; needs no weights."""
        with self._cache.hold(self._key) as encoder:
            return encoder.prepare(picture)

    def embed_pictures(self, prepared: NDArray[np.uint8]) -> tuple[Rows, ...]:
        """As the encoder itself does."""
        with self._cache.hold(self._key) as encoder:
            return encoder.embed_pictures(prepared)

    def embed_words(self, texts: Sequence[str]) -> tuple[Rows, NDArray[np.float32]]:
        """As the encoder itself does; one text alone may be answered with those of other threads."""
        if len(texts) == 1:
            vector, certainty = self._queries.ask(texts[0])
            return vector[np.newaxis], np.array([certainty], np.float32)
        with self._cache.hold(self._key) as encoder:
            return encoder.embed_words(texts)

    def sentences(self, texts: Sequence[str]) -> list[Vector]:
        """As the encoder itself does."""
        with self._cache.hold(self._key) as encoder:
            return encoder.sentences(texts)

    def _ask(self, texts: Sequence[str]) -> list[Words]:
        with self._cache.hold(self._key) as encoder:
            rows, certainties = encoder.embed_words(texts)
        return list(zip(rows, certainties, strict=True))


def held_bytes(key: Key) -> int:
    """What an encoder holds at most once all its graphs are compiled; 0 where its manifest cannot be read."""
    name, options = key
    try:
        row = catalog.find(name, options.models_dir)
    except ModelError:
        return 0  # loading it will say what is wrong
    sizes = _file_bytes(row, options)
    pictures = sizes.get(str(row.picture_file), 0)
    return sum(sizes.values()) + (pictures if row.compiled_batch > 1 else 0)


def inference_memory_bytes(limits: Limits, model: PictureModel) -> int:
    """What a process that encodes pictures may use: a worker's limit, and besides it what its model takes."""
    if not limits.worker_memory_bytes:
        return 0
    sizes, row = _file_bytes(model.row, model.options), model.row
    pictures = sum(size for name, size in sizes.items() if name not in (row.words_file, row.tokenizer_file))
    return limits.worker_memory_bytes + GRAPH_COPIES * pictures


def _file_bytes(row: ModelRow, options: LoadOptions) -> dict[str, int]:
    """The sizes of a model's files by its manifest; empty where that cannot be read."""
    try:
        entries = read_manifest(catalog.folder(row, options))
    except ModelError:
        return {}
    return {entry.name: entry.size_bytes for entry in entries if entry.name in row.files}


@lru_cache(maxsize=2)
def cache(ttl_s: float) -> WarmCache[Key, Encoder]:
    """The one cache of this process for things kept so long."""
    return WarmCache(lambda key: catalog.load(*key), held_bytes, ttl_s=ttl_s)


@lru_cache(maxsize=8)
def warm_encoder(name: str, options: LoadOptions, ttl_s: float = TTL_S) -> WarmEncoder:
    """The encoder of a name, the same one each time. Raises as `catalog.load` does."""
    return WarmEncoder((name, options), cache(ttl_s))
