"""Towers: one graph of a model each, proved when opened, taking what our encoders have to give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from heimdex.encoders.encoder import Rows
from heimdex.encoders.files import ModelFiles
from heimdex.errors import ModelError
from heimdex.inference.devices import choose
from heimdex.inference.graphs import GraphFacts, GraphPort
from heimdex.inference.openvino_session import OpenVinoSession
from heimdex.inference.proofs import prove
from heimdex.inference.session import Array, Session, SessionOptions
from heimdex.inference.tokens import MarkedTokenizer, TokenRows
from heimdex.inference.transforms import normalise

PICTURE_INPUTS = ("pixels", "pixel_values", "image")
PICTURE_OUTPUTS = ("embedding", "image_embeds", "image_embedding")
TOKEN_INPUTS = ("tokens", "input_ids", "text")
TOKEN_OUTPUTS = ("embedding", "text_embeds", "text_embedding")
MASK_INPUTS = ("mask", "attention_mask")
KIND_INPUTS = ("token_type_ids",)  # BERT's: which of two sentences; ours is always the first
POOLED_OUTPUTS = ("pooler_output",)  # SigLIP's vector; of CLIP it is not yet projected and so another thing

Padding = Literal["unseen", "masked", "seen"]
"""What padding after a text's end means to a words graph. `unseen`: a token looks only back (CLIP), so there
need be none. `masked`: a mask tells it apart. `seen`: the model was trained on texts of one length and looks
at all of it (SigLIP)."""

TOKEN_STEP = 8  # lengths are padded to multiples of it: few shapes for the runtime to prepare
PROOF_TEXT = "a photo of a dog on the beach"


class PictureTower:
    """Prepared pictures → vectors. Whether the graph gives unit vectors itself does not matter."""

    def __init__(self, files: ModelFiles, output: GraphPort) -> None:
        """`output` is the tensor to take, of the picture graph's outputs or inside it."""
        row, facts = files.row, files.facts(files.row.picture_file)
        self._row = row
        self._input = the_port(facts.inputs, PICTURE_INPUTS, row.name)
        side = row.input_size
        shape = (3, side, side)
        if not _fits(self._input.shape[1:], shape) or self._input.dtype != "float32":
            raise ModelError(
                f"{row.picture_file} of {row.name} takes {self._input.shape} of {self._input.dtype}, not "
                f"pictures of {side} px in three planes of float32."
            )
        self._output = output.name
        options = SessionOptions(
            batches=batches_of(facts, row.compiled_batch),
            outputs=(output.name,),
            sizes={self._input.name: shape},
        )
        proof = {self._input.name: normalise(proof_picture(side), row.mean, row.std)}
        self._session = open_session(files, str(row.picture_file), options, proof)

    def embed(self, prepared: NDArray[np.uint8]) -> Rows:
        """(n, size, size, 3) → (n, dim), unit rows."""
        pixels = normalise(prepared, self._row.mean, self._row.std)
        return unit(self._session.run({self._input.name: pixels})[self._output])


