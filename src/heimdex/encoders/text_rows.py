"""The sentence models that can be pulled."""

from __future__ import annotations

from heimdex.encoders.row import ModelRow

BGE_M3 = ModelRow(
    name="bge-m3",
    family="text",
    pretrained="bge-m3",
    precision="fp32",
    licence="MIT",
    task="texts by meaning, in a hundred languages",
    aliases=("BAAI/bge-m3", "BGE-M3"),
    repository="BAAI/bge-m3",
    revision="5617a9f61b028005a4858fdac845db406aefb181",  # pinned, sizes too
    # The small one holds a table the exporter cut out; some load the graph without it, some cannot.
    files=(
        "onnx/model.onnx",
        "onnx/model.onnx_data",
        "onnx/Constant_7_attr__value",
        "onnx/tokenizer.json",
    ),
    size_bytes=724_923 + 2_266_820_608 + 65_552 + 17_082_821,
    words_file="onnx/model.onnx",
    tokenizer_file="onnx/tokenizer.json",
    activation="gelu",
    tokenizer="xlm-roberta",
    context_length=512,  # it takes 8,192; passages here are short, and time grows with the square
    pooling="first",
)
E5_SMALL = ModelRow(
    name="multilingual-e5-small",
    family="text",
    pretrained="multilingual-e5-small",
    precision="fp32",
    licence="MIT",
    task="texts by meaning, in a hundred languages",
    aliases=("intfloat/multilingual-e5-small", "e5-small"),
    repository="intfloat/multilingual-e5-small",
    revision="614241f622f53c4eeff9890bdc4f31cfecc418b3",  # pinned, sizes too
    files=("onnx/model.onnx", "onnx/tokenizer.json"),
    size_bytes=470_268_510 + 17_082_730,
    words_file="onnx/model.onnx",
    tokenizer_file="onnx/tokenizer.json",
    activation="gelu",
    tokenizer="xlm-roberta",
    context_length=512,
    query_prefix="query: ",
    passage_prefix="passage: ",
)
MINILM_L6 = ModelRow(
    name="all-minilm-l6-v2",
    family="text",
    pretrained="all-MiniLM-L6-v2",
    precision="fp32",
    licence="Apache-2.0",
    task="English texts by meaning",
    aliases=("sentence-transformers/all-MiniLM-L6-v2", "all-MiniLM-L6-v2", "MiniLM"),
    repository="sentence-transformers/all-MiniLM-L6-v2",
    revision="c9745ed1d9f207416be6d2e6f8de32d1f16199bf",  # pinned, sizes too
    files=("onnx/model.onnx", "tokenizer.json"),
    size_bytes=90_405_214 + 466_247,
    words_file="onnx/model.onnx",
    tokenizer_file="tokenizer.json",
    activation="gelu",
    tokenizer="wordpiece",
    context_length=256,
)
STARTER_SENTENCES = ModelRow(
    name="starter-sentences",
    family="text",
    pretrained="all-MiniLM-L6-v2",
    precision="int8",
    licence="Apache-2.0",
    task="English texts by meaning",
    packaged=True,
    files=("starter-words.onnx", "starter-tokenizer.json"),
    size_bytes=22_787_736 + 466_081,
    words_file="starter-words.onnx",
    tokenizer_file="starter-tokenizer.json",
    activation="gelu",
    tokenizer="wordpiece",
    context_length=64,
)

TEXTS: tuple[ModelRow, ...] = (STARTER_SENTENCES, MINILM_L6, E5_SMALL, BGE_M3)
