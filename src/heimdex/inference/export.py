"""One's own checkpoint made a model of the store: two ONNX graphs, a tokenizer and a manifest."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from heimdex.errors import ModelError, UsageError, WeightsCorrupt
from heimdex.inference.batches import cosine
from heimdex.inference.checkpoints import Checkpoint, Hints, read_checkpoint
from heimdex.inference.checksums import digest_file
from heimdex.inference.graphs import read_graph
from heimdex.inference.openvino_session import OpenVinoSession
from heimdex.inference.session import Array, SessionOptions
from heimdex.inference.staging import STAGING
from heimdex.inference.weights import MANIFEST, VerifiedFile

PICTURES, WORDS, TOKENIZER = "pictures.onnx", "words.onnx", "tokenizer.json"
PIXELS, TOKENS, EMBEDDING = "pixels", "tokens", "embedding"
LEAST_COSINE = 0.9999  # of what the graph gives to what the checkpoint gives, both in fp32
SHORT = 8  # tokens
PROBES = 3  # pictures and texts they are compared on
ALIKE = frozenset({"gelu", "gelu_tanh"})  # as the activation guard of the encoders has it
VOCABULARIES = {49408: "clip", 32000: "siglip", 256000: "gemma"}  # tokens → which tokenizer


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportOptions:
    """What an exported model is called, and where it goes."""

    name: str
    models_dir: Path
    licence: str  # SPDX; whoever exports knows it, a checkpoint rarely says it
    hints: Hints = field(default_factory=Hints)
    replace: bool = False  # a model of that name that is there already


@dataclass(frozen=True, kw_only=True, slots=True)
class Exported:
    """What was written."""

    folder: Path
    row: Mapping[str, Any]  # the fields of its catalog row
    picture_cosine: float  # the least, between graph and checkpoint
    words_cosine: float


def export(path: Path, options: ExportOptions) -> Exported:
    """Export the checkpoint at a path, a folder or a file of weights, into the models folder.

    The graphs are run and compared with the checkpoint before anything is installed. Raises ModelUnavailable
    where packages, weights or the tokenizer are missing, WeightsCorrupt where weights cannot be read,
    ModelError where they do not fit, or graph and checkpoint differ, UsageError where the name is taken.
    """
    final = options.models_dir / options.name
    if Path(options.name).name != options.name or options.name.startswith("."):
        raise UsageError(f"{options.name!r} cannot be a model's name: it becomes a folder's.")
    if final.exists() and not options.replace:
        raise UsageError(f"There is a model {options.name} already; say --replace, or another name.")
    checkpoint = read_checkpoint(path, options.hints)
    base = options.models_dir / STAGING  # a half-written model among the models would be taken for damaged
    base.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(dir=base, prefix="export-"))
    try:
        made = _make(checkpoint, options, place)
        place.chmod(0o755)
        if final.exists():
            shutil.rmtree(final)
        place.rename(final)
    except BaseException:  # Ctrl-C leaves nothing behind either
        shutil.rmtree(place, ignore_errors=True)
        raise
    return made


def _make(checkpoint: Checkpoint, options: ExportOptions, place: Path) -> Exported:
    from heimdex.inference.torch_checkpoint import load_towers, run_tower, tokenizer_json, write_graph

    tokenizer = tokenizer_json(checkpoint)
    kind = _tokenizer_kind(tokenizer)
    towers = load_towers(checkpoint)
    if checkpoint.input_size not in (0, towers.input_size):
        raise ModelError(
            f"Its pictures are prepared at {checkpoint.input_size} px; the model takes {towers.input_size}."
        )
    (place / TOKENIZER).write_text(tokenizer, encoding="utf-8")
    pixels, tokens = _probes(towers.input_size, towers.context_length, kind)
    free = {0: "n", 1: "length"} if towers.free_length else {0: "n"}
    halves = (
        (towers.pictures, place / PICTURES, PIXELS, pixels, {0: "n"}),
        (towers.words, place / WORDS, TOKENS, tokens, free),
    )
    cosines = []
    for tower, path, port, given, axes in halves:
        exported = towers.short_words or tower if tower is towers.words else tower
        write_graph(exported, given[:2], path, {port: axes, EMBEDDING: {0: "n"}})
        _check_activation(path, checkpoint)
        wanted = run_tower(tower, given)
        cosines.append(_compared(path, port, given, wanted))
        if port == TOKENS and towers.free_length:  # the last text is a short one
            cosines[-1] = min(cosines[-1], _compared(path, port, given[-1:, :SHORT], wanted[-1:]))
    row = _row(checkpoint, options, kind, towers)
    _write_manifest(checkpoint, options, place, row)
    return Exported(
        folder=options.models_dir / options.name, row=row, picture_cosine=cosines[0], words_cosine=cosines[1]
    )


def _check_activation(path: Path, checkpoint: Checkpoint) -> None:
    """Raise ModelError where the graph computes another activation than the checkpoint was trained with."""
    for found in read_graph(_verified(path)).activations:
        if found != checkpoint.activation and not {found, checkpoint.activation} <= ALIKE:
            raise ModelError(
                f"The graph of {checkpoint.weights} computes {found}, where {checkpoint.activation} belongs."
            )


def _compared(path: Path, port: str, given: Array, wanted: Array) -> float:
    """The least cosine of what the graph gives to what is wanted. Raises ModelError where it is too small."""
    options = SessionOptions(precision="fp32", requests=1, batches=(1,))
    with OpenVinoSession(_verified(path), options) as session:
        found = session.run({port: given})[EMBEDDING]
    least = min(cosine(one, two) for one, two in zip(found, wanted, strict=True))
    if least < LEAST_COSINE:
        raise ModelError(
            f"The graph {path.name} gives other vectors than the checkpoint (cosine {least:.5f}); it was not "
            "installed."
        )
    return least


def _verified(path: Path) -> VerifiedFile:
    return VerifiedFile(path=path, sha256=digest_file(path).sha256)


def _probes(side: int, length: int, kind: str) -> tuple[Array, Array]:
    """Pictures and texts to compare on: noise, and numbers with CLIP's marks where they belong."""
    noise = np.random.default_rng(7)
    pixels = noise.standard_normal((PROBES, 3, side, side)).astype(np.float32)
    tokens = noise.integers(1, min(VOCABULARIES, default=1) - 2, (PROBES, length), dtype=np.int64)
    if kind == "clip":
        for row, end in enumerate(np.linspace(length - 1, 3, PROBES).astype(int)):
            tokens[row, 0], tokens[row, end], tokens[row, end + 1 :] = 49406, 49407, 0
    return pixels, tokens


