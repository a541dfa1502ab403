"""Intersection over union of boxes."""

import numpy as np
import torch
from boxes import stand_in
from cases import Case, Misuse, Stem, copied, find_class
from draws import Draws

METRIC, FUNCTIONAL = "IntersectionOverUnion", "intersection_over_union"
# Areas and their ratios in float32 there.
TOLERANCE = {"rtol": 5e-6, "atol": 1e-6}


def image(draws: Draws, count: int, box_format: str = "xyxy", labels: int = 3) -> dict:
    """Draw the boxes of an image, of sides up to half of its own, and their labels."""
    place, size = draws.integers((count, 2), 0, 512).float() / 16, draws.integers((count, 2), 64, 512).float() / 16
    second = {"xyxy": place + size, "xywh": size, "cxcywh": size}[box_format]
    first = place + size / 2 if box_format == "cxcywh" else place
    return {"boxes": torch.cat([first, second], 1), "labels": draws.integers((count,), 0, labels)}


def images(name: str, counts=(((3, 4), (5, 2), (1, 1)), ((4, 4),), ((2, 6), (3, 3))), **drawn) -> list:
    """Draw batches of images with so many predicted and true boxes."""
    draws = Draws(f"detection/iou/{name}")
    return [{"preds": [image(draws, p, **drawn) for p, _ in batch], "target": [image(draws, t, **drawn) for _, t in batch]} for batch in counts]


def with_boxes(batches: list, change) -> list:
    """Change all boxes."""
    return [{k: [{**item, "boxes": change(item["boxes"])} for item in items] for k, items in b.items()} for b in batches]


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    stand_in()
    refused(stem)

    def case(name: str, options: dict, batches: list, **more) -> None:
        stem.add(Case(f"{METRIC}/{name}", METRIC, options, batches, **{"tolerance": TOLERANCE, **more}))

    plain = images("plain")
    case("images", {}, plain)
    case("class_metrics", {"class_metrics": True}, plain)
    for threshold in (0.25, 0.5):
        case(f"iou_threshold={threshold}", {"iou_threshold": threshold, "class_metrics": True}, plain)
    case("respect_labels=False", {"respect_labels": False, "class_metrics": True}, plain)
    case("respect_labels=False, iou_threshold", {"respect_labels": False, "iou_threshold": 0.1}, plain)
    for box_format in ("xywh", "cxcywh"):
        case(f"box_format={box_format}", {"box_format": box_format, "class_metrics": True}, images(box_format, box_format=box_format))
    case("many labels", {"class_metrics": True}, images("many", counts=(((12, 14),), ((9, 11),)), labels=12))
    scored = [{**b, "preds": [{**p, "scores": torch.ones(len(p["labels"]))} for p in b["preds"]]} for b in images("scores")]
    case("scores and other keys", {"class_metrics": True}, scored)

    empty = (((0, 3), (2, 2)), ((3, 0), (0, 0)), ((0, 0),))
    case("no boxes on a side", {}, images("empty", counts=empty))
    for name, options, batches in (
        ("no boxes on a side, respect_labels=False", {}, images("empty", counts=empty)),
        ("two boxes missed after one matched, respect_labels=False, iou_threshold", {"iou_threshold": 0.5}, one_matched_two_missed()),
        ("two boxes missed after one matched, respect_labels=False", {}, one_matched_two_missed()),
        ("no predicted boxes, respect_labels=False, class_metrics", {"class_metrics": True}, images("no preds", counts=(((0, 3), (2, 2)), ((0, 0), (0, 2))))),
    ):
        options = {"respect_labels": False, **options}
        case(
            name,
            options,
            batches,
            reason="n boxes of an image without counterpart are n pairs of 0; torchmetrics counts n² of them when labels do not matter",
            reference="torchmetrics with an image for each box without counterpart",
            forward_by=lambda b, o=options: played([an_image_each(b)], **o),
            final_by=lambda bs, o=options: played([an_image_each(b) for b in bs], **o),
        )
    case("no predicted boxes, class_metrics", {"class_metrics": True}, images("no preds", counts=(((0, 3), (2, 2)), ((0, 0), (0, 2)))))
    case("no image", {}, [*images("none", counts=(((2, 2),), ())), *images("none/2", counts=(((1, 3),),))])
    flat = [{k: [{**i, "boxes": torch.zeros(0)} if len(i["boxes"]) == 0 else i for i in items] for k, items in b.items()} for b in images("empty", counts=empty)]
    shaped = with_boxes(flat, lambda boxes: boxes.reshape(-1, 4))
    case(
        "no boxes, of shape [0]",
        {},
        flat,
        reason="a tensor without elements holds no box; torchmetrics wants it to be [0, 4]",
        reference="torchmetrics with boxes of shape [0, 4]",
        forward_by=lambda b: played(with_boxes([b], lambda boxes: boxes.reshape(-1, 4))),
        final_by=lambda _: played(shaped),
    )
    missed = images("missed", counts=(((2, 0), (2, 2)),))
    case(
        "no true boxes, class_metrics",
        {"class_metrics": True},
        missed,
        reason="torchmetrics throws for an image without true boxes when class_metrics is set",
        reference="torchmetrics without class_metrics, and class by class without that image",
        forward_by=without_targets,
        final_by=lambda batches: without_targets(batches[0]),
    )
    case("integers", {"class_metrics": True}, with_boxes(images("integers"), lambda boxes: boxes.long()))
    double = with_boxes(images("double"), lambda boxes: boxes.double())
    rounded = lambda value: {k: v.float() for k, v in value.items()}
    case(
        "float64",
        {},
        double,
        reason="results are float32 unless set_dtype says otherwise; there float64 values widen the states",
        reference="torchmetrics, rounded to float32",
        forward_by=lambda b: rounded(played([b])),
        final_by=lambda batches: rounded(played(batches)),
    )
    case("no area", {"class_metrics": True}, with_boxes(images("no area"), lambda boxes: torch.cat([boxes[:, :2], boxes[:, :2]], 1)), excludes={"half": "halves of other boxes have an area"})
    case("negative labels", {"class_metrics": True}, [{k: [{**i, "labels": i["labels"] - 1} for i in items] for k, items in b.items()} for b in plain])
    valid = [torch.tensor([True, False, True]), torch.tensor([True]), torch.tensor([False, True])]
    case("images that do not count", {"class_metrics": True}, plain, valid=valid)
    weighted_cases(case)
    functional_cases(stem)
    stem.require(
        METRIC,
        {
            "box_format": ["xyxy", "xywh", "cxcywh"],
            "iou_threshold": [None, 0.25, 0.5],
            "class_metrics": [False, True],
            "respect_labels": [True, False],
        },
    )


