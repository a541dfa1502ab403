"""What is measured: the targets of docs/performance.md, and every class at three sizes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Input:
    """What both contenders read: logits are normal, probabilities and `uniform` in [0, 1), labels below `classes`, and `clusters` that
    are these labels, but for a third; `sentences` of
    `shape[1]` words of `classes`, and what was `heard` of them, with a word in six wrong; `boxes` with labels below `classes`,
    `shape[1]` an image, and what was `found` of them, a little beside; a `flag` is 1 or 0 in `classes`."""

    kind: str
    shape: tuple
    classes: int = 0
    units: tuple = ()  # what the numbers of the shape count, where that is not plain

    def spelled(self):
        units = [f" {unit}" for unit in self.units] + [""] * len(self.shape)
        return " × ".join(f"{size}{unit}" for size, unit in zip(self.shape, units))


@dataclass(frozen=True)
class Row:
    work: str
    do: str
    metrics: tuple  # of (name, options); a metric among the options is written as `named` writes it
    inputs: tuple  # an input may be a dict of them
    before: tuple = ()  # batches of inputs that come before the one that is measured
    threads: int = 1
    ranks: int = 1
    at_least: float = 1.0
    rtol: float = 1e-5  # of the values that both compute
    peer: str = "torchmetrics"
    weights: Input = None  # what the rows weigh; only other peers know that


ACCURACY = "MulticlassAccuracy"


def multiclass(rows, classes):
    return Input("logits", (rows, classes)), Input("labels", (rows,), classes)


def multilabel(rows, labels):
    return Input("probabilities", (rows, labels)), Input("labels", (rows, labels), 2)


def binary(rows):
    return Input("probabilities", (rows,)), Input("labels", (rows,), 2)


def sentences(rows, words):
    units = ("sentences", "words")
    return Input("heard", (rows, words), 1000, units), Input("sentences", (rows, words), 1000, units)


def documents(rows, of_query=10):
    """With ten documents a query."""
    scores, relevances = Input("probabilities", (rows,), 0, ("documents",)), Input("labels", (rows,), 2)
    return scores, relevances, Input("labels", (rows,), max(1, rows // of_query))


def boxes(rows):
    """Eight an image, of three classes."""
    return tuple(Input(kind, (rows, 8), 3, ("images", "boxes")) for kind in ("found", "boxes"))


def images(rows):
    return tuple(Input(kind, (rows, 3, 4, 4), 0, ("images",)) for kind in ("probabilities", "uniform"))


def features(rows, count, real):
    return Input("logits" if real else "uniform", (rows, count), 0, ("images", "features")), Input("flag", (), int(real))


def clusters(rows, count, targets=None):
    """Clusters beside labels."""
    return Input("clusters", (rows,), count, ("samples",)), Input("labels", (rows,), targets or count)


def clustered(rows):
    return Input("logits", (rows, 16), 0, ("rows",)), Input("labels", (rows,), 10)


def clustering_targets():
    """A reset, an update and a compute: torchmetrics' update only keeps a reference."""
    for name in OF_LABELS:
        work = f"{name}, update and compute, one million labels of 1000 clusters"
        yield Row(work, "collection_epoch", ((name, {}),), clusters(1000000, 1000), at_least=10, rtol=1e-4)
    work = "AdjustedMutualInfoScore, update and compute, 1000 labels of 100 clusters"
    yield Row(work, "collection_epoch", (("AdjustedMutualInfoScore", {}),), clusters(1000, 100), at_least=10, rtol=1e-3)
    for name in OF_DATA:
        yield Row(f"{name}, update and compute, 100000 rows × 16", "collection_epoch", ((name, {}),), clustered(100000), rtol=1e-3)