class WordsTower:
    """Texts, cleaned → the values of one tensor of the words graph."""

    def __init__(
        self, files: ModelFiles, tokenizer: MarkedTokenizer, output: GraphPort, padding: Padding
    ) -> None:
        """Raises ModelError where the graph wants what a text cannot give."""
        row, facts = files.row, files.facts(files.row.words_file)
        self._tokens = the_port(facts.inputs, TOKEN_INPUTS, row.name)
        self._facts = facts
        self.tokenizer = tokenizer
        fixed = self._tokens.shape[1] if len(self._tokens.shape) == 2 else 0
        if fixed not in (None, row.context_length):
            raise ModelError(
                f"{row.words_file} of {row.name} takes {self._tokens.shape}, not rows of tokens."
            )
        has_mask = any(port.name in MASK_INPUTS for port in facts.inputs)
        free = fixed is None and (padding == "unseen" or (padding == "masked" and has_mask))
        self._sees_padding = padding == "seen"
        self._length = None if free else row.context_length
        self._output = output.name
        options = SessionOptions(
            batches=batches_of(facts, 1),
            outputs=(output.name,),
            sizes={} if free else {port.name: (row.context_length,) for port in facts.inputs},
        )
        self._session = open_session(
            files, str(row.words_file), options, self._inputs(self._cut([PROOF_TEXT])), words=True
        )

    def run(self, texts: Sequence[str]) -> tuple[Array, TokenRows]:
        """N texts → the tensor's values, n first, and the tokens they come from."""
        tokens = self._cut(texts)
        return self._session.run(self._inputs(tokens))[self._output], tokens

    def _cut(self, texts: Sequence[str]) -> TokenRows:
        return self.tokenizer.rows(texts, self._length, TOKEN_STEP)

    def _inputs(self, tokens: TokenRows) -> dict[str, Array]:
        given: dict[str, Array] = {}
        for port in self._facts.inputs:
            if port.name == self._tokens.name:
                values = tokens.numbers
            elif port.name in MASK_INPUTS:
                values = np.ones_like(tokens.mask) if self._sees_padding else tokens.mask
            elif port.name in KIND_INPUTS:
                values = np.zeros_like(tokens.numbers)
            else:
                raise ModelError(f"The words graph wants {port.name!r}, which nothing here can give.")
            given[port.name] = values.astype(port.dtype)
        return given


def open_session(
    files: ModelFiles,
    name: str,
    options: SessionOptions,
    proof_inputs: Mapping[str, Array],
    *,
    words: bool = False,
) -> Session:
    """A session on one graph, proved by what it gives in fp32. Raises ModelUnavailable, ModelError.

    Words stay with the processor: a query takes milliseconds there, and torch seconds to be loaded.
    """
    asked = files.options
    weights = files.graph(name)
    options = replace(
        options, precision=asked.precision, threads=asked.threads, cache_dir=files.cache("compiled")
    )
    proof = prove(weights, proof_inputs, options, files.cache("proofs"))
    if (
        not words and choose(asked.device) == "cuda" and weights.path.suffix == ".onnx"
    ):  # int8 graphs are the processor's
        from heimdex.inference.torch_session import TorchSession

        return TorchSession(weights, options, proof, device="cuda")
    return OpenVinoSession(weights, options, proof)


def the_port(ports: Sequence[GraphPort], names: Sequence[str], model: str) -> GraphPort:
    """The port with one of these names, or the only one there is. Raises ModelError."""
    for name in names:
        for port in ports:
            if port.name == name:
                return port
    if len(ports) == 1:
        return ports[0]
    raise ModelError(
        f"A graph of {model} has {', '.join(port.name for port in ports)}, and none of {', '.join(names)}."
    )


def batches_of(facts: GraphFacts, wanted: int) -> tuple[int, ...]:
    """The batch sizes a graph is compiled for: one, and `wanted` where it takes more than one at a time."""
    return (1, wanted) if facts.batch_free and wanted > 1 else (1,)


def proof_picture(side: int) -> NDArray[np.uint8]:
    """A made picture, (1, side, side, 3): soft waves of its own in each colour, the same on every machine."""
    y, x = np.mgrid[0:side, 0:side] / side
    waves = [np.sin(7 * x + 3 * y), np.sin(2 * x - 9 * y + 1), np.sin(11 * x * y + 2)]
    return np.round(127.5 + 110 * np.stack(waves, axis=2)).astype(np.uint8)[np.newaxis]


def unit(rows: Array) -> Rows:
    """Rows of norm 1, float32."""
    wide = np.asarray(rows, dtype=np.float64)
    units: Rows = np.asarray(wide / np.linalg.norm(wide, axis=1, keepdims=True), dtype=np.float32)
    return units


def _fits(found: Sequence[int | None], wanted: Sequence[int]) -> bool:
    return len(found) == len(wanted) and all(
        one in (None, two) for one, two in zip(found, wanted, strict=True)
    )
