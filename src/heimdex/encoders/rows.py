"""The models that can be pulled: pictures and words in one space, and pictures alone.

A row's comment says where its facts come from. "Pinned": repository, commit and file names stand in public
code that uses them. "Remembered": known from use, not seen again when the row was written. Sizes are of the
files named. `match_cosine` stays 0 until it was measured on real weights.
"""

from __future__ import annotations

from dataclasses import replace

from heimdex.encoders.other_rows import OTHERS
from heimdex.encoders.row import ModelRow
from heimdex.encoders.text_rows import TEXTS
from heimdex.encoders.writing_rows import WRITING

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
TOWERS = ("onnx/vision_model.onnx", "onnx/text_model.onnx", "tokenizer.json")  # transformers' exports
HALVES = ("visual/model.onnx", "textual/model.onnx", "textual/tokenizer.json")  # OpenCLIP's, by Immich

# Preprocessing, context and activation: openai/CLIP, and OpenCLIP's OPENAI_DATASET_MEAN and _STD. The exports
# declare no licence of their own; OpenAI's repository is MIT. Their graphs: pixel_values → image_embeds and
# input_ids → text_embeds, all sizes free.
CLIP_B_32 = ModelRow(
    name="clip-vit-b-32-openai",
    family="clip",
    pretrained="openai",
    precision="fp32",
    licence="MIT",
    task="pictures by words and by likeness",
    aliases=(
        "ViT-B-32/openai",
        "ViT-B-32 (openai)",
        "ViT-B-32-quickgelu/openai",
        "ViT-B/32",
        "openai/clip-vit-base-patch32",
        "clip-vit-base-patch32",
        "Xenova/clip-vit-base-patch32",
    ),
    repository="Xenova/clip-vit-base-patch32",
    revision="d15189d7028b43f1d3e65039190477f6af591c2a",  # pinned, sizes too
    files=TOWERS,
    size_bytes=351_685_709 + 254_058_553 + 2_224_119,
    picture_file=TOWERS[0],
    words_file=TOWERS[1],
    tokenizer_file=TOWERS[2],
    input_size=224,
    mean=(0.48145466, 0.4578275, 0.40821073),
    std=(0.26862954, 0.26130258, 0.27577711),
    resize="crop",
    activation="quick_gelu",
    tokenizer="clip",
    context_length=77,
)
CLIP_B_16 = replace(
    CLIP_B_32,
    name="clip-vit-b-16-openai",
    aliases=(
        "ViT-B-16/openai",
        "ViT-B-16 (openai)",
        "ViT-B-16-quickgelu/openai",
        "ViT-B/16",
        "openai/clip-vit-base-patch16",
        "clip-vit-base-patch16",
        "Xenova/clip-vit-base-patch16",
    ),
    repository="Xenova/clip-vit-base-patch16",
    revision="342fdf2f67aded64d138ff074745fb4a5d2bba5f",  # pinned, sizes too
    size_bytes=345_060_583 + 254_058_553 + 2_224_081,
)
CLIP_L_14 = replace(
    CLIP_B_32,
    name="clip-vit-l-14-openai",
    aliases=(
        "ViT-L-14/openai",
        "ViT-L-14 (openai)",
        "ViT-L-14-quickgelu/openai",
        "ViT-L/14",
        "openai/clip-vit-large-patch14",
        "clip-vit-large-patch14",
        "Xenova/clip-vit-large-patch14",
    ),
    repository="Xenova/clip-vit-large-patch14",
    revision="c307790166907339eed5a9a53a249af534102536",  # pinned; the size of the words' file by parameters
    size_bytes=1_216_438_437 + 495_000_000 + 2_224_000,
    compiled_batch=1,
)

