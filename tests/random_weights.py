"""Models with random weights and the real shapes of the catalog's rows, made without torch and without a hub.

`python -m tests.random_weights NAME FOLDER` writes a row's files at full size. Tests use the same nets small.
"""

from __future__ import annotations

import hashlib
import json
import string
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from tokenizers.pre_tokenizers import ByteLevel

from heimdex.encoders import catalog
from heimdex.encoders.row import Activation, ModelRow
from tests.onnx_writer import OnnxWriter


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """A transformer's."""

    width: int
    layers: int
    heads: int
    inner: int
    dim: int  # of the vector
    patch: int = 0  # px
    pieces: int = 0  # of the vocabulary


PICTURES = {
    "clip-vit-b-32": Sizes(width=768, layers=12, heads=12, inner=3072, dim=512, patch=32),
    "clip-vit-b-16": Sizes(width=768, layers=12, heads=12, inner=3072, dim=512, patch=16),
    "clip-vit-l-14": Sizes(width=1024, layers=24, heads=16, inner=4096, dim=768, patch=14),
    "siglip-so400m": Sizes(width=1152, layers=27, heads=16, inner=4304, dim=1152, patch=14),
    "siglip2-base-patch32": Sizes(width=768, layers=12, heads=12, inner=3072, dim=768, patch=32),
    "siglip": Sizes(width=768, layers=12, heads=12, inner=3072, dim=768, patch=16),
}
WORDS = {
    "clip-vit-b": Sizes(width=512, layers=12, heads=8, inner=2048, dim=512, pieces=49408),
    "clip-vit-l": Sizes(width=768, layers=12, heads=12, inner=3072, dim=768, pieces=49408),
    "siglip-so400m": Sizes(width=1152, layers=27, heads=16, inner=4304, dim=1152, pieces=32000),
    "siglip2": Sizes(width=768, layers=12, heads=12, inner=3072, dim=768, pieces=256000),
    "siglip": Sizes(width=768, layers=12, heads=12, inner=3072, dim=768, pieces=32000),
    "bge-m3": Sizes(width=1024, layers=24, heads=16, inner=4096, dim=1024, pieces=250002),
    "multilingual-e5-small": Sizes(width=384, layers=12, heads=12, inner=1536, dim=384, pieces=250037),
    "all-minilm": Sizes(width=384, layers=6, heads=12, inner=1536, dim=384, pieces=30522),
}
SMALL = Sizes(width=32, layers=2, heads=4, inner=64, dim=24, patch=16, pieces=600)


