"""What torchmetrics' metrics of boxes take of torchvision, by its definition.

torchvision for LibTorch's CPU build is not on PyPI, and the wheels that are there do not load beside it. The two functions below give
what those of torchvision 0.28.0 give: compared once, on all formats and dtypes.
"""

import sys
import types

import torch
import torchmetrics.detection.iou
import torchmetrics.functional.detection.iou
from torch import Tensor


def box_convert(boxes: Tensor, in_fmt: str, out_fmt: str) -> Tensor:
    """Convert boxes to left, top, right, bottom."""
    if out_fmt != "xyxy":
        raise NotImplementedError(out_fmt)
    place, size = boxes[:, :2], boxes[:, 2:]
    return {
        "xyxy": lambda: boxes,
        "xywh": lambda: torch.cat([place, place + size], 1),
        "cxcywh": lambda: torch.cat([place - 0.5 * size, place + 0.5 * size], 1),
    }[in_fmt]()


def box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Divide the area of each intersection by that of the union."""
    boxes1, boxes2 = (b.float() if b.dtype in (torch.float16, torch.bfloat16) else b for b in (boxes1, boxes2))
    areas = [(b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1]) for b in (boxes1, boxes2)]
    first = torch.max(boxes1[:, None, :2], boxes2[None, :, :2])
    last = torch.min(boxes1[:, None, 2:], boxes2[None, :, 2:])
    sides = (last - first).clamp(min=0)
    both = sides[..., 0] * sides[..., 1]
    return both / (areas[0][:, None] + areas[1][None, :] - both)


def stand_in() -> None:
    """Let torchmetrics find these two where it looks for torchvision's."""
    package, ops = types.ModuleType("torchvision"), types.ModuleType("torchvision.ops")
    package.ops, ops.box_convert, ops.box_iou = ops, box_convert, box_iou
    sys.modules |= {"torchvision": package, "torchvision.ops": ops}
    for module in (torchmetrics.detection.iou, torchmetrics.functional.detection.iou):
        module._TORCHVISION_AVAILABLE = True
    torchmetrics.detection.IntersectionOverUnion = torchmetrics.detection.iou.IntersectionOverUnion
    torchmetrics.functional.detection.intersection_over_union = torchmetrics.functional.detection.iou.intersection_over_union