# Immich's exports: image → embedding and text → embedding, int32, of norm 1, for one item at a time.
LAION_B_32 = replace(
    CLIP_B_32,
    name="clip-vit-b-32-laion2b",
    pretrained="laion2b_s34b_b79k",
    aliases=(
        "ViT-B-32/laion2b_s34b_b79k",
        "ViT-B-32 (laion2b_s34b_b79k)",
        "ViT-B-32/laion2b",
        "laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
        "ViT-B-32__laion2b-s34b-b79k",
        "immich-app/ViT-B-32__laion2b-s34b-b79k",
    ),
    repository="immich-app/ViT-B-32__laion2b-s34b-b79k",
    revision="19a057a0fb927cf239541300e74237cd56c7ffe2",  # pinned, sizes of the graphs too
    files=HALVES,
    size_bytes=351_613_724 + 254_193_396 + 3_642_073,
    picture_file=HALVES[0],
    words_file=HALVES[1],
    tokenizer_file=HALVES[2],
    activation="gelu",
)
LAION_B_16 = replace(
    LAION_B_32,
    name="clip-vit-b-16-laion2b",
    pretrained="laion2b_s34b_b88k",
    aliases=(
        "ViT-B-16/laion2b_s34b_b88k",
        "ViT-B-16 (laion2b_s34b_b88k)",
        "ViT-B-16/laion2b",
        "laion/CLIP-ViT-B-16-laion2B-s34B-b88K",
    ),
    repository=None,  # no published export was found: it is exported from the checkpoint, or imported
    revision="main",
    files=("picture.onnx", "words.onnx", "tokenizer.json"),
    size_bytes=345_000_000 + 254_000_000 + 2_224_000,
    picture_file="picture.onnx",
    words_file="words.onnx",
    tokenizer_file="tokenizer.json",
)
LAION_L_14 = replace(
    LAION_B_32,
    name="clip-vit-l-14-laion2b",
    pretrained="laion2b_s32b_b82k",
    aliases=(
        "ViT-L-14/laion2b_s32b_b82k",
        "ViT-L-14 (laion2b_s32b_b82k)",
        "ViT-L-14/laion2b",
        "laion/CLIP-ViT-L-14-laion2B-s32B-b82K",
        "ViT-L-14__laion2b-s32b-b82k",
        "immich-app/ViT-L-14__laion2b-s32b-b82k",
    ),
    repository="immich-app/ViT-L-14__laion2b-s32b-b82k",
    revision="main",  # named in public code; no commit seen. Sizes by parameters
    size_bytes=1_216_000_000 + 495_000_000 + 3_642_000,
    mean=(0.5, 0.5, 0.5),  # this checkpoint alone: OpenCLIP's pretrained.py
    std=(0.5, 0.5, 0.5),
)

# XLM-RoBERTa's towers end in a mean over the tokens; the graph makes its mask from padding's number.
XLM_B_32 = replace(
    LAION_B_32,
    name="clip-vit-b-32-xlm-roberta",
    pretrained="laion5b_s13b_b90k",
    task="pictures by words in a hundred languages and by likeness",
    aliases=(
        "xlm-roberta-base-ViT-B-32/laion5b_s13b_b90k",
        "laion/CLIP-ViT-B-32-xlm-roberta-base-laion5B-s13B-b90k",
        "immich-app/XLM-Roberta-Base-ViT-B-32__laion5b_s13b_b90k",
    ),
    repository="immich-app/XLM-Roberta-Base-ViT-B-32__laion5b_s13b_b90k",
    revision="111f6ddca817bb6cd8343c3e3dc5ce39d9ba54b0",  # pinned; sizes rounded there
    size_bytes=351_600_000 + 1_113_000_000 + 17_000_000,
    tokenizer="xlm-roberta",
)

