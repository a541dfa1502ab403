"""Rows that weigh: scores of labels beside scikit-learn's `sample_weight`."""

from typing import Callable

import sklearn.metrics
import torch
from cases import Misuse, Stem
from draws import Draws
from weighted import EVERY_KIND, add


def by(score: str, **options) -> Callable:
    """Compute scikit-learn's score of labels; scores become labels as torchmetrics makes them."""

    def value(batch: dict) -> object:
        preds, target = batch["preds"], batch["target"]
        if preds.ndim == target.ndim + 1:
            preds = preds.argmax(1)
        elif preds.is_floating_point():
            preds = (preds > 0.5).long()
        return getattr(sklearn.metrics, score)(target.numpy(), preds.numpy(), sample_weight=batch["sample_weight"].numpy(), **options)

    return value


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    for weights, row in ((torch.tensor([1.0, -2.0, 1.0]), "row 1"), (torch.tensor([1.0, 1.0, float("nan")]), "row 2"), (torch.tensor([1, 1]), "shape [3]")):
        batch = {"preds": torch.tensor([0, 1, 1]), "target": torch.tensor([0, 1, 0]), "Rows.weights": weights}
        stem.refuse(Misuse(f"BinaryAccuracy/weights {weights.tolist()}", "BinaryAccuracy", {}, row, [batch]))
    samplewise = {"preds": torch.tensor([[0, 1], [1, 1]]), "target": torch.tensor([[0, 1], [1, 0]]), "Rows.weights": torch.tensor([1.0, 2.0])}
    stem.refuse(Misuse("BinaryAccuracy/samplewise", "BinaryAccuracy", {"multidim_average": "samplewise"}, "Rows.weights", [samplewise]))
    exact = {"preds": torch.tensor([0.2, 0.7]), "target": torch.tensor([0, 1]), "Rows.weights": torch.tensor([1.0, float("inf")])}
    stem.refuse(Misuse("BinaryAUROC/infinite", "BinaryAUROC", {}, "row 1", [exact]))
    draws = Draws("classification/weights")
    sizes = (40, 9, 31)
    binary = [{"preds": draws.probabilities(n), "target": draws.integers(n, 0, 2)} for n in sizes]
    classes = [{"preds": draws.untied((n, 4)), "target": draws.integers(n, 0, 4)} for n in sizes]
    labels = [{"preds": draws.integers(n, 0, 4), "target": draws.integers(n, 0, 4)} for n in sizes]
    several = [{"preds": draws.probabilities((n, 3)), "target": draws.integers((n, 3), 0, 2)} for n in sizes]
    of_4, of_3, all_4 = {"num_classes": 4}, {"num_labels": 3}, {"labels": list(range(4))}

    def case(name: str, metric: str, functional: str, options: dict, batches: list, score: str, how: dict = {}, **more) -> None:
        add(stem, name, metric, functional, options, batches, by(score, **how), f"sklearn.metrics.{score}", **more)

    case("scores", "BinaryAccuracy", "binary_accuracy", {}, binary, "accuracy_score", kinds=EVERY_KIND)
    for average in ("micro", "weighted", "macro", None):
        how = {"average": average, "zero_division": 0}
        for metric, functional, score in (
            ("MulticlassPrecision", "multiclass_precision", "precision_score"),
            ("MulticlassRecall", "multiclass_recall", "recall_score"),
            ("MulticlassF1Score", "multiclass_f1_score", "f1_score"),
            ("MulticlassJaccardIndex", "multiclass_jaccard_index", "jaccard_score"),
        ):
            case(f"average {average}", metric, functional, of_4 | {"average": average}, classes, score, how | all_4)
        case(f"average {average}", "MultilabelF1Score", "multilabel_f1_score", of_3 | {"average": average}, several, "f1_score", how, kinds=("float", "integer"))
    case("labels", "MulticlassAccuracy", "multiclass_accuracy", of_4 | {"average": "micro"}, labels, "accuracy_score", kinds=EVERY_KIND)
    case("scores", "MulticlassCohenKappa", "multiclass_cohen_kappa", of_4, classes, "cohen_kappa_score", kinds=EVERY_KIND)
    case("scores", "MulticlassMatthewsCorrCoef", "multiclass_matthews_corrcoef", of_4, classes, "matthews_corrcoef", kinds=EVERY_KIND)
    case("scores", "MultilabelExactMatch", "multilabel_exact_match", of_3, several, "accuracy_score", kinds=EVERY_KIND)
    matrix = ("MulticlassConfusionMatrix", "multiclass_confusion_matrix", of_4, classes, "confusion_matrix", all_4)
    case("scores", *matrix)
    case("counts", *matrix, kinds=("integer", "bool"), dtype=torch.int64)
    of_two = ("BinaryConfusionMatrix", "binary_confusion_matrix")
    case("scores", *of_two, {}, binary, "confusion_matrix", {"labels": [0, 1]})
    case("normalized", *of_two, {"normalize": "true"}, binary, "confusion_matrix", {"labels": [0, 1], "normalize": "true"})
    case("scores", "MultilabelConfusionMatrix", "multilabel_confusion_matrix", of_3, several, "multilabel_confusion_matrix")
    curves(stem)