class Net:
    """A transformer in the making."""

    def __init__(self, sizes: Sizes, activation: Activation, seed: int, external: str | None = None) -> None:
        self.sizes, self.activation = sizes, activation
        self.writer = OnnxWriter(external)
        self.rng = np.random.default_rng(seed)

    def weights(self, *shape: int, scale: float | None = None) -> str:
        scale = 1.0 / shape[0] ** 0.5 if scale is None else scale
        values: NDArray[np.float32] = self.rng.standard_normal(shape, dtype=np.float32)
        values *= np.float32(scale)
        return self.writer.constant(values)

    def linear(self, given: str, rows: int, columns: int) -> str:
        product = self.writer.op("MatMul", given, self.weights(rows, columns))
        return self.writer.op("Add", product, self.weights(columns, scale=0.1))

    def norm(self, given: str, width: int) -> str:
        ones = self.writer.constant(np.ones(width))
        return self.writer.op(
            "LayerNormalization", given, ones, self.writer.constant(np.zeros(width)), axis=-1
        )

    def activated(self, given: str) -> str:
        op, constant = self.writer.op, self.writer.constant
        if self.activation == "quick_gelu":
            return op("Mul", given, op("Sigmoid", op("Mul", given, constant(1.702))))
        if self.activation == "gelu":
            share = op("Add", op("Erf", op("Div", given, constant(2**0.5))), constant(1.0))
        else:
            cube = op("Mul", op("Pow", given, constant(3.0)), constant(0.044715))
            inner = op("Mul", op("Add", given, cube), constant((2 / np.pi) ** 0.5))
            share = op("Add", op("Tanh", inner), constant(1.0))
        return op("Mul", op("Mul", given, share), constant(0.5))

    def attention(self, asking: str, asked: str, mask: str | None) -> str:
        op, width, heads = self.writer.op, self.sizes.width, self.sizes.heads
        split = self.writer.constant([0, -1, heads, width // heads], "int64")
        parts = [op("Reshape", self.linear(given, width, width), split) for given in (asking, asked, asked)]
        query, value = (op("Transpose", part, perm=[0, 2, 1, 3]) for part in (parts[0], parts[2]))
        key = op("Transpose", parts[1], perm=[0, 2, 3, 1])
        likeness = op("Mul", op("MatMul", query, key), self.writer.constant((width / heads) ** -0.5))
        likeness = likeness if mask is None else op("Add", likeness, mask)
        found = op("Transpose", op("MatMul", op("Softmax", likeness, axis=-1), value), perm=[0, 2, 1, 3])
        whole = op("Reshape", found, self.writer.constant([0, -1, width], "int64"))
        return self.linear(whole, width, width)

    def layers(self, given: str, mask: str | None = None, after: bool = False) -> str:
        """Norms stand before each part, or after it as in BERT."""
        op, sizes = self.writer.op, self.sizes
        for _ in range(sizes.layers):
            asked = given if after else self.norm(given, sizes.width)
            given = op("Add", given, self.attention(asked, asked, mask))
            given = self.norm(given, sizes.width) if after else given
            inner = given if after else self.norm(given, sizes.width)
            inner = self.linear(
                self.activated(self.linear(inner, sizes.width, sizes.inner)), sizes.inner, sizes.width
            )
            given = op("Add", given, inner)
            given = self.norm(given, sizes.width) if after else given
        return given


def picture_net(row: ModelRow, sizes: Sizes, path: Path, *, batch: int | None = None, seed: int = 1) -> Path:
    """Pixels → embedding, as CLIP (a class token) or SigLIP (attention by a probe)."""
    net = Net(sizes, row.activation or "gelu", seed)
    op, side = net.writer.op, row.input_size
    pixels = net.writer.input("pixels", "float32", (batch, 3, side, side))
    kernel = net.weights(sizes.width, 3, sizes.patch, sizes.patch, scale=3.0 / sizes.patch)
    patches = op("Conv", pixels, kernel, strides=[sizes.patch] * 2, kernel_shape=[sizes.patch] * 2)
    flat = op("Reshape", patches, net.writer.constant([0, sizes.width, -1], "int64"))
    tokens = op("Transpose", flat, perm=[0, 2, 1])
    count = (side // sizes.patch) ** 2
    if row.family == "clip":
        first = op("Gather", tokens, net.writer.constant([0], "int64"), axis=1)
        nothing = op("Mul", first, net.writer.constant(0.0))  # for as many items as there are
        tokens = op("Concat", op("Add", nothing, net.weights(1, 1, sizes.width)), tokens, axis=1)
        count += 1
    tokens = net.layers(op("Add", tokens, net.weights(1, count, sizes.width, scale=0.5)))
    if row.family == "clip":
        pooled = op("Gather", tokens, net.writer.constant(0, "int64"), axis=1)
        net.writer.named("MatMul", "embedding", pooled, net.weights(sizes.width, sizes.dim))
    else:
        pooled = net.attention(net.weights(1, 1, sizes.width), tokens, None)
        net.writer.named("Squeeze", "embedding", pooled, net.writer.constant([1], "int64"))
    net.writer.output("embedding", "float32", (batch, sizes.dim))
    return net.writer.save(path)


def words_net(row: ModelRow, sizes: Sizes, path: Path, *, batch: int | None = None, seed: int = 2) -> Path:
    """Tokens → embedding, as CLIP (at the largest number, looking back) or SigLIP (at the last place)."""
    net = Net(sizes, row.activation or "gelu", seed)
    op, length = net.writer.op, row.context_length
    tokens = net.writer.input("tokens", "int64", (batch, length))
    given = op("Gather", net.weights(sizes.pieces, sizes.width, scale=0.5), tokens, axis=0)
    given = op("Add", given, net.weights(1, length, sizes.width, scale=0.3))
    causal = np.triu(np.full((1, 1, length, length), -1e9, np.float32), 1)
    given = net.layers(given, net.writer.constant(causal) if row.family == "clip" else None)
    if row.family == "clip":
        place = op("ArgMax", tokens, axis=1, keepdims=1)
        pooled = op("GatherND", given, place, batch_dims=1)
    else:
        pooled = op("Gather", given, net.writer.constant(length - 1, "int64"), axis=1)
    net.writer.named(
        "MatMul", "embedding", net.norm(pooled, sizes.width), net.weights(sizes.width, sizes.dim)
    )
    net.writer.output("embedding", "float32", (batch, sizes.dim))
    return net.writer.save(path)


def sentence_net(row: ModelRow, sizes: Sizes, path: Path, *, seed: int = 3) -> Path:
    """input_ids, attention_mask → last_hidden_state, as BERT; weights beside it where the row says so."""
    beside = next((Path(name).name for name in row.files if name.endswith("_data")), None)
    net = Net(sizes, row.activation or "gelu", seed, beside)
    op, constant = net.writer.op, net.writer.constant
    tokens = net.writer.input("input_ids", "int64", (None, None))
    mask = op("Cast", net.writer.input("attention_mask", "int64", (None, None)), to=1)
    length = op("Slice", op("Shape", tokens), constant([1], "int64"), constant([2], "int64"))
    places = op(
        "Slice", net.weights(row.context_length, sizes.width, scale=0.3), constant([0], "int64"), length
    )
    given = op("Add", op("Gather", net.weights(sizes.pieces, sizes.width, scale=0.5), tokens, axis=0), places)
    unseen = op("Mul", op("Sub", constant(1.0), mask), constant(-1e9))
    unseen = op("Unsqueeze", unseen, constant([1, 2], "int64"))
    found = net.layers(net.norm(given, sizes.width), unseen, after=True)
    net.writer.named("Identity", "last_hidden_state", found)
    net.writer.output("last_hidden_state", "float32", (None, None, sizes.width))
    return net.writer.save(path)


def resnet(
    row: ModelRow, path: Path, *, width: int = 64, depths: tuple[int, ...] = (3, 4, 6, 3), seed: int = 4
) -> Path:
    """pixel_values → logits, as ResNet-50 with its norms taken into the convolutions."""
    net = Net(SMALL, "gelu", seed)
    op, side = net.writer.op, row.input_size

    def convolution(given: str, inputs: int, outputs: int, kernel: int, stride: int = 1) -> str:
        weights = net.weights(outputs, inputs, kernel, kernel, scale=(1.5 / (inputs * kernel**2)) ** 0.5)
        pads = [kernel // 2] * 4
        return op(
            "Conv",
            given,
            weights,
            net.weights(outputs, scale=0.05),
            kernel_shape=[kernel] * 2,
            pads=pads,
            strides=[stride] * 2,
        )

    given = op(
        "Relu",
        convolution(net.writer.input("pixel_values", "float32", (None, 3, side, side)), 3, width, 7, 2),
    )
    given = op("MaxPool", given, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    inputs = width
    for stage, depth in enumerate(depths):
        inner = width << stage
        for block in range(depth):
            stride = 2 if block == 0 and stage else 1
            inside = op("Relu", convolution(given, inputs, inner, 1))
            inside = op("Relu", convolution(inside, inner, inner, 3, stride))
            inside = convolution(inside, inner, inner * 4, 1)
            beside = given if block else convolution(given, inputs, inner * 4, 1, stride)
            given, inputs = op("Relu", op("Add", inside, beside)), inner * 4
    pooled = op("Flatten", op("GlobalAveragePool", given), axis=1)
    net.writer.named("Gemm", "logits", pooled, net.weights(inputs, 1000), net.weights(1000, scale=0.1))
    net.writer.output("logits", "float32", (None, 1000))
    return net.writer.save(path)


def tokenizer(row: ModelRow, path: Path) -> Path:
    """A vocabulary of letters with the row's marks where its kind has them."""
    letters = [*string.ascii_lowercase, *string.digits, *string.punctuation]
    if row.tokenizer == "clip":
        alphabet = sorted(ByteLevel.alphabet())
        pieces = [*alphabet, *(letter + "</w>" for letter in alphabet), "<|startoftext|>", "<|endoftext|>"]
        made = Tokenizer(
            models.BPE({piece: n for n, piece in enumerate(pieces)}, [], end_of_word_suffix="</w>")
        )
        made.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
    elif row.tokenizer == "wordpiece":
        pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *(f"##{letter}" for letter in letters)]
        made = Tokenizer(models.WordPiece({piece: n for n, piece in enumerate(pieces)}, unk_token="[UNK]"))
        made.normalizer = normalizers.BertNormalizer(lowercase=True)
        made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    else:
        marks = {
            "siglip": ["<pad>", "</s>", "<unk>"],
            "gemma": ["<pad>", "<eos>", "<bos>", "<unk>"],
            "xlm-roberta": ["<s>", "<pad>", "</s>", "<unk>"],
        }[row.tokenizer or "siglip"]
        scored = [(mark, 0.0) for mark in marks] + [(piece, -2.0) for piece in ["▁", *letters]]
        made = Tokenizer(models.Unigram(scored, unk_id=marks.index("<unk>"), byte_fallback=False))
        made.pre_tokenizer = pre_tokenizers.Metaspace()
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save(str(path))
    return path


def write(row: ModelRow, folder: Path, *, small: bool = False) -> Path:
    """All files of a row and their manifest, at the real size or a small one. The folder is given back."""
    fixed = 1 if row.repository and row.repository.startswith("immich-app/") else None  # as published
    if row.family == "resnet":
        net = folder / str(row.picture_file)
        resnet(row, net, width=8, depths=(1, 1, 1, 1)) if small else resnet(row, net)
    elif row.family == "text":
        sizes = replace(SMALL, pieces=250) if small else _sizes(WORDS, row)
        sentence_net(row, sizes, folder / str(row.words_file))
    else:
        seen, read = (SMALL, SMALL) if small else (_sizes(PICTURES, row), _sizes(WORDS, row))
        picture_net(
            row,
            replace(seen, dim=seen.width) if row.family == "siglip" else seen,
            folder / str(row.picture_file),
            batch=fixed,
        )
        words = replace(read, dim=seen.width) if row.family == "siglip" else read
        words_net(row, words, folder / str(row.words_file), batch=fixed)
    if row.tokenizer_file:
        tokenizer(row, folder / row.tokenizer_file)
    for name in row.files:
        if not (folder / name).exists():
            (folder / name).write_bytes(b"made by tests.random_weights")
    return manifest(row, folder)


def manifest(row: ModelRow, folder: Path) -> Path:
    """The manifest of a row's files."""
    entries = []
    for name in row.files:
        with (folder / name).open("rb") as source:
            digest = hashlib.file_digest(source, "sha256").hexdigest()
        size_bytes = (folder / name).stat().st_size
        entries.append(
            {
                "name": name,
                "size_bytes": size_bytes,
                "sha256": digest,
                "licence": row.licence,
                "source": "random",
            }
        )
    (folder / "manifest.json").write_text(json.dumps({"files": entries}), encoding="utf-8")
    return folder


def _sizes(known: dict[str, Sizes], row: ModelRow) -> Sizes:
    return next(sizes for name, sizes in known.items() if row.name.startswith(name))


if __name__ == "__main__":
    write(catalog.find(sys.argv[1]), Path(sys.argv[2]))
