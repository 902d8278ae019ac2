"""Encoders whose pictures and words meet in one space: what CLIP and SigLIP have in common."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from heimdex.encoders.encoder import Encoder, Rows
from heimdex.encoders.files import ModelFiles
from heimdex.encoders.row import LoadOptions, ModelRow
from heimdex.encoders.towers import (
    PICTURE_OUTPUTS,
    TOKEN_OUTPUTS,
    Padding,
    PictureTower,
    WordsTower,
    the_port,
    unit,
)
from heimdex.entities import Space
from heimdex.errors import ModelError
from heimdex.inference.devices import choose
from heimdex.inference.graphs import GraphPort
from heimdex.inference.tokens import MarkedTokenizer, Marks, foreign_share


class JointEncoder(Encoder):
    """Two towers into the space `joint`; each is opened when it is first asked, by one thread at a time."""

    marks: Marks
    padding: Padding
    extra_outputs: tuple[str, ...] = ()  # names of the vector besides the usual ones
    english_only: bool = True

    def __init__(self, row: ModelRow, options: LoadOptions) -> None:
        """Looks at the picture graph, whose output gives the dimension.

        Raises ModelUnavailable where files are missing or the device is not there, WeightsCorrupt where they
        differ from their manifest, ModelError where the graph is another than the row says.
        """
        self.row = row
        self.device = choose(options.device)
        self._files = ModelFiles(row, options)
        facts = self._files.facts(row.picture_file)
        self._picture_output = vector_port(facts.outputs, (*PICTURE_OUTPUTS, *self.extra_outputs), row)
        space = Space(model=row.name, name="joint", dim=self._picture_output.shape[1] or 0)
        self.text_space: Space | None = space
        self.similar_space = space
        self.picture_spaces = (space,)
        self._pictures: PictureTower | None = None
        self._words: WordsTower | None = None
        self._pictures_lock, self._words_lock = threading.Lock(), threading.Lock()

    @abstractmethod
    def clean(self, text: str) -> str:
        """A text as the model's tokenizer wants it."""

    def embed_pictures(self, prepared: NDArray[np.uint8]) -> tuple[Rows, ...]:
        """Prepared pictures, (n, size, size, 3) → (n, dim)."""
        with self._pictures_lock:
            self._pictures = self._pictures or PictureTower(self._files, self._picture_output)
            return (self._pictures.embed(prepared),)

    def embed_words(self, texts: Sequence[str]) -> tuple[Rows, NDArray[np.float32]]:
        """Texts → (n, dim) and certainties: 0 of nothing, less where letters are none the model learnt."""
        cleaned = [self.clean(text) for text in texts]
        with self._words_lock:
            self._words = self._words or self._open_words()
            values, tokens = self._words.run(cleaned)
        certainties = np.array([self._certainty(text) for text in cleaned], np.float32)
        return unit(values), certainties * (tokens.pieces > 0)

    def _open_words(self) -> WordsTower:
        row = self.row
        facts = self._files.facts(row.words_file)
        output = vector_port(facts.outputs, (*TOKEN_OUTPUTS, *self.extra_outputs), row)
        if output.shape[1] != self.similar_space.dim:
            raise ModelError(
                f"The towers of {row.name} are of different models: words have {output.shape[1]} dimensions, "
                f"pictures {self.similar_space.dim}. Run `heimdex models verify`."
            )
        tokenizer = MarkedTokenizer(self._files.open(row.tokenizer_file), self.marks, row.context_length)
        return WordsTower(self._files, tokenizer, output, self.padding)

    def _certainty(self, text: str) -> float:
        # A vocabulary learnt from English has no words for other scripts, only their bytes.
        return 1.0 - foreign_share(text) if self.english_only else 1.0


def vector_port(outputs: Sequence[GraphPort], names: Sequence[str], row: ModelRow) -> GraphPort:
    """The output that is one vector an item. Raises ModelError where there is none, or of no known size."""
    flat = [port for port in outputs if len(port.shape) == 2]
    if not flat:
        given = ", ".join(f"{port.name} {port.shape}" for port in outputs)
        raise ModelError(f"A graph of {row.name} gives {given}, and no one vector an item.")
    found = the_port(flat, names, row.name)
    if not found.shape[1]:
        raise ModelError(f"The graph of {row.name} does not say how long its vectors are ({found.name}).")
    return found
