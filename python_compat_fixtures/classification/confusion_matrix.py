"""Counts of predicted against true labels."""

import torch
from cases import Case, Misuse, Stem
from confusion_family import unchecked
from labelled import binary, many_rows, multiclass, multilabel
from stat_scores_family import (
    CLASSES,
    COMMON_WRONG,
    LABELS,
    THRESHOLD_WRONG,
    drawn,
    elementwise,
    ignored_logit,
    label,
    of_classes,
    refused_inputs,
    refused_options,
    router_refusals,
)

NORMALIZE = [None, "true", "pred", "all", "none"]
SAME = {
    ("normalize", "none"): "another spelling of None",
    ("validate_args", False): "on inputs that torchmetrics can count without checks, both give the same",
}
NORMALIZE_WRONG = {"normalize": [("rows", None), (True, None)]}


def binary_task(stem: Stem) -> None:
    """Add the binary cases."""
    metric, functional = "BinaryConfusionMatrix", "binary_confusion_matrix"
    elementwise(stem, metric, functional, {}, binary, (2, 3))
    arguments = {
        "threshold": [0.5, 0.3],
        "ignore_index": [None, -1, 0, 1, 5],
        "normalize": NORMALIZE,
        "validate_args": [True, False],
    }
    drawn(stem, metric, functional, {}, arguments, binary, (5,))
    batches = binary(f"{metric}/reading", "probabilities", sizes=(6,), ignore_index=-1)
    batches[0]["target"][2], batches[0]["preds"][2] = -1, 3.5
    stem.add(Case(f"{metric}/an ignored logit decides nothing", metric, {"ignore_index": -1}, batches, functional))
    absent = [{**b, "target": b["target"] * 0} for b in binary(f"{metric}/absent", "labels")]
    for normalize in ("true", "pred", "all"):
        stem.add(Case(f"{metric}/no positive target, normalize={normalize}", metric, {"normalize": normalize}, absent, functional))
    unchecked(stem, "binary", metric, functional, {}, binary(f"{metric}/beyond", "labels", sizes=(7, 9)))
    stem.require(metric, {**arguments, "threshold": [0.5, 0.3, 0.75, 0.0, 1.0]}, SAME)
    refused_options(stem, metric, {}, COMMON_WRONG | THRESHOLD_WRONG | NORMALIZE_WRONG | {"input": [("scores", None)]})
    refused_inputs(stem, metric, {}, binary(f"{metric}/good", "probabilities", sizes=(6,))[0], 2)
    reject = lambda name, word, batch: stem.refuse(Misuse(f"{metric}/{name}", metric, {}, word, [batch]))
    reject("shapes that differ", "target", {"preds": torch.zeros(4, 2), "target": torch.zeros(4, 3).long()})
    reject("a label among preds out of range", "preds", {"preds": torch.tensor([0, 2]), "target": torch.tensor([0, 1])})


def multiclass_task(stem: Stem) -> None:
    """Add the multiclass cases."""
    metric, functional = "MulticlassConfusionMatrix", "multiclass_confusion_matrix"
    options = {"num_classes": CLASSES}
    draw = lambda name, kind, **more: multiclass(name, kind, CLASSES, **more)
    of_classes(stem, metric, functional, options, draw)
    arguments = {"ignore_index": [None, -1, 0, 2, 7], "normalize": NORMALIZE, "validate_args": [True, False]}
    drawn(stem, metric, functional, options, arguments, draw, (5,))
    absent = multiclass(f"{metric}/absent", "logits", CLASSES + 1, absent=(CLASSES,))
    for normalize in ("true", "pred", "all"):
        given = {"num_classes": CLASSES + 1, "normalize": normalize}
        stem.add(Case(f"{metric}/a class without samples, {label(given)}", metric, given, absent, functional))
    stem.add(Case(f"{metric}/33 classes", metric, {"num_classes": 33}, multiclass(f"{metric}/wide", "logits", 33, sizes=(3, 5)), functional))
    batches = draw(f"{metric}/valid", "logits", sizes=(5, 3))
    valid = [torch.tensor([True, True, False, True, False]), torch.tensor([False, True, True])]
    stem.add(Case(f"{metric}/rows that do not count", metric, options, batches, functional, valid=valid))
    unchecked(stem, "multiclass", metric, functional, options, draw(f"{metric}/beyond", "labels", sizes=(9, 12)))
    stem.require(metric, arguments, SAME)
    wrong = COMMON_WRONG | NORMALIZE_WRONG
    refused_options(stem, metric, options, wrong | {"num_classes": [(1, None), (0, None), ("three", None), (2.5, None), (None, None)]})
    stem.refuse(Misuse(f"{metric}/no num_classes", metric, {}, "num_classes"))
    good = draw(f"{metric}/good", "probabilities", sizes=(6,))[0]
    unseen = {"reason": "torchmetrics counts distinct labels, and looks at none when preds are scores"}
    reject = lambda name, word, batch, **more: stem.refuse(Misuse(f"{metric}/{name}", metric, options, word, [batch], **more))
    reject("rows that differ in number", "target", {"preds": good["preds"], "target": good["target"][:-1]})
    reject("no target", "target", {"preds": good["preds"]})
    reject("unknown input", "labels", {**good, "labels": good["target"]})
    reject("scores of another number of classes", "preds", {"preds": good["preds"][:, :3].contiguous(), "target": good["target"]})
    reject("labels with a dimension more", "preds", {"preds": good["preds"].long(), "target": good["target"]})
    reject("two dimensions more", "preds", {"preds": torch.zeros(6, CLASSES, 2), "target": good["target"]})
    five = torch.tensor([0, 1, 2, 3, 4])
    reject("more labels than classes", "target", {"preds": five % 4, "target": five})
    reject("more labels than classes among preds", "preds", {"preds": five, "target": five % 4})
    reject("a target out of range beside scores", "target", {"preds": good["preds"], "target": torch.tensor([0, 1, 4, 0, 0, 0])})
    reject("a label among preds out of range", "preds", {"preds": torch.tensor([0, 9]), "target": torch.tensor([0, 1])}, **unseen)
    reject("a negative target", "target", {"preds": torch.tensor([0, 1]), "target": torch.tensor([0, -1])})


