"""ClasswiseWrapper: labels, prefixes, and wrappers and collections around it and in it."""

import torch
from cases import Case, Misuse, Stem, named
from labelled import multiclass
from paired import pairs

BY_CLASS = named("MulticlassAccuracy", num_classes=3, average=None)
MEAN = named("MulticlassAccuracy", num_classes=3)
LABELS = ["horse", "fish", "dog"]


def misuses(stem: Stem) -> None:
    """What is refused."""
    refuse = lambda name, word, options, batches=(), **more: stem.refuse(
        Misuse(f"ClasswiseWrapper/{name}", "ClasswiseWrapper", options, word, list(batches), **more)
    )
    refuse("no metric", "metric", {})
    refuse("None as metric", "metric", {"metric": None})
    refuse("a number as metric", "metric", {"metric": 7})
    refuse("labels that are no list", "labels", {"metric": BY_CLASS, "labels": 7})
    refuse("labels that are numbers", "labels", {"metric": BY_CLASS, "labels": [1, 2, 3]})
    refuse("a prefix that is no string", "prefix", {"metric": BY_CLASS, "prefix": 1})
    refuse("a postfix that is no string", "postfix", {"metric": BY_CLASS, "postfix": 1})
    refuse("unknown option", "label", {"metric": BY_CLASS, "label": LABELS})
    refuse("a label twice", "twice", {"metric": BY_CLASS, "labels": ["a", "b", "a"]}, reason="in torchmetrics the last value under a name replaces the others")
    batch = multiclass("classwise/misuse", "labels", 3)[0]
    refuse("an input of the metric is missing", "target", {"metric": BY_CLASS}, [{"preds": batch["preds"]}])


def write(stem: Stem) -> None:
    """Write all cases."""
    misuses(stem)
    add = lambda name, options, batches, **more: stem.add(
        Case(f"ClasswiseWrapper/{name}", "ClasswiseWrapper", options, batches, **more)
    )
    labels = multiclass("classwise/labels", "labels", 3)
    scores = multiclass("classwise/scores", "probabilities", 3)
    add("numbers of classes", {"metric": BY_CLASS}, labels)
    add("labels", {"metric": BY_CLASS, "labels": LABELS}, labels)
    add("prefix", {"metric": BY_CLASS, "prefix": "acc-"}, scores)
    add("postfix", {"metric": BY_CLASS, "postfix": "-acc"}, scores)
    add("all", {"metric": BY_CLASS, "labels": LABELS, "prefix": "acc-", "postfix": "-val"}, scores)
    add("empty prefix", {"metric": BY_CLASS, "prefix": "", "postfix": ""}, labels)
    add("a curve's areas", {"metric": named("MulticlassAUROC", num_classes=3, average=None, thresholds=None)}, scores)
    outputs = named("MultioutputWrapper", base_metric=named("MeanSquaredError"), num_outputs=2)
    add("of another wrapper", {"metric": outputs, "labels": ["x", "y"]}, pairs("classwise/pairs", ((4, 2), (2, 2), (5, 2))))
    valid = [torch.arange(len(b["target"])) % 3 != 1 for b in labels]
    add("rows that do not count", {"metric": BY_CLASS}, labels, valid=valid)
    members = {
        "acc": named("ClasswiseWrapper", metric=BY_CLASS, labels=LABELS, prefix="acc_"),
        "recall": named("ClasswiseWrapper", metric=named("MulticlassRecall", num_classes=3, average=None), labels=LABELS),
        "mean": MEAN,
    }
    stem.add(Case("MetricCollection/of ClasswiseWrapper", "MetricCollection", {"metrics": members}, labels))
    same = {name: named("ClasswiseWrapper", metric=BY_CLASS) for name in ("a", "b")}
    stem.add(Case("MetricCollection/of ClasswiseWrapper with equal keys", "MetricCollection", {"metrics": same}, labels))
    stem.require("ClasswiseWrapper", {"metric": [], "labels": [LABELS], "prefix": ["acc-"], "postfix": ["-acc"]})
