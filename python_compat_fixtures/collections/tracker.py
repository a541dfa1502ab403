"""MetricTracker in its first step; histories.py has what several steps give."""

from cases import Case, Misuse, Stem, named
from labelled import binary

ACCURACY = named("BinaryAccuracy")


def write(stem: Stem) -> None:
    """Write all cases."""
    refuse = lambda name, contains, options, batches=(): stem.refuse(Misuse(f"MetricTracker/{name}", "MetricTracker", options, contains, list(batches)))
    batches = binary("tracker/labels", "probabilities")
    collection = named("MetricCollection", metrics=[ACCURACY, named("BinaryF1Score"), named("BinaryAUROC", thresholds=5)])
    refuse("no metric", "metric", {})
    refuse("a number as metric", "metric", {"metric": 7})
    refuse("unknown option", "minimize", {"metric": ACCURACY, "minimize": True})
    refuse("a direction of another type", "maximize", {"metric": ACCURACY, "maximize": "up"})
    refuse("directions of another type", "maximize", {"metric": collection, "maximize": [True, 1, False]})
    refuse("several directions of one metric", "maximize", {"metric": ACCURACY, "maximize": [True]})
    refuse("too few directions", "maximize", {"metric": collection, "maximize": [True, False]})
    refuse("a metric without a direction", "higher_is_better", {"metric": named("SumMetric")})
    refuse("a member without a direction", "higher_is_better", {"metric": named("MetricCollection", metrics=[ACCURACY, named("SumMetric")])})
    refuse("an input of the metric is missing", "target", {"metric": ACCURACY}, [{"preds": batches[0]["preds"]}])
    add = lambda name, options, batches=batches, **case: stem.add(Case(f"MetricTracker/{name}", "MetricTracker", options, batches, **case))
    add("a metric", {"metric": ACCURACY})
    add("lower is better", {"metric": ACCURACY, "maximize": False})
    add("a metric without a direction of its own", {"metric": named("SumMetric"), "maximize": True}, [{"value": b["preds"]} for b in batches])
    add("a collection", {"metric": collection})
    add("a collection, one direction", {"metric": collection, "maximize": True})
    add("a collection, a direction each", {"metric": collection, "maximize": [True, False, True]})
    add("a wrapper", {"metric": named("BinaryTargetTransformer", wrapped_metric=ACCURACY), "maximize": True}, by_position=True)
    stem.require("MetricTracker", {"metric": [], "maximize": []})
