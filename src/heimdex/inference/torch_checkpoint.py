"""A checkpoint as a torch model: two towers, ready to be exported. Weights are read, never code."""

from __future__ import annotations

import contextlib
import json
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heimdex.errors import ModelError, ModelUnavailable, WeightsCorrupt
from heimdex.inference.checkpoints import TOKENIZER, Checkpoint
from heimdex.inference.devices import INSTALL
from heimdex.inference.session import Array

try:
    import open_clip
    import torch
    import transformers
except (ImportError, RuntimeError) as err:  # RuntimeError: a torchvision built for another torch
    raise ModelUnavailable(f"Exporting a checkpoint needs more packages ({err}). `{INSTALL}`") from err

TANH = {"gelu": "gelu", "quick_gelu": "quick_gelu", "gelu_tanh": "gelu_pytorch_tanh"}  # transformers' words


@dataclass(frozen=True, kw_only=True)
class Towers:
    """Both halves of a model, in float32 on the processor."""

    pictures: Any  # torch.nn.Module: pixels (n, 3, size, size) → (n, dim)
    words: Any  # torch.nn.Module: tokens (n, length) int64 → (n, dim)
    short_words: Any = None  # the same for any length, where `words` takes only context_length
    input_size: int
    context_length: int
    free_length: bool  # texts may be shorter than context_length: padding at the end changes nothing
    logit_scale: float | None  # of SigLIP: a match's probability is sigmoid(scale · cosine + bias)
    logit_bias: float | None


def load_towers(checkpoint: Checkpoint) -> Towers:
    """The model of a checkpoint with its own activation.

    Raises WeightsCorrupt where its weights cannot be read, ModelError where they do not fit the model.
    """
    with _quiet():
        if checkpoint.format == "open_clip":
            return _open_clip_towers(checkpoint)
        return _hugging_face_towers(checkpoint)


def _open_clip_towers(checkpoint: Checkpoint) -> Towers:
    config = json.loads(json.dumps(dict(checkpoint.config))) or _architecture(str(checkpoint.architecture))
    quick = checkpoint.activation == "quick_gelu"
    custom = bool(config.pop("custom_text", False))
    if "multimodal_cfg" in config:
        raise ModelError("CoCa writes captions; only its CLIP-like relatives can be exported.")
    vision, text = config["vision_cfg"], config["text_cfg"]
    if "timm_model_name" in vision:
        vision["timm_model_pretrained"] = False  # or timm would ask a hub for weights
        if quick and "quickgelu" not in vision["timm_model_name"]:
            raise ModelError(f"{vision['timm_model_name']} has no quick_gelu, which its weights want.")
    build = open_clip.model.CustomTextCLIP if custom else open_clip.model.CLIP
    model = build(**(config | {"quick_gelu": quick}))
    try:
        open_clip.load_checkpoint(model, str(checkpoint.weights), strict=True, weights_only=True)
    except RuntimeError as err:
        raise ModelError(f"{checkpoint.weights} does not fit the model: {_first_lines(err)}") from err
    except Exception as err:  # pickle's, safetensors' and zip's own
        raise WeightsCorrupt(
            f"{checkpoint.weights} cannot be read as weights ({_first_lines(err)})."
        ) from err
    model.eval().requires_grad_(False)
    free = not text.get("no_causal_mask", False) and text.get("pool_type", "argmax") == "argmax"
    bias = getattr(model, "logit_bias", None)
    return Towers(
        pictures=Half(model, "encode_image"),
        words=Half(model, "encode_text"),
        short_words=ShortWords(model) if free and _is_plain(model) else None,
        input_size=int(vision["image_size"]),
        context_length=int(text.get("context_length", 77)),
        free_length=free and _is_plain(model),
        logit_scale=None if bias is None else float(model.logit_scale.exp()),
        logit_bias=None if bias is None else float(bias),
    )