def by_scores(score: str, one_hot: bool = False, **options) -> Callable:
    """Compute scikit-learn's score of scores; `one_hot` asks about each class by itself."""

    def value(batch: dict) -> object:
        target = torch.nn.functional.one_hot(batch["target"], 4) if one_hot else batch["target"]
        return getattr(sklearn.metrics, score)(target.numpy(), batch["preds"].double().numpy(), sample_weight=batch["sample_weight"].numpy(), **options)

    return value


def curves(stem: Stem) -> None:
    """Write the cases of areas and curves."""
    draws = Draws("classification/weights/curves")
    sizes = (48, 40, 44)
    binary = [{"preds": draws.probabilities(n), "target": draws.integers(n, 0, 2)} for n in sizes]
    rows = [{"preds": draws.untied((n, 4)).softmax(1), "target": draws.integers(n, 0, 4)} for n in sizes]
    several = [{"preds": draws.probabilities((n, 3)), "target": draws.integers((n, 3), 0, 2)} for n in sizes]

    def case(name: str, metric: str, options: dict, batches: list, score: Callable, reference: str, **more) -> None:
        functional = {"BinaryAUROC": "binary_auroc", "MulticlassAUROC": "multiclass_auroc", "MultilabelAUROC": "multilabel_auroc"}.get(metric)
        functional = functional or {"Binary": "binary", "Multic": "multiclass", "Multil": "multilabel"}[metric[:6]] + "_average_precision"
        add(stem, name, metric, functional, options, batches, score, f"sklearn.metrics.{reference}", **more)

    area, mean = "roc_auc_score", "average_precision_score"
    case("scores", "BinaryAUROC", {}, binary, by_scores(area), area, kinds=EVERY_KIND)
    case("max_fpr", "BinaryAUROC", {"max_fpr": 0.3}, binary, by_scores(area, max_fpr=0.3), area)
    case("scores", "BinaryAveragePrecision", {}, binary, by_scores(mean), mean, kinds=EVERY_KIND)
    for average in ("macro", "weighted", None):
        case(f"average {average}", "MulticlassAUROC", {"num_classes": 4, "average": average}, rows, by_scores(area, one_hot=True, average=average), area)
        case(f"average {average}", "MulticlassAveragePrecision", {"num_classes": 4, "average": average}, rows, by_scores(mean, one_hot=True, average=average), mean)
    for average in ("micro", "macro", "weighted", None):
        case(f"average {average}", "MultilabelAUROC", {"num_labels": 3, "average": average}, several, by_scores(area, average=average), area)
        case(f"average {average}", "MultilabelAveragePrecision", {"num_labels": 3, "average": average}, several, by_scores(mean, average=average), mean)
    steps = [{"preds": (b["preds"] * 8).floor() / 8, "target": b["target"]} for b in binary]
    case("between thresholds", "BinaryAUROC", {"thresholds": [i / 8 for i in range(8)]}, steps, by_scores(area), area, kinds=EVERY_KIND)
