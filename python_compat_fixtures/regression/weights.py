"""Rows that weigh: errors beside scikit-learn's `sample_weight`."""

import numpy as np
import sklearn.metrics
import torch
from cases import Misuse, Stem
from draws import Draws
from weighted import EVERY_KIND, add


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    batch = {"preds": torch.ones(2), "target": torch.ones(2), "Rows.weights": torch.tensor([float("inf"), 1.0])}
    stem.refuse(Misuse("MeanSquaredError/an infinite weight", "MeanSquaredError", {}, "row 0", [batch]))
    draws = Draws("regression/weights")
    pairs = lambda *columns: [{"preds": draws.values((n, *columns)), "target": draws.values((n, *columns))} for n in (40, 9, 31)]

    def case(name: str, metric: str, functional: str, options: dict, batches: list, score: str, how: dict = {}, kinds=EVERY_KIND) -> None:
        by = lambda b: getattr(sklearn.metrics, score)(b["target"].double().numpy(), b["preds"].double().numpy(), sample_weight=b["sample_weight"].numpy(), **how)
        add(stem, name, metric, functional, options, batches, by, f"sklearn.metrics.{score}", kinds)

    columns = {"multioutput": "raw_values"}
    case("one output", "MeanSquaredError", "mean_squared_error", {}, pairs(), "mean_squared_error")
    case("root", "MeanSquaredError", "mean_squared_error", {"squared": False}, pairs(), "root_mean_squared_error")
    case("3 outputs", "MeanSquaredError", "mean_squared_error", {"num_outputs": 3}, pairs(3), "mean_squared_error", columns)
    case("a row of several", "MeanSquaredError", "mean_squared_error", {}, pairs(2), "mean_squared_error")
    case("one output", "MeanAbsoluteError", "mean_absolute_error", {}, pairs(), "mean_absolute_error")
    case("3 outputs", "MeanAbsoluteError", "mean_absolute_error", {"num_outputs": 3}, pairs(3), "mean_absolute_error", columns)
    case("one output", "R2Score", "r2_score", {}, pairs(), "r2_score")
    case("2 outputs", "R2Score", "r2_score", {"multioutput": "raw_values"}, pairs(2), "r2_score", columns)
    case("weighted by variance", "R2Score", "r2_score", {"multioutput": "variance_weighted"}, pairs(2), "r2_score", {"multioutput": "variance_weighted"})
    correlated = lambda b: np.cov(b["preds"].double().numpy(), b["target"].double().numpy(), aweights=b["sample_weight"].double().numpy(), ddof=0)
    correlation = lambda b: (lambda c: c[0, 1] / np.sqrt(c[0, 0] * c[1, 1]))(correlated(b)) if (b["sample_weight"] > 0).sum() > 1 else float("nan")
    add(stem, "one output", "PearsonCorrCoef", "pearson_corrcoef", {}, pairs(), correlation, "numpy.cov", EVERY_KIND)