# SigLIP: OpenCLIP squashes to the square, bicubic. Scale and bias of so400m were not seen: none is given.
SIGLIP_SO400M = ModelRow(
    name="siglip-so400m-patch14-384",
    family="siglip",
    pretrained="webli",
    precision="fp32",
    licence="Apache-2.0",
    task="pictures by words and by likeness",
    aliases=(
        "google/siglip-so400m-patch14-384",
        "ViT-SO400M-14-SigLIP-384/webli",
        "ViT-SO400M-14-SigLIP-384 (webli)",
        "immich-app/ViT-SO400M-14-SigLIP-384__webli",
    ),
    repository="immich-app/ViT-SO400M-14-SigLIP-384__webli",
    revision="main",  # named in public code with rounded sizes; no commit seen
    files=HALVES,
    size_bytes=1_713_000_000 + 1_799_000_000 + 2_400_000,
    picture_file=HALVES[0],
    words_file=HALVES[1],
    tokenizer_file=HALVES[2],
    input_size=384,
    compiled_batch=1,  # 729 patches fill the processor
    activation="gelu_tanh",
    tokenizer="siglip",
    context_length=64,
)
# transformers' exports: pixel_values → pooler_output, input_ids (64, no mask) → pooler_output, batch free.
SIGLIP_B_16 = replace(
    SIGLIP_SO400M,
    name="siglip-base-patch16-224",
    aliases=(
        "google/siglip-base-patch16-224",
        "ViT-B-16-SigLIP/webli",
        "ViT-B-16-SigLIP (webli)",
        "Xenova/siglip-base-patch16-224",
    ),
    repository="Xenova/siglip-base-patch16-224",
    revision="4649052661e53c7000355844105f8a1792088239",  # pinned, sizes too
    files=TOWERS,
    size_bytes=371_819_850 + 441_332_132 + 2_398_744,
    picture_file=TOWERS[0],
    words_file=TOWERS[1],
    tokenizer_file=TOWERS[2],
    input_size=224,
    compiled_batch=1,
    logit_scale=117.330795,
    logit_bias=-12.932437,
)
# SigLIP 2: transformers resizes bilinear (remembered); its vocabulary is Gemma's, of many languages.
SIGLIP2_B_16 = replace(
    SIGLIP_B_16,
    name="siglip2-base-patch16-224",
    task="pictures by words in many languages and by likeness",
    aliases=(
        "google/siglip2-base-patch16-224",
        "ViT-B-16-SigLIP2/webli",
        "ViT-B-16-SigLIP2 (webli)",
        "onnx-community/siglip2-base-patch16-224-ONNX",
    ),
    repository="onnx-community/siglip2-base-patch16-224-ONNX",
    revision="ba1f3b0843f24bc5417d38e19c37b287d719b2f4",  # pinned, sizes too
    size_bytes=371_807_752 + 1_129_469_657 + 34_363_039,
    filter="bilinear",
    tokenizer="gemma",
    logit_scale=112.668907,
    logit_bias=-16.771725,
)
SIGLIP2_B_16_256 = replace(
    SIGLIP2_B_16,
    name="siglip2-base-patch16-256",
    aliases=(
        "google/siglip2-base-patch16-256",
        "ViT-B-16-SigLIP2-256/webli",
        "ViT-B-16-SigLIP2-256 (webli)",
        "onnx-community/siglip2-base-patch16-256-ONNX",
    ),
    repository="onnx-community/siglip2-base-patch16-256-ONNX",
    revision="d1114256522a37ffa257a0a58017348ab0058db2",  # pinned, sizes too
    size_bytes=371_992_072 + 1_129_469_657 + 34_363_039,
    input_size=256,
    logit_scale=None,  # not seen
    logit_bias=None,
)
SIGLIP2_B_32 = replace(
    SIGLIP2_B_16,
    name="siglip2-base-patch32-256",
    aliases=(
        "google/siglip2-base-patch32-256",
        "ViT-B-32-SigLIP2-256/webli",
        "ViT-B-32-SigLIP2-256 (webli)",
        "onnx-community/siglip2-base-patch32-256-ONNX",
    ),
    repository="onnx-community/siglip2-base-patch32-256-ONNX",
    revision="7efccb86b5b6601bfe9e14326e1c11b40b68d44c",  # pinned; the words' size is its sister's
    size_bytes=378_478_689 + 1_129_469_657 + 34_363_039,
    input_size=256,
    compiled_batch=8,
    logit_scale=None,  # not seen
    logit_bias=None,
)

RESNET_50 = ModelRow(
    name="resnet50-imagenet",
    family="resnet",
    pretrained="imagenet-1k",
    precision="fp32",
    licence="Apache-2.0",
    task="pictures by likeness",
    aliases=("resnet50", "ResNet50", "microsoft/resnet-50", "onnx-community/resnet-50-ONNX"),
    repository="onnx-community/resnet-50-ONNX",
    revision="b6ef686fe842388c9449c7acb7269d02c69bacfb",  # pinned, size too; preprocessing remembered
    files=("onnx/model.onnx",),
    size_bytes=102_182_062,
    picture_file="onnx/model.onnx",
    input_size=224,
    mean=IMAGENET_MEAN,
    std=IMAGENET_STD,
    resize="centre",
)

PULLED: tuple[ModelRow, ...] = (
    CLIP_B_32,
    CLIP_B_16,
    CLIP_L_14,
    LAION_B_32,
    LAION_B_16,
    LAION_L_14,
    XLM_B_32,
    SIGLIP2_B_32,
    SIGLIP2_B_16,
    SIGLIP2_B_16_256,
    SIGLIP_B_16,
    SIGLIP_SO400M,
    RESNET_50,
    *TEXTS,
    *OTHERS,
    *WRITING,
)
