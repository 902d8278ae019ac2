"""A model is a row of frozen data; how it is to be loaded is another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from heimdex.inference.session import Precision
from heimdex.inference.transforms import Filter, Resize

WEIGHTS_FOLDER = Path(__file__).resolve().parent.parent / "weights"
"""The starter's weights, which come with the package."""

Family = Literal["starter", "clip", "siglip", "resnet", "text", "speech", "writing", "faces", "cuts"]
Activation = Literal["gelu", "gelu_tanh", "quick_gelu"]
"""`gelu`: x·Φ(x) by erf (Hendrycks & Gimpel 2016); `gelu_tanh`: their approximation of it by tanh, JAX's and
so SigLIP's. `quick_gelu`: x·sigmoid(1.702 x), OpenAI's CLIP."""
TokenizerKind = Literal["clip", "siglip", "gemma", "wordpiece", "xlm-roberta"]
Pooling = Literal["first", "mean"]
"""How a sentence's vector comes from its tokens': the first one's (BERT's [CLS]), or their mean."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRow:
    """What is known of a model without loading it. Dimensions are not: those are read from the graph."""

    name: str  # the catalog name; a Vector's Space carries it, and its folder is called so
    family: Family
    pretrained: str  # which weights, as their publishers call them
    precision: str  # of the stored weights: other weights, another model
    licence: str  # SPDX
    task: str
    aliases: tuple[str, ...] = ()  # other spellings of the same weights
    packaged: bool = False  # its files come with Heimdex
    commercial: bool = True  # whether the licence allows commercial use
    repository: str | None = None  # on the hub; None: comes with the package, or was imported
    revision: str = "main"  # branch, tag or commit; the local manifest records the commit that was pulled
    files: tuple[str, ...]  # paths in the repository, in the folder and in its manifest
    size_bytes: int = 0  # of all files, about; the hub knows exactly
    picture_file: str | None = None  # which of the files is the graph for pictures
    words_file: str | None = None  # which is the graph for words
    tokenizer_file: str | None = None
    input_size: int = 0  # px, the side of the square a picture is made to fit
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)  # of RGB in 0-1
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    resize: Resize = "squash"
    filter: Filter = "bicubic"
    compiled_batch: int = 8  # pictures in flight in one graph; 1 where a picture alone fills the processor
    activation: Activation | None = None  # by the checkpoint's own tag; None: the model has none of them
    tokenizer: TokenizerKind | None = None
    context_length: int = 0  # tokens, marks included
    pooling: Pooling = "mean"  # of sentence models
    logit_scale: float | None = None  # SigLIP: a match's probability is sigmoid(scale · cosine + bias)
    logit_bias: float | None = None
    query_prefix: str = ""  # what this model wants before a question
    passage_prefix: str = ""  # and before what is searched
    script: str = ""  # of recognisers of writing: the alphabet they are for, by ISO 15924
    languages: tuple[str, ...] = ()  # and its name and its languages' codes (ISO 639-1)
    match_cosine: float = 0.0  # words to picture: from here a picture shows what was asked; 0: unknown


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadOptions:
    """How a model is to be loaded."""

    weights_dir: Path | None = None  # where its files lie; None: where the catalog expects them
    models_dir: Path | None = None  # below it each pulled or imported model has a folder of its name
    cache_dir: Path | None = None  # compiled graphs and checked checksums; None: nothing is kept
    device: str = "cpu"
    precision: Precision = "auto"
    threads: int = 0  # 0: as many as the machine has cores