def pair_targets():
    """Matrices of all pairs of rows, beside torchmetrics where the differences of all pairs fit into memory, and beside torch."""

    def rows(first, second, columns):
        return Input("logits", (first, columns), 0, ("rows",)), Input("probabilities", (second, columns), 0, ("rows",))

    def row(name, beside, options, inputs, at_least, threads=1):
        named = "".join(f", {k}={v}" for k, v in options.items())
        options = {**options, **({} if beside == "torchmetrics" else {"beside": beside})}
        work = f"{name}, {inputs[0].shape[0]} × {inputs[1].shape[0]} × {inputs[0].shape[1]}{named}, beside {beside}"
        return Row(work, "call", ((name, options),), inputs, threads=threads, at_least=at_least, rtol=1e-4)

    large, small = rows(4096, 4096, 128), rows(512, 512, 128)
    for threads in (1, 2):
        yield row("pairwise_linear_similarity", "a product", {}, large, 0.9, threads)
        yield row("pairwise_cosine_similarity", "a product", {}, large, 0.7, threads)
        yield row("pairwise_euclidean_distance", "cdist", {}, large, 0.8, threads)
        yield row("pairwise_manhattan_distance", "cdist", {}, large, 1, threads)
    for name in ("linear_similarity", "cosine_similarity", "euclidean_distance"):
        yield row(f"pairwise_{name}", "torchmetrics", {}, large, 1)
        yield row(f"pairwise_{name}", "torchmetrics", {"reduction": "mean"}, large, 1)
    yield row("pairwise_minkowski_distance", "cdist", {"exponent": 3}, rows(1024, 1024, 128), 1)
    yield row("pairwise_minkowski_distance", "cdist", {"exponent": 2.5}, rows(1024, 1024, 128), 1)
    yield row("pairwise_manhattan_distance", "torchmetrics", {}, small, 4)
    for exponent in (2, 3, 2.5):
        yield row("pairwise_minkowski_distance", "torchmetrics", {"exponent": exponent}, small, 2)
    for size in (32, 512):
        for name in ("linear_similarity", "cosine_similarity", "euclidean_distance", "manhattan_distance", "minkowski_distance"):
            yield row(f"pairwise_{name}", "torchmetrics", {}, rows(size, size, 16), 1)


def clouds(rows):
    return tuple(Input(kind, (rows, 50, 3), 0, ("samples", "points")) for kind in ("logits", "probabilities"))


# Their states are rows in torchmetrics.
OF_LABELS = ("MutualInfoScore", "NormalizedMutualInfoScore", "RandScore", "FowlkesMallowsIndex", "HomogeneityScore", "CompletenessScore", "VMeasureScore")
OF_DATA = ("CalinskiHarabaszScore", "DaviesBouldinScore", "DunnIndex")
RETRIEVAL = tuple(f"Retrieval{name}" for name in ("AUROC", "FallOut", "HitRate", "MAP", "MRR", "NormalizedDCG", "Precision", "PrecisionRecallCurve", "RPrecision", "Recall", "RecallAtFixedPrecision"))
KEPT = ("CatMetric", *RETRIEVAL, "AdjustedMutualInfoScore", "AdjustedRandScore", "FleissKappa", *OF_LABELS, *OF_DATA)


