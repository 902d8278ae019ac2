"""Parity runs in an environment of its own, `make parity`: the product needs no torch."""

from __future__ import annotations

import importlib.util

if importlib.util.find_spec("torch") is None or importlib.util.find_spec("open_clip") is None:
    collect_ignore_glob = ["test_*.py"]
else:
    # torchvision's compiled operators are built against one CUDA; with a torch for the CPU they are missing,
    # and its import fails where it describes two of them. Nothing here needs any.
    import torch

    torch.set_num_threads(2)
    _library = torch.library.Library("torchvision", "FRAGMENT")
    if torch.version.cuda is None:
        for _name in ("nms", "qnms"):
            _library.define(f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from tests.silence import silence

__all__ = ["silence"]
