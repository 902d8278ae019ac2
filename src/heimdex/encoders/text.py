"""Sentence models of the BERT family: BGE-M3's dense vectors, E5, MiniLM."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from heimdex.encoders.encoder import Rows
from heimdex.encoders.files import ModelFiles
from heimdex.encoders.row import LoadOptions, ModelRow, TokenizerKind
from heimdex.encoders.text_encoder import TextEncoder, TextTask
from heimdex.encoders.towers import WordsTower, unit
from heimdex.entities import Space
from heimdex.errors import ModelError
from heimdex.inference.graphs import GraphPort
from heimdex.inference.session import Array
from heimdex.inference.tokens import MarkedTokenizer, Marks

SENTENCE_OUTPUTS = ("sentence", "sentence_embedding", "embedding", "dense_vecs")  # pooled by the graph
TOKEN_OUTPUTS = ("last_hidden_state", "token_embeddings")  # pooled here

MARKS: dict[TokenizerKind, Marks] = {
    "wordpiece": Marks(begin="[CLS]", end="[SEP]", padding="[PAD]"),
    "xlm-roberta": Marks(begin="<s>", end="</s>", padding="<pad>"),
}


class SentenceEncoder(TextEncoder):
    """One graph; its sentences are pooled by the graph, or here by the row's rule."""

    def __init__(self, row: ModelRow, options: LoadOptions) -> None:
        """Looks at the graph, whose output gives the dimension.

        Raises ModelUnavailable where files are missing, WeightsCorrupt where they differ from their manifest,
        ModelError where the graph is another than the row says.
        """
        self.row = row
        self._files = ModelFiles(row, options)
        self._output = sentence_port(self._files.facts(row.words_file).outputs, row)
        self._space = Space(model=row.name, name="text", dim=self._output.shape[-1] or 0)
        self._tower: WordsTower | None = None
        self._lock = threading.Lock()

    @property
    def space(self) -> Space:
        """The space `text` of this model."""
        return self._space

    def embed(self, texts: Sequence[str], task: TextTask) -> Rows:
        """N texts → (n, dim), unit rows. What is beyond the row's context is not read."""
        prefix = self.row.query_prefix if task == "query" else self.row.passage_prefix
        with self._lock:
            self._tower = self._tower or self._open()
            values, tokens = self._tower.run([prefix + text for text in texts])
        return unit(values if values.ndim == 2 else pooled(values, tokens.mask, self.row.pooling))

    def _open(self) -> WordsTower:
        row = self.row
        if row.tokenizer not in MARKS:
            raise ModelError(f"{row.name} has no tokenizer of a sentence model, but {row.tokenizer}.")
        file = self._files.open(row.tokenizer_file)
        tokenizer = MarkedTokenizer(file, MARKS[row.tokenizer], row.context_length)
        return WordsTower(self._files, tokenizer, self._output, "masked")


def pooled(values: Array, mask: Array, rule: str) -> Array:
    """(n, length, dim) and a mask (n, length) → (n, dim): the first token's, or the mean of the unmasked."""
    if rule == "first":
        return values[:, 0]
    weights = mask[:, :, np.newaxis].astype(values.dtype)
    means: Array = (values * weights).sum(axis=1) / weights.sum(axis=1)
    return means


def sentence_port(outputs: Sequence[GraphPort], row: ModelRow) -> GraphPort:
    """The output to take: a sentence's where the graph pools itself, else the tokens'. Raises ModelError."""
    for names, dimensions in ((SENTENCE_OUTPUTS, 2), (TOKEN_OUTPUTS, 3)):
        for port in outputs:
            if port.name in names and len(port.shape) == dimensions and port.shape[-1]:
                return port
    found = ", ".join(f"{port.name} {port.shape}" for port in outputs)
    raise ModelError(f"{row.words_file} of {row.name} gives {found}, and no sentences or tokens.")
