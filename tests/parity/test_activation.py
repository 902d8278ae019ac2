"""How much the wrong activation costs, and that it is caught: by the guard, and by the vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
import transformers

from heimdex.encoders.clip import ClipEncoder
from heimdex.errors import ModelError
from tests.parity.exporting import LEAST, cosines, options, randomised
from tests.parity.pictures import PICTURES
from tests.parity.test_clip import clip_row, open_clip_reference


@pytest.fixture(scope="module")
def wrongly_exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a quick_gelu model, exported as the library's default would: with gelu."""
    return open_clip_reference("ViT-B-32", "gelu", tmp_path_factory.mktemp("wrong") / "model").folder


@pytest.fixture(scope="module")
def right_vectors() -> Any:
    """What the same weights give with the activation they were trained with."""
    model, _, transform = open_clip.create_model_and_transforms("ViT-B-32-quickgelu")
    randomised(model)
    return model.encode_image(torch.stack([transform(picture.image) for picture in PICTURES]))


def test_the_guard_refuses_the_wrong_export(wrongly_exported: Path) -> None:
    with pytest.raises(ModelError, match=r"computes gelu, .*trained with quick_gelu"):
        ClipEncoder(clip_row("quick_gelu"), options(wrongly_exported))


def test_without_the_guard_its_vectors_would_be_wrong(wrongly_exported: Path, right_vectors: Any) -> None:
    encoder = ClipEncoder(clip_row("gelu"), options(wrongly_exported))
    found = [
        vector.values
        for (vector,) in encoder.encode_pictures([np.asarray(picture.image) for picture in PICTURES])
    ]
    assert cosines(found, right_vectors).max() < LEAST["bf16"]


def test_erf_and_tanh_may_stand_for_each_other() -> None:
    """What `files.ALIKE` allows: as near as parity asks for."""
    found = []
    for name in ("gelu", "gelu_pytorch_tanh"):
        config = transformers.SiglipVisionConfig(hidden_act=name)
        model = randomised(transformers.SiglipVisionModel(config), 1.5)
        found.append(model(torch.randn(4, 3, 224, 224, generator=torch.manual_seed(3))).pooler_output)
    agreement = cosines(*found)
    assert agreement.min() >= LEAST["fp32"]