def weighted_cases(case) -> None:
    """Images that weigh, in some of the batches or in all."""
    batches = images("weighed", counts=(((3, 4), (0, 2), (1, 1)), ((4, 4),), ((2, 6), (3, 0))))
    numbers = [torch.tensor([2, 0, 3]), torch.tensor([1]), torch.tensor([4, 5])]
    floats = [torch.tensor([0.5, 0.0, 2.0]), torch.tensor([0.125]), torch.tensor([1.5, 3.0])]
    for name, options in (("", {"iou_threshold": 0.1}), ("class_metrics, ", {"class_metrics": True})):
        for kind, weights in (("integer", numbers), ("float", floats), ("float64", [w.double() for w in floats])):
            by = lambda bs, o=options: averaged(bs, **o)
            case(
                f"{name}{kind} weights",
                options,
                batches,
                weights=weights,
                reason="rows have weights here; torchmetrics knows of none",
                reference="numpy.average over the pairs that torchmetrics keeps",
                forward_by=lambda b, by=by: by([b]),
                final_by=by,
            )


def averaged(batches: list, **options) -> dict:
    """Average what torchmetrics' states have of each pair, weighted by images."""
    metric, images_of, weights = find_class(METRIC)(**{**options, "class_metrics": False}), [], []
    for batch in batches:
        metric.update(preds=batch["preds"], target=batch["target"])
        images_of += zip(batch["preds"], batch["target"], strict=True)
        weights += batch["sample_weight"].tolist()
    pairs, labels = [], set()
    for values, (preds, target), weight in zip(metric.iou_matrix, ((p["labels"], t["labels"]) for p, t in images_of), weights, strict=True):
        if weight == 0:
            continue
        labels |= {*preds.tolist(), *target.tolist()}
        found = values != -1
        for pred, true in found.nonzero().tolist():
            pairs.append((float(values[pred, true]), weight, int(target[true]) if len(target) else None))
    mean = lambda kept: torch.tensor(np.average([v for v, _, _ in kept], weights=[w for _, w, _ in kept]) if kept else 0.0, dtype=torch.float32)
    of_labels = {f"iou/cl_{label}": mean([p for p in pairs if p[2] == label]) for label in labels} if options.get("class_metrics") else {}
    return {"iou": mean(pairs), **of_labels}