def _is_plain(model: Any) -> bool:
    """Whether the words half is OpenAI's transformer, every layer of it."""
    layers = getattr(getattr(model, "transformer", None), "resblocks", ())
    return bool(len(layers)) and all(
        type(layer) is open_clip.transformer.ResidualAttentionBlock
        and isinstance(layer.attn, torch.nn.MultiheadAttention)
        and hasattr(layer, "ln_1")
        for layer in layers
    )


def _architecture(name: str) -> dict[str, Any]:
    config = open_clip.get_model_config(name)
    if config is None:
        raise ModelError(f"OpenCLIP knows no architecture {name!r}.")
    found: dict[str, Any] = json.loads(json.dumps(config))
    return found


def _hugging_face_towers(checkpoint: Checkpoint) -> Towers:
    try:
        config = transformers.AutoConfig.from_pretrained(str(checkpoint.folder), local_files_only=True)
        for part in (config.text_config, config.vision_config):
            part.hidden_act = TANH[checkpoint.activation]
        model, report = transformers.AutoModel.from_pretrained(
            str(checkpoint.folder),
            config=config,
            local_files_only=True,
            output_loading_info=True,
            use_safetensors=checkpoint.weights.suffix == ".safetensors",
            attn_implementation="eager",  # what the exporter writes plainly
        )
    except Exception as err:  # the library's own errors are of every kind
        raise WeightsCorrupt(f"{checkpoint.folder} cannot be read as a model ({_first_lines(err)}).") from err
    wrong = [name for kind in ("missing_keys", "mismatched_keys") for name in report.get(kind, ())]
    if wrong:
        raise ModelError(
            f"{checkpoint.weights} lacks {wrong[0]} and so does not fit its own {config.model_type}."
        )
    model.float().eval().requires_grad_(False)
    siglip = checkpoint.format == "siglip"
    return Towers(
        pictures=Half(model, "get_image_features", "pixel_values"),
        words=Half(model, "get_text_features", "input_ids"),
        input_size=int(config.vision_config.image_size),
        context_length=int(config.text_config.max_position_embeddings),
        free_length=not siglip,
        logit_scale=float(model.logit_scale.exp()) if siglip else None,
        logit_bias=float(model.logit_bias) if siglip else None,
    )


class Half(torch.nn.Module):  # type: ignore[misc]  # torch is not there where types are checked
    """One method of a model as a module of its own."""

    def __init__(self, model: Any, method: str, keyword: str | None = None) -> None:
        super().__init__()
        self.model, self.method, self.keyword = model, method, keyword

    def forward(self, given: Any) -> Any:
        """What the method gives, whatever it wraps it in."""
        work = getattr(self.model, self.method)
        found = work(given) if self.keyword is None else work(**{self.keyword: given})
        return found if isinstance(found, torch.Tensor) else found.pooler_output


