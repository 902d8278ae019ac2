"""A Whisper with random weights in the format of faster-whisper, made without torch and without a hub.

What it writes down is the same for every sound; that it runs, in which shape its words come and how fast is
the real thing. Its vocabulary has the real size, the real special tokens in their places, and the empty token
by which the runtime knows a multilingual model.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ctranslate2.specs import whisper_spec
from faster_whisper.tokenizer import _LANGUAGE_CODES
from tokenizers import AddedToken, Tokenizer, decoders, models
from tokenizers.pre_tokenizers import ByteLevel

from heimdex.inference.weights import MANIFEST

TEXT_TOKENS = 50_257
LANGUAGES = _LANGUAGE_CODES[:99]
TIMESTAMPS = 1_501
PROMPT_TOKENS = 4  # start, language, task, no times
FILES = ("config.json", "model.bin", "tokenizer.json", "vocabulary.txt")  # as in the catalog's rows


@dataclass(frozen=True, kw_only=True)
class WhisperSizes:
    """A Whisper's; `tiny` is TINY, tests use less."""

    width: int = 32
    layers: int = 2
    heads: int = 2
    mels: int = 80
    says: int = 40  # words of every window; then it ends
    loops: bool = False  # whether they are one and the same


TINY = WhisperSizes(width=384, layers=4, heads=6)


def make_whisper(folder: Path, sizes: WhisperSizes | None = None, seed: int = 0) -> Path:
    """The files of a model, with their manifest, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    sizes = sizes or WhisperSizes()
    tokens = _tokens()
    spec = whisper_spec.WhisperSpec(sizes.layers, sizes.heads, sizes.layers, sizes.heads)
    _fill(spec, sizes, len(tokens), np.random.default_rng(seed))
    spec.register_vocabulary(tokens)
    first_language = tokens.index(f"<|{LANGUAGES[0]}|>")
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [TEXT_TOKENS]
    spec.config.lang_ids = list(range(first_language, first_language + len(LANGUAGES)))
    spec.config.alignment_heads = [(sizes.layers - 1, head) for head in range(sizes.heads)]
    spec.validate()
    spec.optimize(quantization="float16")
    spec.save(str(folder))
    (folder / "vocabulary.json").unlink()
    (folder / "vocabulary.txt").write_text("".join(f"{token}\n" for token in tokens), encoding="utf-8")
    _tokenizer(tokens).save(str(folder / "tokenizer.json"))
    entries = []
    for name in FILES:
        content = (folder / name).read_bytes()
        entries.append(
            {
                "name": name,
                "size_bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
                "licence": "MIT",
                "source": "random",
            }
        )
    (folder / MANIFEST).write_text(json.dumps({"files": entries}))
    return folder


def _tokens() -> list[str]:
    """All tokens in the order of the real vocabulary; where it has words, these are words too."""
    letters = sorted(ByteLevel.alphabet())
    words = [*(f"Ġw{number}" for number in range(TEXT_TOKENS - len(letters) - 1)), ""]
    special = ["<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in LANGUAGES)]
    special += ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>"]
    special.append("<|notimestamps|>")
    return [*letters, *words, *special, *(f"<|{number * 0.02:.2f}|>" for number in range(TIMESTAMPS))]


def _tokenizer(tokens: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(vocab={token: n for n, token in enumerate(tokens)}, merges=[]))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in tokens[TEXT_TOKENS:]])
    return tokenizer


def _fill(spec: Any, sizes: WhisperSizes, pieces: int, chance: np.random.Generator) -> None:
    width = sizes.width
    encoder, decoder = spec.encoder, spec.decoder
    encoder.conv1.weight = _random(chance, width, sizes.mels, 3)
    encoder.conv2.weight = _random(chance, width, width, 3)
    encoder.conv1.bias = encoder.conv2.bias = np.zeros(width, np.float32)
    encoder.position_encodings.encodings = _random(chance, 1_500, width)
    decoder.embeddings.weight = _random(chance, pieces, width) * 8
    decoder.position_encodings.encodings = decoder.embeddings.weight[_told(sizes)] * 10
    decoder.projection.weight = decoder.embeddings.weight
    for half in (encoder, decoder):
        _norm(half.layer_norm, width)
        for layer in half.layer:
            _attention(layer.self_attention, width, chance, fused=3)
            _linear(layer.ffn.linear_0, 4 * width, width, chance)
            _linear(layer.ffn.linear_1, width, 4 * width, chance)
            _norm(layer.ffn.layer_norm, width)
    for layer in decoder.layer:
        _norm(layer.attention.layer_norm, width)
        _linear(layer.attention.linear[0], width, width, chance)
        _linear(layer.attention.linear[1], 2 * width, width, chance)
        _linear(layer.attention.linear[2], width, width, chance)


def _told(sizes: WhisperSizes) -> list[int]:
    """The token that each place says. It outweighs what was heard: random nets seldom come to an end."""
    first = PROMPT_TOKENS - 1
    words = [1_000 + (0 if sizes.loops else 37 * number) for number in range(sizes.says)]
    return [*[TEXT_TOKENS] * first, *words, *[TEXT_TOKENS] * (448 - first - sizes.says)]


def _attention(attention: Any, width: int, chance: np.random.Generator, *, fused: int) -> None:
    _norm(attention.layer_norm, width)
    _linear(attention.linear[0], fused * width, width, chance)
    _linear(attention.linear[1], width, width, chance)


def _linear(linear: Any, outputs: int, inputs: int, chance: np.random.Generator) -> None:
    linear.weight = _random(chance, outputs, inputs)
    linear.bias = np.zeros(outputs, np.float32)


def _norm(norm: Any, width: int) -> None:
    norm.gamma, norm.beta = np.ones(width, np.float32), np.zeros(width, np.float32)


def _random(chance: np.random.Generator, *shape: int) -> Any:
    return (chance.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)
