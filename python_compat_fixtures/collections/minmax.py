"""MinMaxMetric: the values of one `compute`; what its extremes keep from one to the next is tested by itself."""

from cases import Case, Misuse, Stem, create, named
from labelled import binary, multiclass
from paired import pairs

ACCURACY = named("MulticlassAccuracy", num_classes=3)
EXTREMES = "the extremes are over all values that were computed, in this way of playing more than one"
WAYS = ("computes between", "forward", "reset", "clone", "saved half-way", "garbage", "ranks")


def alone(base: dict):
    """Return the metric's value as the only one that there was."""

    def value(batches: list) -> dict:
        metric = create(base["name"], base["options"])
        for batch in batches:
            metric.update(**batch)
        raw = metric.compute()
        return {"raw": raw, "max": raw, "min": raw}

    return {"forward_by": lambda batch: value([batch]), "final_by": value}


def write(stem: Stem) -> None:
    """Write all cases."""
    refuse = lambda name, word, options, batches=(), **more: stem.refuse(
        Misuse(f"MinMaxMetric/{name}", "MinMaxMetric", options, word, list(batches), **more)
    )
    refuse("no metric", "base_metric", {})
    refuse("a number as a metric", "base_metric", {"base_metric": 7})
    refuse("None as a metric", "base_metric", {"base_metric": None})
    refuse("unknown option", "metric", {"base_metric": ACCURACY, "metrics": ACCURACY})
    batch = multiclass("minmax/misuse", "labels", 4, sizes=(9,))[0]
    refuse("labels that the metric does not have", "label", {"base_metric": ACCURACY}, [{k: v + 3 for k, v in batch.items()}])

    why = "`forward` accumulates: torchmetrics' keeps the last batch alone"

    def add(name: str, base: dict, batches: list, **more) -> None:
        excludes = {way: EXTREMES for way in WAYS} | more.pop("excludes", {})
        own = {"reason": why, "reference": "torchmetrics' metric by itself", **alone(base)}
        stem.add(Case(f"MinMaxMetric/{name}", "MinMaxMetric", {"base_metric": base}, batches, excludes=excludes, **own, **more))

    add("accuracy", ACCURACY, multiclass("minmax/labels", "labels", 3))
    add("area under a curve", named("BinaryAUROC"), binary("minmax/scores", "probabilities"))
    add("mean squared error", named("MeanSquaredError"), pairs("minmax/pairs"))
