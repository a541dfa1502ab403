"""Running, RunningMean and RunningSum: windows smaller and larger than the data, metrics of every kind of state."""

import torch
from cases import Case, Misuse, Stem, create, named
from draws import Draws
from labelled import multiclass
from paired import pairs

ACCURACY = named("MulticlassAccuracy", num_classes=3)
BY_UPDATES = "what is in the window depends on how the rows are split into updates"
NO_MERGE = {way: "a window by history is not merged" for way in ("merge of two", "merge of three")}
NO_INPUTS = {"positional": "the inputs are the base metric's, which the registry cannot list"}
# What a window that loses updates excludes.
NARROW = {way: BY_UPDATES for way in ("one update", "permuted", "garbage", "empty batches", "row by row", "ranks")} | NO_MERGE
NAN = float("nan")


def last(base: dict, window: int) -> dict:
    """Return the values of the base metric over one batch and over the last ones."""

    def value(batches: list):
        metric = create(base["name"], base["options"])
        for batch in batches:
            metric.update(**batch)
        return metric.compute()

    return {"forward_by": lambda batch: value([batch]), "final_by": lambda batches: value(batches[-window:])}


def running(stem: Stem) -> None:
    """Any metric under Running."""

    emptied = "lists of a metric that grows are emptied there when the window has taken them"
    refused = "any metric: torchmetrics refuses those whose `full_state_update` is not False"

    def add(name: str, base: dict, batches: list, window=None, why=None, **more) -> None:
        options = {"base_metric": base} | ({} if window is None else {"window": window})
        wide = (window or 5) >= 40
        if why:
            more |= {"reason": why, "reference": "torchmetrics' metric over the window's batches", **last(base, window or 5)}
        excludes = NO_INPUTS | (NO_MERGE if wide else NARROW)
        stem.add(Case(f"Running/{name}", "Running", options, batches, excludes=excludes, **more))

    labels = multiclass("running/labels", "labels", 3, sizes=(9, 1, 12, 4, 6, 5, 8))
    scores = multiclass("running/scores", "probabilities", 3, sizes=(9, 4, 12, 4, 6))
    near = pairs("running/pairs", ((5,), (2,), (8,), (3,), (6,), (4,)))
    add("accuracy, window by default", ACCURACY, labels)
    for window in (1, 2, 3, 6, 7, 40):
        add(f"accuracy, window={window}", ACCURACY, labels[:3] if window == 40 else labels, window)
    add("a table of counts", named("MulticlassConfusionMatrix", num_classes=3), labels, 3)
    add("mean squared error", named("MeanSquaredError"), near, 4)
    add("mean squared error, wide", named("MeanSquaredError"), near[:3], 40)
    add("r2, wide", named("R2Score"), near[:3], 40)
    add("the largest", named("MaxMetric"), [{"value": b["preds"]} for b in near], 2, why=refused)
    curve = named("MulticlassAUROC", num_classes=3, thresholds=None)
    add("a state that grows", curve, scores, 2, why=emptied)
    add("a state that grows, wide", curve, scores[:3], 40, why=emptied)
    add("rows one after the other", named("CatMetric"), [{"value": b["preds"]} for b in near], 3, why=emptied)
    stem.require("Running", {"base_metric": [], "window": [1, 2, 3]})


def aggregators(stem: Stem, metric: str) -> None:
    """The aggregators over a window."""
    draws = Draws(f"running/{metric}")
    vectors = [{"value": draws.values(n)} for n in (4, 1, 6, 3, 5, 2, 7)]
    dirty = [{k: v.clone() for k, v in b.items()} for b in vectors]
    dirty[-1]["value"][2] = NAN

    def add(name: str, batches: list, options=None, **more) -> None:
        options = options or {}
        excludes = NO_MERGE if options.get("window", 5) >= 40 else NARROW
        stem.add(Case(f"{metric}/{name}", metric, options, batches, excludes=excludes, **more))

    add("window by default", vectors)
    add("numbers", [{"value": v} for v in (1.5, -3.0, 40.25, 7.0, 2.0, 8.5)])
    for window in (1, 3, 40):
        add(f"window={window}", vectors[:3] if window == 40 else vectors, {"window": window})
    for strategy in ("warn", "ignore", "disable", 2.5):
        add(f"nan_strategy={strategy}", dirty, {"nan_strategy": strategy}, warns=strategy == "warn")
    refuse = lambda name, word, options, batches=(): stem.refuse(Misuse(f"{metric}/{name}", metric, options, word, list(batches)))
    refuse("window=0", "window", {"window": 0})
    refuse("window=-1", "window", {"window": -1})
    refuse("window of another type", "window", {"window": 2.5})
    refuse("nan under error", "nan", {"nan_strategy": "error"}, dirty[-1:])
    refuse("nan_strategy=errors", "nan_strategy", {"nan_strategy": "errors"})
    refuse("unknown option", "windows", {"windows": 3})
    refuse("no input", "value", {}, [{}])
    stem.require(metric, {"window": [1, 3], "nan_strategy": ["error", "warn", "ignore", "disable", 2.5]})


def misuses(stem: Stem) -> None:
    """What Running refuses."""
    refuse = lambda name, word, options, batches=(), **more: stem.refuse(
        Misuse(f"Running/{name}", "Running", options, word, list(batches), **more)
    )
    refuse("no metric", "base_metric", {})
    refuse("a number as a metric", "base_metric", {"base_metric": 7})
    refuse("None as a metric", "base_metric", {"base_metric": None})
    refuse("window=0", "window", {"base_metric": ACCURACY, "window": 0})
    refuse("window of another type", "window", {"base_metric": ACCURACY, "window": 2.5})
    refuse("unknown option", "windows", {"base_metric": ACCURACY, "windows": 3})
    refuse("a metric that is made of others", "made of others", {"base_metric": named("MinMaxMetric", base_metric=ACCURACY)})
    batch = multiclass("running/misuse", "labels", 4, sizes=(9,))[0]
    refuse("labels that the metric does not have", "label", {"base_metric": ACCURACY}, [{k: v + 3 for k, v in batch.items()}])
    refuse("Running of Running", "base_metric", {"base_metric": named("Running", base_metric=ACCURACY, window=2)})


def write(stem: Stem) -> None:
    """Write all cases."""
    misuses(stem)
    running(stem)
    for metric in ("RunningMean", "RunningSum"):
        aggregators(stem, metric)
    draws = Draws("running/weights")
    weighted = [{"value": draws.values(n), "weight": draws.integers(n, 1, 9).float() / 4} for n in (4, 1, 6, 3)]
    stem.add(Case("RunningMean/weights", "RunningMean", {"window": 2}, weighted, excludes=NARROW))
    stem.add(Case("RunningMean/weights, wide", "RunningMean", {"window": 40}, weighted[:3], excludes=NO_MERGE))
