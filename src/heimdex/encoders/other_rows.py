"""Models that are pulled and checked like all others and read elsewhere: speech, faces, cuts."""

from __future__ import annotations

from heimdex.encoders.row import ModelRow

SMALL_FILES_BYTES = 2_203_239 + 459_861 + 2_400  # tokenizer, vocabulary, config of the whisper models
LARGE_FILES_BYTES = 2_480_617 + 1_068_114 + 2_394 + 340


def _whisper(name: str, revision: str, size_bytes: int, repository: str | None = None) -> ModelRow:
    """A row of faster-whisper. Repositories, commits and sizes: pinned in three or more public projects."""
    large = name in ("large-v3", "turbo")
    words = ("preprocessor_config.json", "vocabulary.json") if large else ("vocabulary.txt",)
    repository = repository or f"Systran/faster-whisper-{name}"
    original = "large-v3-turbo" if name == "turbo" else name
    return ModelRow(
        name=f"faster-whisper-{name}",
        family="speech",
        pretrained=name,
        precision="fp16",
        licence="MIT",
        task="writing down what is said",
        aliases=(repository, f"openai/whisper-{original}"),
        repository=repository,
        revision=revision,
        files=("config.json", "model.bin", "tokenizer.json", *words),
        size_bytes=size_bytes + (LARGE_FILES_BYTES if large else SMALL_FILES_BYTES),
    )


OTHERS: tuple[ModelRow, ...] = (
    _whisper("tiny", "d90ca5fe260221311c53c58e660288d3deb8d356", 75_538_270),
    _whisper("base", "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66", 145_217_532),
    _whisper("small", "536b0662742c02347bc0e980a01041f333bce120", 483_546_902),
    _whisper("medium", "08e178d48790749d25932bbc082711ddcfdfbc4f", 1_527_906_378),
    _whisper("large-v1", "b07c8d4be0be90092aa01a29c975077acb8d15c9", 3_086_912_962),
    _whisper("large-v2", "f0fe81560cb8b68660e564f55dd99207059c092e", 3_086_912_962),
    _whisper("large-v3", "edaa852ec7e145841d8ffdb056a99866b5f0a478", 3_087_284_237),
    _whisper(
        "turbo",
        "0a363e9161cbc7ed1431c9597a8ceaf0c4f78fcf",
        1_617_884_929,
        "dropbox-dash/faster-whisper-large-v3-turbo",  # mobiuslabsgmbh's, renamed
    ),
    ModelRow(
        name="yunet",
        family="faces",
        pretrained="2023mar",
        precision="fp32",
        licence="MIT",
        task="finding faces",
        aliases=("opencv/face_detection_yunet", "face_detection_yunet_2023mar"),
        repository="opencv/face_detection_yunet",
        revision="3cc26e7f1014a5ee5d74a42acee58bafc9d0a310",  # pinned; size by OpenCV Zoo's own pointer
        files=("face_detection_yunet_2023mar.onnx",),
        size_bytes=232_589,
    ),
    ModelRow(
        name="sface",
        family="faces",
        pretrained="2021dec",
        precision="fp32",
        licence="Apache-2.0",
        task="telling faces apart",
        aliases=("opencv/face_recognition_sface", "face_recognition_sface_2021dec"),
        repository="opencv/face_recognition_sface",
        revision="3d7082438a6e4551e840c9b2bb60b71e8da4b524",  # pinned; size by OpenCV Zoo's own pointer
        files=("face_recognition_sface_2021dec.onnx",),
        size_bytes=38_696_353,
    ),
    ModelRow(
        name="transnetv2",
        family="cuts",
        pretrained="transnetv2",
        precision="fp32",
        licence="MIT",
        task="finding cuts and dissolves",
        aliases=("elya5/transnetv2", "TransNetV2"),
        repository="elya5/transnetv2",
        revision="main",  # the commit was seen abbreviated only (231666d); size seen in three projects
        files=("transnetv2.onnx",),
        size_bytes=31_250_929,
    ),
)