def functional_cases(stem: Stem) -> None:
    """torchmetrics' functional takes two tensors of boxes."""
    draws = Draws("detection/iou/functional")
    four, more, none = image(draws, 4)["boxes"], image(draws, 6)["boxes"], torch.zeros(0, 4)
    near = four + draws.integers((4, 4), 0, 64).float() / 16
    calls = {
        "": {"preds": near, "target": four},
        "aggregate=False": {"preds": four, "target": more, "aggregate": False},
        "iou_threshold": {"preds": near, "target": four, "iou_threshold": 0.5},
        "replacement_val": {"preds": four, "target": more, "iou_threshold": 0.25, "replacement_val": -2.0, "aggregate": False},
        "float64": {"preds": near.double(), "target": four, "aggregate": False},
        "integers": {"preds": near.long(), "target": four.long(), "aggregate": False},
        "no predicted boxes": {"preds": none, "target": more},
        "no predicted boxes, aggregate=False": {"preds": none, "target": more, "aggregate": False},
        "no true boxes, aggregate=False": {"preds": four, "target": none, "aggregate": False},
        "no boxes": {"preds": none, "target": none},
        "no boxes, float64": {"preds": none.double(), "target": none.double()},
        "no true boxes, float64, aggregate=False": {"preds": four.double(), "target": none.double(), "aggregate": False},
    }
    one = images("one", counts=(((1, 1),),))
    for name, call in calls.items():
        stem.add(Case(f"{METRIC}/functional {name}".strip(), METRIC, {}, one, FUNCTIONAL, functional_call=call, tolerance=TOLERANCE))


def played(batches: list, **options):
    """Return torchmetrics' final value."""
    metric = find_class(METRIC)(**options)
    for batch in batches:
        metric.update(**copied(batch))
    return metric.compute()


def one_matched_two_missed() -> list:
    """Return an image whose box is found, and one of two true boxes without a predicted one."""
    square = lambda *labels: {"boxes": torch.tensor([[0.0, 0.0, 2.0, 2.0]] * len(labels)).reshape(-1, 4), "labels": torch.tensor(labels, dtype=torch.int64)}
    return [{"preds": [square(1), square()], "target": [square(2), square(1, 2)]}]


def an_image_each(batch: dict) -> dict:
    """Give each box of an image whose boxes are all on one side an image of its own."""
    parts: dict = {"preds": [], "target": []}
    for pred, true in zip(batch["preds"], batch["target"], strict=True):
        missed = max(len(pred["boxes"]), len(true["boxes"])) if not len(pred["boxes"]) or not len(true["boxes"]) else 0
        for rows in [slice(i, i + 1) for i in range(missed)] or [slice(None)]:
            parts["preds"].append({k: v[rows] for k, v in pred.items()})
            parts["target"].append({k: v[rows] for k, v in true.items()})
    return parts


def without_targets(batch: dict) -> dict:
    """Compute the value of all images, and those of the classes without images that have no true box."""
    with_true = [i for i, item in enumerate(batch["target"]) if len(item["boxes"])]
    kept = {k: [items[i] for i in with_true] for k, items in batch.items()}
    labels = {int(label) for items in batch.values() for item in items for label in item["labels"]}
    classes = {f"iou/cl_{label}": torch.tensor(0.0) for label in labels} | played([kept], class_metrics=True)
    return classes | played([batch])


def refused(stem: Stem) -> None:
    """What cannot be."""
    boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [1.0, 1.0, 3.0, 4.0]])
    two = {"boxes": boxes, "labels": torch.tensor([1, 2])}
    refuse = lambda name, word, options=None, preds=None, target=None, **more: stem.refuse(
        Misuse(f"{METRIC}/{name}", METRIC, options or {}, word, [] if preds is None else [{"preds": preds, "target": target}], **more)
    )
    refuse("unknown option", "threshold", {"threshold": 0.5})
    refuse("unknown box_format", "box_format", {"box_format": "yxyx"})
    refuse("class_metrics of another type", "class_metrics", {"class_metrics": "yes"})
    refuse("respect_labels of another type", "respect_labels", {"respect_labels": 1})
    refuse("iou_threshold of another type", "iou_threshold", {"iou_threshold": "half"}, reason="torchmetrics does not look at the type")
    refuse("fewer images", "same length", {}, [two], [two, two])
    refuse("no list", "list of dict", {}, two, [two])
    refuse("an image that is no dict", "element 1 expects dict", {}, [two, boxes], [two, two])
    refuse("no boxes", "element 0, key `boxes` is missing", {}, [{"labels": two["labels"]}], [two])
    refuse("no labels", "element 1, key `labels` is missing", {}, [two, two], [two, {"boxes": boxes}])
    refuse("boxes of another type", "element 0, key `boxes` expects Tensor", {}, [{**two, "boxes": "boxes"}], [two])
    refuse("labels that are None", "element 0, key `labels` expects Tensor", {}, [two], [{**two, "labels": None}])
    refuse("boxes of five numbers", "target[0].boxes", {}, [two], [{**two, "boxes": torch.ones(2, 5)}])
    refuse("one box without its dimension", "preds[1].boxes", {}, [two, {"boxes": boxes[0], "labels": torch.tensor(1)}], [two, two])
    refuse("fewer true labels than boxes", "target[0].labels", {}, [two], [{**two, "labels": torch.tensor([1])}])
    refuse("fewer predicted labels than boxes", "preds[0].labels", {}, [{**two, "labels": torch.tensor([1])}], [two])
    refuse("labels that are no integers", "preds[0].labels", {}, [{**two, "labels": torch.tensor([1.0, 2.5])}], [two], reason="torchmetrics compares labels of any dtype")