def multilabel_task(stem: Stem) -> None:
    """Add the multilabel cases."""
    metric, functional = "MultilabelConfusionMatrix", "multilabel_confusion_matrix"
    options = {"num_labels": LABELS}
    draw = lambda name, kind, **more: multilabel(name, kind, LABELS, **more)
    elementwise(stem, metric, functional, options, draw, (2, 2))
    arguments = {
        "threshold": [0.5, 0.3],
        "ignore_index": [None, -1, 0, 1, 5],
        "normalize": NORMALIZE,
        "validate_args": [True, False],
    }
    drawn(stem, metric, functional, options, arguments, draw, (5,))
    batches = draw(f"{metric}/reading", "probabilities", sizes=(6,), ignore_index=-1)
    batches[0]["target"][2, 1], batches[0]["preds"][2, 1] = -1, 3.5
    ignored_logit(stem, metric, functional, options, batches)
    unchecked(stem, "multilabel", metric, functional, options, draw(f"{metric}/beyond", "labels", sizes=(7, 9)))
    stem.require(metric, {**arguments, "threshold": [0.5, 0.3, 0.75, 0.0, 1.0]}, SAME)
    wrong = COMMON_WRONG | THRESHOLD_WRONG | NORMALIZE_WRONG | {"input": [("scores", None)]}
    refused_options(stem, metric, options, wrong | {"num_labels": [(1, None), (0, None), ("three", None), (2.5, None), (None, None)]})
    stem.refuse(Misuse(f"{metric}/no num_labels", metric, {}, "num_labels"))
    refused_inputs(stem, metric, options, draw(f"{metric}/good", "probabilities", sizes=(6,))[0], 2)
    reject = lambda name, word, batch: stem.refuse(Misuse(f"{metric}/{name}", metric, options, word, [batch]))
    reject("another number of labels", "num_labels", {"preds": torch.zeros(4, 2), "target": torch.zeros(4, 2).long()})
    reject("shapes that differ", "target", {"preds": torch.zeros(4, 3, 2), "target": torch.zeros(4, 3, 4).long()})
    reject("a label among preds out of range", "preds", {"preds": torch.full((2, 3), 2), "target": torch.zeros(2, 3).long()})


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    binary_task(stem)
    multiclass_task(stem)
    multilabel_task(stem)
    metric, functional = "ConfusionMatrix", "confusion_matrix"
    for task, options, batches in many_rows():
        stem.add(Case(f"{task.capitalize()}{metric}/many rows", f"{task.capitalize()}{metric}", options, batches, f"{task}_{functional}"))
    add = lambda options, batches: stem.add(Case(f"{metric}/{label(options)}", metric, options, batches, functional))
    add({"task": "binary"}, binary(f"{metric}/binary", "probabilities"))
    add({"task": "binary", "threshold": 0.3, "ignore_index": -1}, binary(f"{metric}/binary", "logits", ignore_index=-1))
    for normalize in NORMALIZE:
        given = {"task": "multiclass", "num_classes": CLASSES, "normalize": normalize}
        add(given, multiclass(f"{metric}/multiclass", "logits", CLASSES))
    add({"task": "multilabel", "num_labels": LABELS, "normalize": "all"}, multilabel(f"{metric}/multilabel", "logits", LABELS))
    router_refusals(stem, metric)
    stem.refuse(Misuse(f"{metric}/normalize=rows", metric, {"task": "binary", "normalize": "rows"}, "normalize"))
