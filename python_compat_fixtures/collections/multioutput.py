"""MultioutputWrapper: outputs in any dimension, NaN left out, kept dimensions, wrappers in it."""

import torch
from cases import Case, Misuse, Stem, named
from draws import Draws
from labelled import multilabel
from paired import NO_SLOPE, TOLERANCE, pairs

SQUARES, ERRORS, CORRELATION = named("MeanSquaredError"), named("MeanAbsoluteError"), named("PearsonCorrCoef")
NAN = float("nan")


def with_nans(name: str, batches: list) -> list:
    """Put NaN on a fifth of the elements of both inputs."""
    draws = Draws(f"multioutput/{name}")
    hit = lambda x: torch.where(draws.integers(x.shape, 0, 5) == 0, torch.tensor(NAN), x)
    return [{k: hit(v) for k, v in b.items()} for b in batches]


def moved(batches: list, dim: int) -> list:
    """Move the outputs into another dimension."""
    return [{k: v.movedim(-1, dim).contiguous() for k, v in b.items()} for b in batches]


def misuses(stem: Stem) -> None:
    """What is refused."""
    refuse = lambda name, word, options, batches=(), **more: stem.refuse(
        Misuse(f"MultioutputWrapper/{name}", "MultioutputWrapper", options, word, list(batches), **more)
    )
    of = lambda **options: {"base_metric": SQUARES, "num_outputs": 2, **options}
    ones = lambda *shape: {"preds": torch.ones(shape), "target": torch.ones(shape)}
    refuse("no metric", "base_metric", {"num_outputs": 2})
    refuse("no number of outputs", "num_outputs", {"base_metric": SQUARES})
    refuse("a number as metric", "base_metric", {"base_metric": 7, "num_outputs": 2})
    refuse("outputs of another type", "num_outputs", of(num_outputs="two"))
    refuse("no output", "num_outputs", of(num_outputs=0), reason="torchmetrics fails at compute")
    refuse("unknown option", "outputs", {"base_metric": SQUARES, "outputs": 2})
    refuse("too few columns", "num_outputs", of(), [ones(4, 1)])
    refuse("more columns than outputs", "num_outputs", of(), [ones(4, 3)], reason="torchmetrics leaves the other columns out")
    refuse("no such dimension", "output_dim", of(output_dim=2), [ones(4, 2)])
    refuse("outputs without rows", "rows", of(), [ones(2)])
    refuse("lengths that differ", "rows", of(), [{"preds": torch.ones(4, 2), "target": torch.ones(3, 2)}])
    refuse("lengths that differ, NaN kept", "shape", of(remove_nans=False), [{"preds": torch.ones(4, 2), "target": torch.ones(3, 2)}])
    refuse("an input of the metric is missing", "target", of(), [{"preds": torch.ones(4, 2)}])
    refuse("unknown input", "labels", of(), [{**ones(4, 2), "labels": torch.ones(4, 2)}])


def write(stem: Stem) -> None:
    """Write all cases."""
    misuses(stem)
    add = lambda name, metric, batches, outputs=2, more=None, **case: stem.add(
        Case(
            f"MultioutputWrapper/{name}",
            "MultioutputWrapper",
            {"base_metric": metric, "num_outputs": outputs, **(more or {})},
            batches,
            **{"tolerance": TOLERANCE, **case},
        )
    )
    columns = lambda name, outputs=2: pairs(f"multioutput/{name}", ((6, outputs), (3, outputs), (8, outputs)))
    add("columns", SQUARES, columns("columns"))
    add("three columns", SQUARES, columns("three", 3), 3)
    add("one column", SQUARES, columns("one", 1), 1)
    add("NaN left out", ERRORS, with_nans("left out", columns("nan")), excludes=NO_SLOPE)
    add("NaN kept", SQUARES, with_nans("kept", columns("kept")), more={"remove_nans": False}, excludes=NO_SLOPE)
    add("a correlation", CORRELATION, with_nans("correlation", columns("correlation")), excludes=NO_SLOPE)
    add("rows of several numbers", SQUARES, with_nans("deep", pairs("multioutput/deep", ((6, 2, 2), (4, 2, 2)))), excludes=NO_SLOPE)
    add("outputs in the middle", SQUARES, moved(pairs("multioutput/middle", ((6, 4, 2), (4, 4, 2))), 1), more={"output_dim": 1})
    add("outputs first", SQUARES, moved(pairs("multioutput/first", ((6, 2), (6, 2), (6, 2))), 0), more={"output_dim": 0, "remove_nans": False}, **FIRST)
    kept = named("MeanSquaredError", num_outputs=1)
    add("dimension kept", named("MultioutputWrapper", base_metric=kept, num_outputs=1), columns("kept dimension"), more={"squeeze_outputs": False})
    add("labels", named("BinaryAccuracy"), multilabel("multioutput/labels", "labels", 3), 3)
    add("scores", named("BinaryAUROC"), multilabel("multioutput/scores", "probabilities", 3), 3)
    add("a value for each class", named("MulticlassRecall", num_classes=2, average=None), multilabel("multioutput/classes", "labels", 3), 3)
    rows = columns("valid")
    valid = [torch.arange(len(b["target"])) % 3 != 1 for b in rows]
    add("rows that do not count", SQUARES, with_nans("valid", rows), valid=valid, excludes=NO_SLOPE)
    stem.require(
        "MultioutputWrapper",
        {"base_metric": [], "num_outputs": [], "output_dim": [0, 1], "remove_nans": [False], "squeeze_outputs": [False]},
    )


NOT_ROWS = "rows do not lie in the first dimension"
FIRST = {"excludes": {way: NOT_ROWS for way in ("one update", "permuted", "garbage", "empty batches", "row by row", "integer weights", "floating weights", "scaled weights", "ranks")}}