def _tokenizer_kind(text: str) -> str:
    try:
        content = json.loads(text)
        vocabulary = content["model"]["vocab"]
        known = {piece if isinstance(piece, str) else piece[0] for piece in vocabulary}
        known |= {added["content"] for added in content.get("added_tokens", ())}
    except (ValueError, KeyError, TypeError, IndexError) as err:
        raise WeightsCorrupt(f"The {TOKENIZER} cannot be read as one ({err}).") from err
    if len(known) not in VOCABULARIES:
        raise ModelError(
            f"A tokenizer of {len(known):,} pieces is none that Heimdex knows: CLIP's has 49,408, SigLIP's "
            "32,000, SigLIP 2's 256,000."
        )
    return VOCABULARIES[len(known)]


def _row(checkpoint: Checkpoint, options: ExportOptions, kind: str, towers: Any) -> dict[str, Any]:
    return {
        "name": options.name,
        "family": "clip" if kind == "clip" else "siglip",
        "pretrained": checkpoint.weights.name,
        "precision": "fp32",
        "licence": options.licence,
        "task": "pictures by words and by likeness",
        "repository": None,
        "files": [PICTURES, WORDS, TOKENIZER],
        "picture_file": PICTURES,
        "words_file": WORDS,
        "tokenizer_file": TOKENIZER,
        "input_size": towers.input_size,
        "mean": list(checkpoint.mean),
        "std": list(checkpoint.std),
        "resize": checkpoint.resize,
        "filter": checkpoint.filter,
        "activation": checkpoint.activation,
        "tokenizer": kind,
        "context_length": towers.context_length,
        "logit_scale": _finite(towers.logit_scale),
        "logit_bias": _finite(towers.logit_bias),
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _write_manifest(
    checkpoint: Checkpoint, options: ExportOptions, place: Path, row: Mapping[str, Any]
) -> None:
    origin = digest_file(checkpoint.weights)
    write_manifest(
        place,
        row,
        licence=options.licence,
        source=f"exported from {checkpoint.weights.name}, SHA-256 {origin.sha256}",
    )


def write_manifest(place: Path, row: Mapping[str, Any], *, licence: str, source: str) -> None:
    """The manifest of a model that was made here: its files, and the row the catalog reads it by."""
    files = []
    for name in row["files"]:
        digest = digest_file(place / name)
        files.append(
            {
                "name": name,
                "size_bytes": digest.size_bytes,
                "sha256": digest.sha256,
                "licence": licence,
                "source": source,
            }
        )
    content = {
        "model": row["name"],
        "repository": None,
        "revision": "own",
        "commit": None,
        "files": files,
        "row": dict(row) | {"size_bytes": sum(int(entry["size_bytes"]) for entry in files)},
    }
    (place / MANIFEST).write_text(json.dumps(content, indent=2), encoding="utf-8")
