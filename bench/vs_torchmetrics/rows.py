"""What is measured: the targets of docs/performance.md, and every class at three sizes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Input:
    """A tensor that both contenders read: logits are normal, probabilities uniform, labels below `classes`."""

    kind: str
    shape: tuple
    classes: int = 0


@dataclass(frozen=True)
class Row:
    work: str
    do: str
    metrics: tuple  # of (name, options)
    inputs: tuple
    threads: int = 1
    ranks: int = 1
    at_least: float = 1.0


ACCURACY = "MulticlassAccuracy"


def multiclass(rows, classes):
    return Input("logits", (rows, classes)), Input("labels", (rows,), classes)


def multilabel(rows, labels):
    return Input("probabilities", (rows, labels)), Input("labels", (rows, labels), 2)


def binary(rows):
    return Input("probabilities", (rows,)), Input("labels", (rows,), 2)


def update_targets():
    def row(metric, rows, classes, threads, at_least, **options):
        named = "".join(f", {name}={value}" for name, value in options.items())
        return Row(
            f"{metric}.update, {rows} × {classes}{named}",
            "update",
            ((metric, {"num_classes": classes, **options}),),
            multiclass(rows, classes),
            threads,
            at_least=at_least,
        )

    yield row(ACCURACY, 32, 10, 1, 50)
    for threads in (1, 2):
        yield row(ACCURACY, 8192, 1000, threads, 7)
    for threads in (1, 2):
        yield row(ACCURACY, 8192, 1000, threads, 60, top_k=5)
    for threads in (1, 2):
        yield row("MulticlassConfusionMatrix", 8192, 1000, threads, 4)
    for threads in (1, 2):
        yield row("MulticlassF1Score", 8192, 1000, threads, 6)


# Forty states of ten metrics, all of them over the same scores of ten classes.
TEN = tuple(
    [(ACCURACY, {"num_classes": 10, "average": average}) for average in ("micro", "macro", "weighted", "none")]
    + [(ACCURACY, {"num_classes": 10, "top_k": k}) for k in (2, 3, 5)]
    + [("MulticlassStatScores", {"num_classes": 10, "average": average}) for average in ("micro", "macro", "none")]
)


def sync_targets():
    for ranks in (2, 4):
        yield Row("sync of ten classification metrics", "sync", TEN, multiclass(32, 10), ranks=ranks, at_least=100)
    for ranks in (2, 4):
        yield Row("compute of the ten, one after another", "compute", TEN, multiclass(32, 10), ranks=ranks)


def every_class():
    """Update at three sizes, and forward and compute at the smallest, of each class."""
    families = ("StatScores", "Accuracy", "ConfusionMatrix")
    on_a_curve = {
        "EER": {},
        "LogAUC": {},
        "PrecisionAtFixedRecall": {"min_recall": 0.5},
        "RecallAtFixedPrecision": {"min_precision": 0.5},
        "SensitivityAtSpecificity": {"min_specificity": 0.5},
        "SpecificityAtSensitivity": {"min_sensitivity": 0.5},
    }

    def classes(rows):
        for name in ("SumMetric", "MeanMetric", "MaxMetric", "MinMetric", "CatMetric"):
            for strategy in ("warn", "disable"):
                yield name, {"nan_strategy": strategy}, (Input("logits", (rows,)),)
        for family in families:
            yield f"Binary{family}", {}, binary(rows)
            yield f"Multiclass{family}", {"num_classes": 10}, multiclass(rows, 10)
            yield f"Multilabel{family}", {"num_labels": 10}, multilabel(rows, 10)
        for metric, needed in on_a_curve.items():
            given = {**needed, "thresholds": 100}
            yield f"Binary{metric}", given, binary(rows)
            yield f"Multiclass{metric}", {"num_classes": 10, **given}, multiclass(rows, 10)
            yield f"Multilabel{metric}", {"num_labels": 10, **given}, multilabel(rows, 10)

    for do, sizes in (("update", (32, 8192, 100000)), ("forward", (32,)), ("compute", (32,))):
        for rows in sizes:
            for name, options, inputs in classes(rows):
                shape = " × ".join(str(size) for size in inputs[0].shape)
                strategy = f", {options['nan_strategy']}" if "nan_strategy" in options else ""
                # torchmetrics' update only keeps a reference, and copies in compute: neither can be compared alone.
                if name == "CatMetric" and do != "forward":
                    if do == "update":
                        yield Row(f"{name}, 100 × update({shape}) and compute{strategy}", "epoch", ((name, options),), inputs)
                    continue
                yield Row(f"{name}.{do}, {shape}{strategy}", do, ((name, options),), inputs)
