"""MetricInputTransformer, BinaryTargetTransformer, and LambdaInputTransformer, whose functions cannot be written down: it has none in the cases."""

import torch
from cases import Case, Misuse, Stem, named
from draws import Draws
from labelled import binary

ACCURACY = named("BinaryAccuracy")


def continuous(name: str, dtype=torch.float32) -> list:
    """Draw probabilities with targets that are no labels."""
    draws = Draws(f"transformations/{name}")
    return [{"preds": draws.probabilities(n), "target": draws.integers(n, -6, 10) / 2 if dtype.is_floating_point else draws.integers(n, -3, 5).to(dtype)} for n in (7, 1, 9)]


def misuses(stem: Stem) -> None:
    """What is refused."""
    refuse = lambda metric, name, word, options, batches=(), **more: stem.refuse(
        Misuse(f"{metric}/{name}", metric, options, word, list(batches), **more)
    )
    batch = binary("transformations/misuse", "probabilities")[0]
    for metric in ("BinaryTargetTransformer", "LambdaInputTransformer", "MetricInputTransformer"):
        refuse(metric, "no metric", "wrapped_metric", {})
        refuse(metric, "a number as metric", "wrapped_metric", {"wrapped_metric": 7})
        refuse(metric, "unknown option", "limit", {"wrapped_metric": ACCURACY, "limit": 3})
        refuse(metric, "an input of the metric is missing", "target", {"wrapped_metric": ACCURACY}, [{"preds": batch["preds"]}])
    refuse("BinaryTargetTransformer", "a threshold that is no number", "threshold", {"wrapped_metric": ACCURACY, "threshold": "high"})
    for name in ("transform_pred", "transform_target"):
        refuse("LambdaInputTransformer", f"{name} that is no function", name, {"wrapped_metric": ACCURACY, name: "x + 1"})


def write(stem: Stem) -> None:
    """Write all cases."""
    misuses(stem)
    add = lambda metric, name, options, batches, **case: stem.add(
        Case(f"{metric}/{name}", metric, options, batches, by_position=True, **case)
    )
    of = lambda **options: {"wrapped_metric": ACCURACY, **options}
    add("BinaryTargetTransformer", "above 0", of(), continuous("zero", torch.int64))
    add("BinaryTargetTransformer", "threshold", of(threshold=1), continuous("threshold", torch.int64))
    add("BinaryTargetTransformer", "threshold that is no integer", of(threshold=1.5), continuous("half"))
    add("BinaryTargetTransformer", "below 0", of(threshold=-2.0), continuous("below", torch.int32))
    collection = named("MetricCollection", metrics=[ACCURACY, named("BinaryAUROC"), named("BinaryF1Score")])
    add("BinaryTargetTransformer", "a collection", {"wrapped_metric": collection, "threshold": 1}, continuous("collection"))
    twice = named("BinaryTargetTransformer", wrapped_metric=ACCURACY, threshold=0.5)
    add("BinaryTargetTransformer", "of another", {"wrapped_metric": twice, "threshold": 2}, continuous("twice", torch.int64))
    labels = binary("transformations/labels", "probabilities")
    add("LambdaInputTransformer", "no functions", of(), labels)
    add("MetricInputTransformer", "a metric", of(), labels)
    add("MetricInputTransformer", "a collection", {"wrapped_metric": collection}, labels)
    add("MetricInputTransformer", "of another", {"wrapped_metric": twice}, continuous("other"))
    valid = [torch.arange(len(b["target"])) % 3 != 1 for b in labels]
    add("BinaryTargetTransformer", "rows that do not count", of(), labels, valid=valid)
    stem.require("MetricInputTransformer", {"wrapped_metric": []})
    stem.require("BinaryTargetTransformer", {"wrapped_metric": [], "threshold": [1, 1.5, -2.0]})
