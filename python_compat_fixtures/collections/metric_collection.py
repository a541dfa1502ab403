"""MetricCollection: members by list and by name, collections in collections, prefixes, inputs by name."""

import torch
from cases import Case, Misuse, Stem, create, named
from draws import Draws
from labelled import binary, multiclass
from paired import pairs

ACCURACY = named("MulticlassAccuracy", num_classes=3)
PRECISION = named("MulticlassPrecision", num_classes=3)
RECALL = named("MulticlassRecall", num_classes=3, average="macro")
CONFUSION = named("MulticlassConfusionMatrix", num_classes=3)
CURVE_AREA = named("MulticlassAUROC", num_classes=3, thresholds=20)
ALONE = "torchmetrics without compute groups"


def members(metrics: list) -> dict:
    """Name each member in a dict, as MetricCollection does with a list."""
    return {m["name"]: m for m in metrics}


def apart(metrics: dict):
    """Return the values of a batch and of all batches with each metric by itself."""

    def values(batches: list) -> dict:
        found = {}
        for name, metric in metrics.items():
            alone = create(metric["name"], metric["options"])
            for batch in batches:
                alone.update(**batch)
            found[name] = alone.compute()
        return found

    return {"forward_by": lambda batch: values([batch]), "final_by": values}


def by_chance() -> list:
    """Draw batches of which the first is counted alike whatever is ignored and however many of the best count."""
    draws = Draws("collections/by chance")
    sure = torch.eye(3)[torch.tensor([0, 1, 0, 1])] * 0.5 + 0.25
    scores = draws.untied((9, 3))
    return [
        {"preds": sure, "target": torch.tensor([0, 1, 0, 1])},
        {"preds": scores, "target": draws.integers(9, 0, 3)},
    ]


def weighted_pairs() -> list:
    """Draw pairs, and beside them values with weights that another member takes."""
    draws = Draws("collections/weighted")
    return [{**b, "value": draws.values(len(b["target"])), "weight": draws.probabilities(len(b["target"]))} for b in pairs("collections/named")]


def misuses(stem: Stem) -> None:
    """What is refused."""
    refuse = lambda name, word, options, batches=(), **more: stem.refuse(
        Misuse(f"MetricCollection/{name}", "MetricCollection", options, word, list(batches), **more)
    )
    refuse("no metrics", "metrics", {})
    refuse("a number as a metric", "metric", {"metrics": [7]})
    refuse("a number under a name", "metrics.mse", {"metrics": {"mse": 7}})
    refuse("one class twice in a list", "MulticlassAccuracy", {"metrics": [ACCURACY, named("MulticlassAccuracy", num_classes=4)]})
    refuse("an empty name", "empty", {"metrics": {"": ACCURACY}})
    refuse("a name with a dot", "dot", {"metrics": {"val.acc": ACCURACY}})
    refuse("a prefix that is no string", "prefix", {"metrics": [ACCURACY], "prefix": 3})
    refuse("a postfix that is no string", "postfix", {"metrics": [ACCURACY], "postfix": 3})
    refuse("unknown option", "suffix", {"metrics": [ACCURACY], "suffix": "_x"})
    refuse("a member's unknown option", "num_clases", {"metrics": [named("MulticlassAccuracy", num_clases=3)]})
    batch = multiclass("collections/misuse", "labels", 3)[0]
    refuse("labels that one member does not have", "label", {"metrics": [ACCURACY, named("MulticlassRecall", num_classes=2)]}, [batch])
    why = "torchmetrics drops inputs that no member takes without a word"
    refuse("an input that no member takes", "goal", {"metrics": [ACCURACY]}, [{**batch, "goal": batch["target"]}], reason=why)


def write(stem: Stem) -> None:
    """Write all cases."""
    misuses(stem)
    add = lambda name, metrics, batches, more=None, **case: stem.add(
        Case(f"MetricCollection/{name}", "MetricCollection", {"metrics": metrics, **(more or {})}, batches, **case)
    )
    labels = multiclass("collections/labels", "labels", 3)
    scores = multiclass("collections/scores", "probabilities", 3)
    family = [ACCURACY, PRECISION, RECALL]
    add("a list", family, labels)
    add("one metric", ACCURACY, labels)
    add("names", {"b": PRECISION, "a": ACCURACY}, labels)
    add("prefix", family, labels, {"prefix": "val_"})
    add("postfix", family, labels, {"postfix": "_val"})
    add("prefix and postfix", family, scores, {"prefix": "val/", "postfix": "-x"})
    add("families of several kinds", [*family, CONFUSION, CURVE_AREA], scores)
    add("routed by task", [named("Accuracy", task="multiclass", num_classes=3), PRECISION], scores)
    add("of pairs", [named("MeanSquaredError"), named("MeanAbsoluteError"), named("R2Score")], pairs("collections/pairs"))
    add("binary scores", [named("BinaryAccuracy"), named("BinaryAUROC"), named("BinaryF1Score")], binary("collections/binary", "probabilities"))
    valid = [torch.arange(len(b["target"])) % 3 != 1 for b in labels]
    add("rows that do not count", family, labels, valid=valid)

    inner = named("MetricCollection", metrics=[PRECISION, RECALL], prefix="in_", postfix="_inner")
    add("a collection in a list", [ACCURACY, inner], labels, {"prefix": "out_"})
    add("a collection under a name", {"acc": ACCURACY, "both": inner}, labels, {"postfix": "_out"})
    deeper = named("MetricCollection", metrics={"both": inner, "f1": named("MulticlassF1Score", num_classes=3)})
    add("three levels", {"all": deeper}, labels)

    by_class = named("ClasswiseWrapper", metric=named("MulticlassAccuracy", num_classes=3, average=None))
    equal_keys = named("MetricCollection", metrics={"a": by_class, "b": by_class}, prefix="in_", postfix="_inner")
    add("equal keys in an inner collection", {"both": equal_keys}, labels)
    add("equal keys in an inner collection in a list", [equal_keys], labels, {"prefix": "out_"})

    by_name = {"excludes": {"positional": "the members take different inputs"}}
    add("inputs by name", {"mse": named("MeanSquaredError"), "mean": named("MeanMetric")}, weighted_pairs(), **by_name)

    first_alike = {
        "micro": named("MulticlassAccuracy", num_classes=3, average="micro"),
        "ignoring": named("MulticlassAccuracy", num_classes=3, average="micro", ignore_index=2),
        "top two": named("MulticlassAccuracy", num_classes=3, average="micro", top_k=2),
    }
    why = "torchmetrics' compute groups unite members whose states are equal after the first update, whatever they count"
    add("equal by chance after the first batch", first_alike, by_chance(), reason=why, reference=ALONE, **apart(first_alike))
    averages = {f"{average}": named("MulticlassAccuracy", num_classes=3, average=average) for average in ("macro", "weighted", "none")}
    add("averages", averages, labels)

    stem.require("MetricCollection", {"metrics": [], "prefix": ["val_"], "postfix": ["_val"], "compute_groups": [True]})