def update_targets():
    def row(metric, rows, classes, threads, at_least, **options):
        named = "".join(f", {name}={value}" for name, value in options.items())
        return Row(
            f"{metric}.update, {rows} × {classes}{named}",
            "update",
            ((metric, {"num_classes": classes, **options}),),
            multiclass(rows, classes),
            threads=threads,
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
    for threads in (1, 2):
        yield row("MulticlassCalibrationError", 8192, 1000, threads, 8)
    for classes in (2, 3, 5, 10, 20, 50, 100):
        yield row(ACCURACY, 100000, classes, 1, 12)
    yield row("MulticlassConfusionMatrix", 100000, 10, 1, 8)
    segmentation = tuple(Input("labels", (8, 512, 1024), classes) for classes in (19, 18))
    work = "MulticlassConfusionMatrix.update, 8 × 512 × 1024 labels of 19 classes"
    yield Row(work, "update", (("MulticlassConfusionMatrix", {"num_classes": 19}),), segmentation, at_least=8)
    yield Row("WordErrorRate.update, 1000 × 24 words", "update", (("WordErrorRate", {}),), sentences(1000, 24), at_least=30)


def curve_targets():
    million = binary(1000000)
    for threads in (1, 2):
        yield Row("BinaryAUROC.update, 1000000, thresholds=200", "update", (("BinaryAUROC", {"thresholds": 200}),), million, threads=threads, at_least=100)
    for threads in (1, 2):
        yield Row("BinaryAUROC.compute, 1000000", "compute", (("BinaryAUROC", {}),), million, threads=threads, at_least=20)
    for threads in (1, 2):
        options = {"num_classes": 100, "thresholds": 200}
        work = "MulticlassAUROC.update, 8192 × 100, thresholds=200"
        yield Row(work, "update", (("MulticlassAUROC", options),), multiclass(8192, 100), threads=threads, at_least=60)


def rank_targets():
    numbers = lambda rows: (Input("logits", (rows,)), Input("probabilities", (rows,)))
    for threads in (1, 2):
        yield Row("SpearmanCorrCoef.compute, 1000000", "compute", (("SpearmanCorrCoef", {}),), numbers(1000000), threads=threads, at_least=6, rtol=1e-3)
    yield Row("KendallRankCorrCoef.compute, 10000", "compute", (("KendallRankCorrCoef", {}),), numbers(10000), at_least=20)


def retrieval_targets():
    for threads in (1, 2):
        for name, at_least in (("RetrievalMAP", 50), ("RetrievalNormalizedDCG", 200)):
            work = f"{name}.compute, 10000 queries of about 100 documents"
            yield Row(work, "compute", ((name, {}),), documents(1000000, 100), threads=threads, at_least=at_least)


# Forty states of ten metrics, all of them over the same scores of ten classes.
TEN = tuple(
    [(ACCURACY, {"num_classes": 10, "average": average}) for average in ("micro", "macro", "weighted", "none")]
    + [(ACCURACY, {"num_classes": 10, "top_k": k}) for k in (2, 3, 5)]
    + [("MulticlassStatScores", {"num_classes": 10, "average": average}) for average in ("micro", "macro", "none")]
)


SIX = tuple(
    (f"Multiclass{name}", {"num_classes": 10})
    for name in ("Accuracy", "Precision", "Recall", "F1Score", "ConfusionMatrix")
) + (("MulticlassAUROC", {"num_classes": 10, "thresholds": 100}),)


# Of one family, which count the same.
TWENTY = tuple(
    (f"Multiclass{name}", {"num_classes": 10, "average": average} | ({"beta": 2.0} if name == "FBetaScore" else {}))
    for name in ("Accuracy", "Precision", "Recall", "F1Score", "FBetaScore", "Specificity", "HammingDistance")
    for average in ("macro", "weighted", "none")
)[:20]


def together_targets():
    for threads in (1, 2):
        work = "six classification metrics, updated together, 32 × 10"
        yield Row(work, "together", SIX, multiclass(32, 10), threads=threads, at_least=500)
    for threads in (1, 2):
        work = "MetricCollection.update of the six, 32 × 10"
        yield Row(work, "collection_update", SIX, multiclass(32, 10), threads=threads, at_least=100)
    yield Row("MetricCollection.update of twenty stat scores, 32 × 10", "collection_update", TWENTY, multiclass(32, 10), at_least=200)
    yield Row("MetricCollection.compute of twenty stat scores, 32 × 10", "collection_compute", TWENTY, multiclass(32, 10), at_least=200)


def weighted_targets(peer):
    """Reset, update and compute of rows that weigh, beside a library that knows weights."""
    rows = {
        "scikit-learn": (
            ("MulticlassAccuracy", {"num_classes": 10, "average": "micro"}, class_labels(100000, 10), 100000),
            ("MulticlassF1Score", {"num_classes": 10}, class_labels(100000, 10), 100000),
            ("MulticlassConfusionMatrix", {"num_classes": 10}, class_labels(100000, 10), 100000),
            ("BinaryAUROC", {}, binary(1000000), 1000000),
            ("BinaryAveragePrecision", {}, binary(1000000), 1000000),
            ("MeanSquaredError", {}, numbers(1000000), 1000000),
            ("R2Score", {}, numbers(1000000), 1000000),
        ),
        "torcheval": (
            ("BinaryAUROC", {}, binary(1000000), 1000000),
            ("MeanSquaredError", {}, numbers(1000000), 1000000),
        ),
    }
    for name, options, inputs, count in rows[peer]:
        weights = Input("weights", (count,))
        yield Row(f"{name}, {count} rows that weigh", "whole", ((name, options),), inputs, rtol=2e-5, peer=peer, weights=weights)


def class_labels(rows, classes):
    return Input("clusters", (rows,), classes), Input("labels", (rows,), classes)


def numbers(rows):
    return Input("uniform", (rows,)), Input("probabilities", (rows,))


def sync_targets():
    for ranks in (2, 4):
        yield Row("sync of ten classification metrics", "sync", TEN, multiclass(32, 10), ranks=ranks, at_least=100)
    for ranks in (2, 4):
        work = "MetricCollection of the ten: reset, update and compute"
        yield Row(work, "collection_epoch", TEN, multiclass(32, 10), ranks=ranks, at_least=100)
    for ranks in (2, 4):
        yield Row("compute of the ten, one after another", "compute", TEN, multiclass(32, 10), ranks=ranks)


TASKS = {
    "Binary": ({}, binary),
    "Multiclass": ({"num_classes": 10}, lambda rows: multiclass(rows, 10)),
    "Multilabel": ({"num_labels": 10}, lambda rows: multilabel(rows, 10)),
}
# Each with the options that it requires.
FAMILIES = {
    "StatScores": {},
    "Accuracy": {},
    "Precision": {},
    "Recall": {},
    "F1Score": {},
    "FBetaScore": {"beta": 2.0},
    "Specificity": {},
    "NegativePredictiveValue": {},
    "HammingDistance": {},
    "ConfusionMatrix": {},
    "CohenKappa": {},
    "MatthewsCorrCoef": {},
    "JaccardIndex": {},
    "CalibrationError": {},
    "HingeLoss": {},
    "ExactMatch": {},
    "EER": {"thresholds": 100},
    "LogAUC": {"thresholds": 100},
    "PrecisionAtFixedRecall": {"min_recall": 0.5, "thresholds": 100},
    "RecallAtFixedPrecision": {"min_precision": 0.5, "thresholds": 100},
    "SensitivityAtSpecificity": {"min_specificity": 0.5, "thresholds": 100},
    "SpecificityAtSensitivity": {"min_sensitivity": 0.5, "thresholds": 100},
}
ABSENT = {("Multilabel", "CohenKappa"), ("Multilabel", "CalibrationError"), ("Multilabel", "HingeLoss"), ("Binary", "ExactMatch"), ("Multiclass", "ExactMatch")}


def classes(rows):
    """Every class but the curves, with its options and inputs."""
    for name in ("SumMetric", "MeanMetric", "MaxMetric", "MinMetric", "CatMetric"):
        for strategy in ("warn", "disable"):
            yield name, {"nan_strategy": strategy}, (Input("logits", (rows,)),)
    for task, (options, inputs) in TASKS.items():
        for family, own in FAMILIES.items():
            if (task, family) not in ABSENT:
                yield f"{task}{family}", options | own, inputs(rows)
    yield "MulticlassExactMatch", {"num_classes": 10}, (Input("labels", (rows, 4), 10), Input("labels", (rows, 4), 9))
    for name in ("MultilabelCoverageError", "MultilabelRankingAveragePrecision", "MultilabelRankingLoss"):
        # torchmetrics takes one sample after the other for the average precision.
        if name != "MultilabelRankingAveragePrecision" or rows <= 8192:
            yield name, {"num_labels": 10}, multilabel(rows, 10)
    for name in ("BinaryGroupStatRates", "BinaryFairness"):
        yield name, {"num_groups": 4}, (*binary(rows), Input("labels", (rows,), 4))
    regression = (
        "MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "SymmetricMeanAbsolutePercentageError",
        "WeightedMeanAbsolutePercentageError", "LogCoshError", "R2Score", "RelativeSquaredError", "ExplainedVariance", "PearsonCorrCoef",
        "ConcordanceCorrCoef", "NormalizedRootMeanSquaredError", "SpearmanCorrCoef", "KendallRankCorrCoef",
    )
    for name, options in (*((name, {}) for name in regression), ("MinkowskiDistance", {"p": 3}), ("MinkowskiDistance", {"p": 2.7})):
        yield name, options, (Input("logits", (rows,)), Input("probabilities", (rows,)))
    alike = (Input("probabilities", (rows,)), Input("uniform", (rows,)))
    yield "CriticalSuccessIndex", {"threshold": 0.5}, alike
    yield "MeanSquaredLogError", {}, alike
    for power in (0.0, 1.0, 1.7, 2.0):
        yield "TweedieDevianceScore", {"power": power}, alike
    of_rows = (Input("probabilities", (rows, 10)), Input("uniform", (rows, 10)))
    for name in ("KLDivergence", "JensenShannonDivergence", "CosineSimilarity"):
        yield name, {}, of_rows
    yield "ContinuousRankedProbabilityScore", {}, (Input("probabilities", (rows, 10)), Input("uniform", (rows,)))
    yield "PeakSignalNoiseRatio", {"data_range": 1.0}, images(rows)
    yield "IntersectionOverUnion", {}, boxes(rows)
    yield "WordErrorRate", {}, sentences(rows, 8)
    for name in RETRIEVAL:
        yield name, {}, documents(rows)
    for name in (*OF_LABELS, "AdjustedRandScore", "AdjustedMutualInfoScore"):
        yield name, {}, clusters(rows, 10)
    for name in OF_DATA:
        yield name, {}, clustered(rows)
    for name in ("ClusterAccuracy", "CramersV", "TschuprowsT", "PearsonsContingencyCoefficient", "TheilsU"):
        yield name, {"num_classes": 10}, clusters(rows, 10)
    yield "ProcrustesDisparity", {}, clouds(rows)
    yield "FleissKappa", {}, (Input("labels", (rows, 5), 4, ("samples", "categories")),)


def every_class():
    """Update at three sizes, and forward and compute at the smallest, of each class."""
    for do, sizes in (("update", (32, 8192, 100000)), ("forward", (32,)), ("compute", (32,))):
        for rows in sizes:
            for name, options, inputs in classes(rows):
                shape = inputs[0].spelled()
                strategy = f", {options['nan_strategy']}" if "nan_strategy" in options else ""
                if name == "AdjustedMutualInfoScore" and do == "update":
                    continue  # torchmetrics' takes minutes of as many samples
                if name == "AdjustedRandScore" and rows > 32:
                    continue  # torchmetrics' overflows
                if name in KEPT and do == "update":
                    yield Row(f"{name}, 100 × update({shape}) and compute{strategy}", "epoch", ((name, options),), inputs)
                    # torchmetrics' update only keeps a reference here, and copies in compute: what the epoch above shows.
                    if options.get("nan_strategy") == "disable" or name not in ("CatMetric", *RETRIEVAL):
                        continue
                if name == "CatMetric" and do == "compute":
                    continue
                # torchmetrics sorts the points of LogAUC unstably: its value depends on the machine.
                rtol = 1e-2 if name.endswith("LogAUC") else 1e-5
                yield Row(f"{name}.{do}, {shape}{strategy}", do, ((name, options),), inputs, rtol=rtol)
    yield from every_ranking()
    yield from every_distance()
    yield from every_curve()
    yield from every_wrapper()


def every_ranking():
    """Compute is the ranking."""
    for rows in (8192, 100000):
        for name in RETRIEVAL:
            yield Row(f"{name}.compute, {rows} documents", "compute", ((name, {}),), documents(rows))


def every_distance():
    """Of two populations. There is no forward: torchmetrics' knows the batch alone, and so one population."""
    for do, sizes in (("update", (32, 8192, 100000)), ("compute", (32, 8192))):
        for count in (64, 2048):
            for rows in sizes:
                if rows * count > 2**26:
                    continue  # gigabytes
                real, generated = features(rows, count, True), features(rows, count, False)
                # torchmetrics' roots of eigenvalues turn rounding into 1e-8 of the largest variance, each.
                distance = (("FrechetInceptionDistance", {"feature": count}),)
                yield Row(f"FrechetInceptionDistance.{do}, {real[0].spelled()}", do, distance, real, (generated,), rtol=1e-3)


CURVES = ("PrecisionRecallCurve", "ROC", "AUROC", "AveragePrecision")


def every_curve():
    """Update and forward of counts between thresholds, and compute of those and of scores that are kept: these only grow."""
    probabilities = lambda rows: (Input("probabilities", (rows, 10)), Input("labels", (rows,), 10))
    tasks = (("Binary", {}, binary), ("Multiclass", {"num_classes": 10}, probabilities))
    tasks += (("Multilabel", {"num_labels": 10}, lambda rows: multilabel(rows, 10)),)
    works = [("update", rows, 100) for rows in (32, 8192, 100000)] + [("forward", 32, 100), ("compute", 32, 100)]
    for do, rows, thresholds in works + [("compute", rows, None) for rows in (32, 8192, 100000)]:
        for curve in CURVES:
            for task, options, inputs in tasks:
                given = inputs(rows)
                named = f"{task}{curve}.{do}, {given[0].spelled()}" + (f", thresholds={thresholds}" if thresholds else "")
                metric = (f"{task}{curve}", {**options, "thresholds": thresholds})
                yield Row(named, do, (metric,), given)


def named(name, **options):
    """A metric as an option of another."""
    return {"name": name, "options": options}


TEN_CLASSES = named(ACCURACY, num_classes=10)


def wrappers(rows):
    """Every wrapper with what it wraps, and its inputs."""
    of_classes = multiclass(rows, 10)
    outputs = Input("logits", (rows, 4)), Input("probabilities", (rows, 4))
    value, age = Input("logits", (rows,)), Input("uniform", (rows,))
    tasks = {"label": TEN_CLASSES, "age": named("MeanSquaredError")}
    yield "BootStrapper", {"base_metric": named("BinaryAccuracy"), "num_bootstraps": 10, "std": False}, binary(rows)
    yield "ClasswiseWrapper", {"metric": named(ACCURACY, num_classes=10, average="none")}, of_classes
    yield "MinMaxMetric", {"base_metric": TEN_CLASSES}, of_classes
    yield "MultioutputWrapper", {"base_metric": named("R2Score"), "num_outputs": 4}, outputs
    yield "MultitaskWrapper", {"task_metrics": tasks}, ({"label": of_classes[0], "age": value}, {"label": of_classes[1], "age": age})
    yield "Running", {"base_metric": TEN_CLASSES, "window": 5}, of_classes
    yield "RunningMean", {"window": 5}, (value,)
    yield "MetricTracker", {"metric": TEN_CLASSES}, of_classes
    grades = Input("probabilities", (rows,)), Input("labels", (rows,), 10)
    yield "BinaryTargetTransformer", {"wrapped_metric": named("BinaryAccuracy"), "threshold": 4}, grades


def every_wrapper():
    """Update at three sizes, and forward and compute at the smallest; of a tracker the best of ten steps, too."""
    for do, sizes in (("update", (32, 8192, 100000)), ("forward", (32,)), ("compute", (32,))):
        for rows in sizes:
            for name, options, inputs in wrappers(rows):
                # Each draws resamples of its own.
                rtol = 0.3 if name == "BootStrapper" else 1e-5
                yield Row(f"{name}.{do}, {rows}", do, ((name, options),), inputs, rtol=rtol)
    tracker = (("MetricTracker", {"metric": TEN_CLASSES}),)
    yield Row("MetricTracker.best_metric, ten steps", "best_metric", tracker, multiclass(32, 10))
