"""The starter: EfficientNet-Lite0 for pictures, MiniLM-L6 for words, met through ImageNet's 1,000 classes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from heimdex.encoders.encoder import Encoder, Rows
from heimdex.encoders.row import WEIGHTS_FOLDER, LoadOptions, ModelRow
from heimdex.encoders.text_rows import STARTER_SENTENCES
from heimdex.encoders.vocabulary import Vocabulary
from heimdex.entities import Space, Vector
from heimdex.errors import ModelUnavailable
from heimdex.inference.openvino_session import OpenVinoSession
from heimdex.inference.session import Array, Proof, Session, SessionOptions
from heimdex.inference.tokens import Tokenizer
from heimdex.inference.transforms import VIEWS, normalise
from heimdex.inference.weights import VerifiedFile, open_weights, read_arrays

PICTURES, WORDS, TOKENIZER, VOCABULARY, PROOFS = (
    "starter-pictures.onnx",
    "starter-words.onnx",
    "starter-tokenizer.json",
    "starter-vocabulary.npz",
    "starter-proofs.npz",
)
CLASSES, FEATURES, SENTENCE = 1000, 1280, 384
MAX_TOKENS = 64  # positions the words graph holds
TOKEN_STEP = 8  # lengths are padded to multiples of it: eight shapes to prepare instead of 64
KEPT_SENTENCES = 256

STARTER = ModelRow(
    name="starter",
    family="starter",
    pretrained="efficientnet-lite0 + all-MiniLM-L6-v2",
    precision="int8",
    licence="Apache-2.0",
    task="pictures by words and by likeness",
    packaged=True,
    input_size=224,
    mean=(127 / 255, 127 / 255, 127 / 255),
    std=(128 / 255, 128 / 255, 128 / 255),
    resize="ends",
    files=(PICTURES, WORDS, TOKENIZER, VOCABULARY, PROOFS),
    match_cosine=0.15,  # docs/reference/starter.md
)


class StarterEncoder(Encoder):
    """Both towers of the starter; each is loaded when it is first asked, by one thread at a time."""

    def __init__(self, row: ModelRow, options: LoadOptions) -> None:
        """Raises ModelUnavailable for a device other than the processor."""
        if options.device not in ("auto", "cpu"):
            raise ModelUnavailable(f"The model {row.name} runs on the cpu, not on {options.device!r}.")
        self.row = row
        self.device = "cpu"
        self.text_space = Space(model=row.name, name="labels", dim=CLASSES)
        self.similar_space = Space(model=row.name, name="features", dim=FEATURES)
        self.picture_spaces = (self.text_space, self.similar_space)
        self._options = options
        self._pictures: _PictureTower | None = None
        self._words: _WordsTower | None = None
        self._lock = threading.Lock()

    def embed_pictures(self, prepared: NDArray[np.uint8]) -> tuple[Rows, ...]:
        """Prepared pictures, (n, 448, 224, 3) → label vectors (n, 1000) and feature vectors (n, 1280)."""
        with self._lock:
            self._pictures = self._pictures or _PictureTower(self.row, self._options)
            return self._pictures.embed(prepared)

    def embed_words(self, texts: Sequence[str]) -> tuple[Rows, NDArray[np.float32]]:
        """Texts → label vectors (n, 1000) and certainties (n,). What is beyond 64 tokens is not read."""
        with self._lock:
            self._words = self._words or _WordsTower(self._options)
            return self._words.embed(texts)

    def sentences(self, texts: Sequence[str]) -> list[Vector]:
        """The texts as the model `starter-sentences` has them: its graph is the one words go through here."""
        space = Space(model=STARTER_SENTENCES.name, name="text", dim=SENTENCE)
        with self._lock:
            self._words = self._words or _WordsTower(self._options)
            found = [self._words.sentence(text) for text in texts]
        return [
            Vector(space=space, values=values, certainty=float(bool(text.strip())))
            for text, values in zip(texts, found, strict=True)
        ]


class _PictureTower:
    def __init__(self, row: ModelRow, options: LoadOptions) -> None:
        known = read_arrays(_open(PROOFS, options))
        blocks = known["blocks"].repeat(8, axis=0).repeat(8, axis=1)[np.newaxis]
        self.row = row
        self.session = _session(
            PICTURES,
            options,
            Proof(
                inputs={"pictures": normalise(blocks, row.mean, row.std)},
                outputs={name: known[name] for name in ("logits", "features")},
            ),
        )

    def embed(self, prepared: NDArray[np.uint8]) -> tuple[Rows, ...]:
        """One picture is VIEWS views; probabilities and features are their means."""
        views = VIEWS[self.row.resize]
        size = self.row.input_size
        squares = prepared.reshape(-1, size, size, 3)
        found = self.session.run({"pictures": normalise(squares, self.row.mean, self.row.std)})
        logits = found["logits"].astype(np.float64)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares = powers / powers.sum(axis=1, keepdims=True)
        return tuple(
            _unit(part.reshape(-1, views, part.shape[1]).mean(axis=1)) for part in (shares, found["features"])
        )


class _WordsTower:
    def __init__(self, options: LoadOptions) -> None:
        known = read_arrays(_open(PROOFS, options))
        tokens = known["tokens"]
        inputs = {"tokens": tokens, "mask": np.ones_like(tokens)}
        self.vocabulary = Vocabulary.read(_open(VOCABULARY, options))
        self.tokenizer = Tokenizer(_open(TOKENIZER, options), MAX_TOKENS)
        self.session = _session(WORDS, options, Proof(inputs=inputs, outputs={"sentence": known["sentence"]}))
        self._kept: OrderedDict[str, Rows] = OrderedDict()

    def sentence(self, text: str) -> Rows:
        """A text's vector, (384,), of norm 1; kept for a while."""
        if text not in self._kept:
            self._kept[text] = self._run(self.tokenizer.cut(text).numbers)
            while len(self._kept) > KEPT_SENTENCES:
                self._kept.popitem(last=False)
        return self._kept[text]

    def embed(self, texts: Sequence[str]) -> tuple[Rows, NDArray[np.float32]]:
        rows = np.empty((len(texts), CLASSES), np.float32)
        certainties = np.zeros(len(texts), np.float32)
        for index, text in enumerate(texts):
            tokens = self.tokenizer.cut(text)
            likeness = self.vocabulary.likeness(self.sentence(text))
            rows[index] = self.vocabulary.labels(likeness)
            if tokens.pieces:  # of no words nothing is understood
                certainties[index] = self.vocabulary.certainty(likeness, tokens.broken)
        return rows, certainties

    def _run(self, numbers: NDArray[np.int64]) -> Rows:
        length = -(-len(numbers) // TOKEN_STEP) * TOKEN_STEP
        tokens, mask = np.zeros((2, 1, length), np.int64)
        tokens[0, : len(numbers)], mask[0, : len(numbers)] = numbers, 1
        sentence: Rows = _unit(self.session.run({"tokens": tokens, "mask": mask})["sentence"])[0]
        return sentence


def _session(name: str, options: LoadOptions, proof: Proof) -> Session:
    # One at a time: this small net is faster so (1.7 ms) than by sixteen (3.4 ms each), whose maps do not fit
    # into the processor's cache.
    settings = SessionOptions(
        precision=options.precision,
        threads=options.threads,
        batches=(1,),
        cache_dir=options.cache_dir / "compiled" if options.cache_dir else None,
    )
    return OpenVinoSession(_open(name, options), settings, proof)


def _open(name: str, options: LoadOptions) -> VerifiedFile:
    memo_dir = options.cache_dir / "verified" if options.cache_dir else None
    return open_weights(options.weights_dir or WEIGHTS_FOLDER, name, memo_dir)


def _unit(rows: Array) -> Rows:
    units: Rows = np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)
    return units
