"""transformers' and OpenCLIP's SigLIP beside ours; so400m with all its odd sizes, but fewer layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
import transformers
from PIL import Image

from heimdex.encoders.row import ModelRow
from heimdex.encoders.siglip import SiglipEncoder
from heimdex.errors import ModelError
from heimdex.inference.session import Precision
from tests.parity.exporting import (
    LEAST,
    Graph,
    alike,
    cosines,
    export,
    made_row,
    manifest,
    options,
    randomised,
)
from tests.parity.pictures import PICTURES
from tests.parity.vocabularies import unigram_tokenizer

MARKS = ("<pad>", "</s>", "<unk>")  # SigLIP's numbers 0, 1, 2
TEXTS = ("a dog on the beach", "A Dog!", "", "two cats, one sofa; snake_case", "word " * 100, "日本 café")
SIZES: dict[str, dict[str, dict[str, int]]] = {
    "base-patch16-224": {"vision": {}, "text": {}},
    "so400m-patch14-384": {
        "vision": {
            "hidden_size": 1152,
            "intermediate_size": 4304,
            "num_attention_heads": 16,
            "image_size": 384,
            "patch_size": 14,
        },
        "text": {"hidden_size": 1152, "intermediate_size": 4304, "num_attention_heads": 16},
    },
}


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A model of another library, and the folder our encoder reads its weights from."""

    row: ModelRow
    folder: Path
    pictures: Callable[[list[Image.Image]], Any]
    words: Callable[[Any], Any]


def reference_of(name: str, folder: Path) -> Reference:
    config = transformers.SiglipConfig(
        text_config=SIZES[name]["text"] | {"num_hidden_layers": 3, "vocab_size": 400},
        vision_config=SIZES[name]["vision"] | {"num_hidden_layers": 3},
    )
    model = randomised(transformers.SiglipModel._from_config(config, attn_implementation="eager"), 1.5)
    side = config.vision_config.image_size
    processor = transformers.SiglipImageProcessorPil(size={"height": side, "width": side}, resample=3)
    for path, function, example, names in (
        ("picture.onnx", picture_of(model), torch.zeros(2, 3, side, side), ("pixel_values", "pooler_output")),
        ("words.onnx", words_of(model), torch.ones(2, 64, dtype=torch.long), ("input_ids", "pooler_output")),
    ):
        export(
            model,
            Graph(
                function=function,
                example=(example,),
                inputs=names[:1],
                outputs=("last_hidden_state", names[1]),
                free=dict.fromkeys((*names, "last_hidden_state"), (0,)),
            ),
            folder / path,
        )
    unigram_tokenizer(folder / "tokenizer.json", MARKS)
    row = made_row(
        family="siglip",
        activation="gelu_tanh",
        input_size=side,
        tokenizer="siglip",
        context_length=64,
        logit_scale=117.33,
        logit_bias=-12.93,
    )
    return Reference(
        row=row,
        folder=manifest(folder),
        pictures=lambda images: picture_of(model)(processor(images, return_tensors="pt")["pixel_values"])[1],
        words=lambda tokens: words_of(model)(tokens)[1],
    )


def picture_of(model: Any) -> Callable[[Any], Any]:
    def function(pixels: Any) -> Any:
        found = model.vision_model(pixels)
        return found.last_hidden_state, found.pooler_output

    return function


def words_of(model: Any) -> Callable[[Any], Any]:
    def function(tokens: Any) -> Any:
        found = model.text_model(tokens)
        return found.last_hidden_state, found.pooler_output

    return function


def tokens_of(path: Path, texts: tuple[str, ...]) -> Any:
    """As OpenCLIP's SigLipTokenizer does it: cleaned, cut, ended and filled up with </s>."""
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(path), pad_token="</s>", eos_token="</s>", unk_token="<unk>"
    )
    clean = open_clip.tokenizer.get_clean_fn("canonicalize")
    rows = []
    for text in texts:
        pieces = tokenizer.encode(clean(text), add_special_tokens=False)[:63]
        rows.append([*pieces, *[1] * (64 - len(pieces))])
    return torch.tensor(rows)


@pytest.fixture(scope="module", params=list(SIZES))
def reference(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return reference_of(request.param, tmp_path_factory.mktemp("siglip") / "model")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_pictures_get_the_reference_s_vectors(reference: Reference, precision: Precision) -> None:
    encoder = SiglipEncoder(reference.row, options(reference.folder, precision))
    images = [picture.image.convert("RGB") for picture in PICTURES[:7]]
    wanted = reference.pictures(images)
    assert alike(wanted) < 0.98
    found = [vector.values for (vector,) in encoder.encode_pictures([np.asarray(image) for image in images])]
    assert cosines(found, wanted).min() >= LEAST[precision]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_texts_get_the_reference_s_vectors(reference: Reference, precision: Precision) -> None:
    encoder = SiglipEncoder(reference.row, options(reference.folder, precision))
    wanted = reference.words(tokens_of(reference.folder / "tokenizer.json", TEXTS))
    found = [vector.values for vector in encoder.encode_words(TEXTS)]
    assert cosines(found, wanted).min() >= LEAST[precision]
    assert cosines(found[0:1], found[3:4])[0] < LEAST["bf16"]


def test_a_graph_with_the_clip_activation_is_refused(reference: Reference) -> None:
    row = made_row(family="siglip", activation="quick_gelu", input_size=224, tokenizer="siglip")
    with pytest.raises(ModelError, match=r"computes gelu_tanh.*random.*quick_gelu"):
        SiglipEncoder(row, options(reference.folder))
