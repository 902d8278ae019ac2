"""OpenCLIP's and transformers' CLIP beside ours: the same pictures, the same texts, the same vectors."""

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

from heimdex.encoders.clip import ClipEncoder
from heimdex.encoders.row import Activation, ModelRow
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
from tests.parity.vocabularies import NASTY, PLAIN, clip_tokenizer

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
ALIKE = 0.98  # cosine of different pictures, at most: parity of vectors that are all one proves nothing


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A model of another library, and the folder our encoder reads its weights from."""

    row: ModelRow
    folder: Path
    pictures: Callable[[list[Image.Image]], Any]
    words: Callable[[list[str]], Any]
    images: tuple[Image.Image, ...] = tuple(picture.image.convert("RGB") for picture in PICTURES)
    texts: tuple[str, ...] = NASTY


def open_clip_reference(name: str, activation: Activation, folder: Path) -> Reference:
    model, _, transform = open_clip.create_model_and_transforms(name)
    randomised(model)
    tokenize = open_clip.get_tokenizer(name)
    export(
        model,
        Graph(
            function=model.encode_image,
            example=(torch.zeros(2, 3, 224, 224),),
            inputs=("pixels",),
            outputs=("embedding",),
            free={"pixels": (0,), "embedding": (0,)},
        ),
        folder / "picture.onnx",
    )
    export(
        model,
        Graph(
            function=model.encode_text,
            example=(torch.ones(2, 77, dtype=torch.long),),
            inputs=("tokens",),
            outputs=("embedding",),
            free={"tokens": (0,), "embedding": (0,)},
        ),
        folder / "words.onnx",
    )
    clip_tokenizer(folder / "tokenizer.json")

    def pictures(images: list[Image.Image]) -> Any:
        return model.encode_image(torch.stack([transform(image) for image in images]))

    return Reference(
        row=clip_row(activation),
        folder=manifest(folder),
        pictures=pictures,
        words=lambda texts: model.encode_text(tokenize(texts)),
    )


def transformers_reference(folder: Path) -> Reference:
    """CLIPModel as its published exports have it: free sizes, a mask, the end mark for padding."""
    config = transformers.CLIPConfig(
        text_config={"num_hidden_layers": 4, "eos_token_id": 49407}, vision_config={"num_hidden_layers": 4}
    )
    model = randomised(transformers.CLIPModel._from_config(config, attn_implementation="eager"))
    processor = transformers.CLIPImageProcessorPil()
    tokenizer = transformers.CLIPTokenizer.from_pretrained(clip_tokenizer(folder / "tokenizer.json").parent)

    def picture(pixels: Any) -> Any:
        return model.visual_projection(model.vision_model(pixels).pooler_output)

    def words(tokens: Any, mask: Any) -> Any:
        return model.text_projection(model.text_model(tokens, attention_mask=mask).pooler_output)

    export(
        model,
        Graph(
            function=picture,
            example=(torch.zeros(2, 3, 224, 224),),
            inputs=("pixel_values",),
            outputs=("image_embeds",),
            free={"pixel_values": (0, 1, 2, 3), "image_embeds": (0,)},
        ),
        folder / "picture.onnx",
    )
    export(
        model,
        Graph(
            function=words,
            example=(torch.ones(2, 9, dtype=torch.long), torch.ones(2, 9, dtype=torch.long)),
            inputs=("input_ids", "attention_mask"),
            outputs=("text_embeds",),
            free={"input_ids": (0, 1), "attention_mask": (0, 1), "text_embeds": (0,)},
        ),
        folder / "words.onnx",
    )

    def pictures(images: list[Image.Image]) -> Any:
        return picture(processor(images, return_tensors="pt")["pixel_values"])

    def their_words(texts: list[str]) -> Any:
        tokens = tokenizer(texts, padding=True, truncation=True, max_length=77, return_tensors="pt")
        return words(tokens["input_ids"], tokens["attention_mask"])

    return Reference(
        row=clip_row("quick_gelu"),
        folder=manifest(folder),
        pictures=pictures,
        words=their_words,
        # It cuts the middle out half a pixel elsewhere where there is none: OpenAI's does as torchvision.
        images=tuple(
            image for image in Reference.images if (max(image.size) * 224 // min(image.size)) % 2 == 0
        ),
        texts=PLAIN,
    )


def clip_row(activation: Activation) -> ModelRow:
    return made_row(
        family="clip",
        activation=activation,
        input_size=224,
        mean=MEAN,
        std=STD,
        resize="crop",
        tokenizer="clip",
        context_length=77,
    )


@pytest.fixture(
    scope="module", params=["ViT-B-32-quickgelu", "ViT-B-32", "ViT-B-16-quickgelu", "transformers"]
)
def reference(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    folder = tmp_path_factory.mktemp(request.param) / "model"
    if request.param == "transformers":
        return transformers_reference(folder)
    activation: Activation = "quick_gelu" if request.param.endswith("quickgelu") else "gelu"
    return open_clip_reference(request.param, activation, folder)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_pictures_get_the_reference_s_vectors(reference: Reference, precision: Precision) -> None:
    encoder = ClipEncoder(reference.row, options(reference.folder, precision))
    wanted = reference.pictures(list(reference.images))
    assert len(wanted) >= 6
    assert alike(wanted) < ALIKE
    pictures = [np.asarray(image) for image in reference.images]
    found = [vector.values for (vector,) in encoder.encode_pictures(pictures)]
    assert cosines(found, wanted).min() >= LEAST[precision]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_texts_get_the_reference_s_vectors(reference: Reference, precision: Precision) -> None:
    encoder = ClipEncoder(reference.row, options(reference.folder, precision))
    wanted = reference.words(list(reference.texts))
    assert len(wanted) >= 12
    found = [vector.values for vector in encoder.encode_words(reference.texts)]
    assert cosines(found, wanted).min() >= LEAST[precision]


def test_the_other_activation_is_refused_naming_both(reference: Reference) -> None:
    other: Activation = "gelu" if reference.row.activation == "quick_gelu" else "quick_gelu"
    with pytest.raises(ModelError, match=rf"computes {reference.row.activation}.*random.*{other}"):
        ClipEncoder(clip_row(other), options(reference.folder))