class ShortWords(torch.nn.Module):  # type: ignore[misc]
    """OpenCLIP's CLIP.encode_text, for fewer tokens too: a place sees only those before it anyway.

    Its attention is written out: in torch's own, the exporter takes the length to be that of the example.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Any) -> Any:
        """The vector at the end mark, the largest number of the row."""
        model = self.model
        places = (tokens * 0 + 1).cumsum(1) - 1
        mask = model.attn_mask[places[0]][:, places[0]]
        x = model.token_embedding(tokens) + torch.nn.functional.embedding(places, model.positional_embedding)
        for block in model.transformer.resblocks:
            x = x + block.ls_1(self._attend(block.attn, block.ln_1(x), mask))
            x = x + block.ls_2(block.mlp(block.ln_2(x)))
        pooled = model.ln_final(x)[torch.arange(x.shape[0]), tokens.argmax(dim=-1)]
        if isinstance(model.text_projection, torch.nn.Linear):
            return model.text_projection(pooled)
        return pooled if model.text_projection is None else pooled @ model.text_projection

    def _attend(self, attn: Any, x: Any, mask: Any) -> Any:
        mixed = torch.nn.functional.linear(x, attn.in_proj_weight, attn.in_proj_bias)
        shape = (x.shape[0], -1, attn.num_heads, attn.head_dim)
        query, key, value = (part.reshape(shape).transpose(1, 2) for part in mixed.chunk(3, dim=-1))
        likeness = query @ key.transpose(-1, -2) * attn.head_dim**-0.5 + mask
        seen = (likeness.softmax(-1) @ value).transpose(1, 2).reshape(x.shape[0], -1, attn.embed_dim)
        return attn.out_proj(seen)


def tokenizer_json(checkpoint: Checkpoint) -> str:
    """The tokenizer as the text of a tokenizer.json.

    From the checkpoint's folder; or CLIP's own vocabulary, which comes with OpenCLIP. Raises ModelUnavailable
    where it is another one and not there.
    """
    path = checkpoint.folder / TOKENIZER
    if path.exists():
        return path.read_text(encoding="utf-8")
    if (checkpoint.folder / "vocab.json").exists() and (checkpoint.folder / "merges.txt").exists():
        made = transformers.AutoTokenizer.from_pretrained(str(checkpoint.folder), local_files_only=True)
        return str(made.backend_tokenizer.to_str())
    named = checkpoint.config.get("text_cfg", {}).get("hf_tokenizer_name")
    if checkpoint.format != "open_clip" or named:
        origin = f" It is that of {named}." if named else ""
        raise ModelUnavailable(f"{checkpoint.folder} has no {TOKENIZER}.{origin} Put it there.")
    return _clip_tokenizer()


def _clip_tokenizer() -> str:
    """OpenAI's byte-pair vocabulary, as transformers' CLIPTokenizerFast would save it."""
    from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

    source = open_clip.tokenizer.SimpleTokenizer()
    merges = sorted(source.bpe_ranks, key=source.bpe_ranks.__getitem__)
    marks = {
        source.sot_token_id: "<|startoftext|>",
        source.eot_token_id: "<|endoftext|>",
    }
    made = Tokenizer(
        models.BPE(
            vocab={marks.get(number, piece): number for piece, number in source.encoder.items()},
            merges=merges,
            end_of_word_suffix="</w>",
            continuing_subword_prefix="",
            unk_token="<|endoftext|>",
        )
    )
    made.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    words = Regex(r"""'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+""")
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(words, behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    for mark in marks.values():
        made.add_special_tokens([AddedToken(mark, special=True, normalized=False)])
    return str(made.to_str())


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what the libraries say while they load; what matters is raised."""
    loggers = [logging.getLogger(), logging.getLogger("transformers"), logging.getLogger("open_clip")]
    levels = [logger.level for logger in loggers]
    bars = transformers.utils.logging.is_progress_bar_enabled()
    transformers.utils.logging.disable_progress_bar()
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        if bars:
            transformers.utils.logging.enable_progress_bar()


def run_tower(tower: Any, given: Array) -> Array:
    """What the checkpoint itself gives."""
    with torch.inference_mode():
        found: Array = tower(torch.from_numpy(given)).float().numpy()
        return found


def write_graph(tower: Any, given: Array, path: Path, axes: dict[str, dict[int, str]]) -> None:
    """One tower as ONNX. `axes`: its input and its output, each with the dimensions that stay free."""
    torch.backends.mha.set_fastpath_enabled(False)  # its fused attention has no counterpart in ONNX
    try:
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")  # of tracing: what it gives is compared with the model afterwards
            torch.onnx.export(
                tower,
                (torch.from_numpy(given),),
                str(path),
                input_names=list(axes)[:1],
                output_names=list(axes)[1:],
                dynamic_axes=axes,
                opset_version=17,
                dynamo=False,  # docs/decisions/0024-torch.md
            )
    except Exception as err:
        raise ModelError(f"The model cannot be written as ONNX ({_first_lines(err)}).") from err
    finally:
        torch.backends.mha.set_fastpath_enabled(True)


def _first_lines(err: BaseException) -> str:
    lines = [line.strip() for line in str(err).splitlines() if line.strip()]
    return " ".join(lines[:2])[:300] or type(err).__name__
