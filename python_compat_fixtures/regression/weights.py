"""Rows that weigh: errors beside scikit-learn's `sample_weight`."""

import numpy as np
import scipy.spatial
import scipy.special
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
    case("one output", "MeanSquaredLogError", "mean_squared_log_error", {}, [{k: v.abs() for k, v in b.items()} for b in pairs()], "mean_squared_log_error")
    case("one output", "ExplainedVariance", "explained_variance", {}, pairs(), "explained_variance_score")
    case("2 outputs", "ExplainedVariance", "explained_variance", {"multioutput": "raw_values"}, pairs(2), "explained_variance_score", columns)
    case("weighted by variance", "ExplainedVariance", "explained_variance", {"multioutput": "variance_weighted"}, pairs(2), "explained_variance_score", {"multioutput": "variance_weighted"})
    for power in (1.0, 1.25, 1.5, 2.0, 3.0):
        positive = [{{"preds": "preds", "target": "targets"}[k]: v.abs() + 1 for k, v in b.items()} for b in pairs()]
        deviance = lambda b, power=power: sklearn.metrics.mean_tweedie_deviance(b["targets"].double().numpy(), b["preds"].double().numpy(), sample_weight=b["sample_weight"].numpy(), power=power)
        add(stem, f"power={power}", "TweedieDevianceScore", "tweedie_deviance_score", {"power": power}, positive, deviance, "sklearn.metrics.mean_tweedie_deviance", EVERY_KIND)

    def weighed(b: dict) -> tuple:
        return tuple(b[k].double().numpy() for k in ("preds", "target", "sample_weight"))

    def size_of_errors(b: dict) -> float:
        x, y, w = weighed(b)
        return np.average(np.abs(x - y), weights=w) / np.average(np.abs(y), weights=w)

    def symmetric(b: dict) -> float:
        x, y, w = weighed(b)
        return np.average(2 * np.abs(x - y) / (np.abs(x) + np.abs(y)), weights=w)

    def log_cosh(b: dict) -> float:
        x, y, w = weighed(b)
        return np.average(np.logaddexp(x - y, y - x) - np.log(2), weights=w)

    def relative(b: dict) -> float:
        x, y, w = weighed(b)
        return np.average((x - y) ** 2, weights=w) / np.cov(y, aweights=w, ddof=0)

    def beside_deviation(b: dict) -> float:
        return np.sqrt(relative(b))

    def beside_range(b: dict) -> float:
        x, y, w = weighed(b)
        return np.sqrt(np.average((x - y) ** 2, weights=w)) / np.ptp(y[w > 0])

    add(stem, "one output", "WeightedMeanAbsolutePercentageError", "weighted_mean_absolute_percentage_error", {}, pairs(), size_of_errors, "numpy.average", EVERY_KIND)
    add(stem, "one output", "SymmetricMeanAbsolutePercentageError", "symmetric_mean_absolute_percentage_error", {}, pairs(), symmetric, "numpy.average", EVERY_KIND)
    add(stem, "one output", "LogCoshError", "log_cosh_error", {}, pairs(), log_cosh, "numpy.average", EVERY_KIND)
    add(stem, "one output", "RelativeSquaredError", "relative_squared_error", {}, pairs(), relative, "numpy.average and numpy.cov", EVERY_KIND)
    add(stem, "std", "NormalizedRootMeanSquaredError", "normalized_root_mean_squared_error", {"normalization": "std"}, pairs(), beside_deviation, "numpy.average and numpy.cov", EVERY_KIND)
    add(stem, "range", "NormalizedRootMeanSquaredError", None, {"normalization": "range"}, pairs(), beside_range, "numpy.average", EVERY_KIND)
    rows = lambda names, shape: [{names[0]: draws.probabilities((n, *shape)), names[1]: draws.probabilities((n, *shape) if names[0] == "p" else (n,))} for n in (40, 9, 31)]
    distributions = lambda b: tuple(b[k].double().numpy() / b[k].double().numpy().sum(1, keepdims=True) for k in ("p", "q"))
    averaged = lambda values, b: np.average(values, weights=b["sample_weight"].double().numpy())

    def kullback_leibler(b: dict) -> float:
        p, q = distributions(b)
        return averaged(scipy.special.rel_entr(p, q).sum(1), b)

    def jensen_shannon(b: dict) -> float:
        p, q = distributions(b)
        return averaged((scipy.special.rel_entr(p, (p + q) / 2) + scipy.special.rel_entr(q, (p + q) / 2)).sum(1) / 2, b)

    def ranked_probability(b: dict) -> float:
        x, y = b["preds"].double().numpy(), b["target"].double().numpy()
        return averaged(np.abs(x - y[:, None]).mean(1) - np.abs(x[:, :, None] - x[:, None, :]).mean((1, 2)) / 2, b)

    def cosine(b: dict) -> float:
        return averaged(1 - np.array([scipy.spatial.distance.cosine(x, y) for x, y in zip(b["preds"].double().numpy(), b["target"].double().numpy())]), b)

    add(stem, "mean", "KLDivergence", "kl_divergence", {}, rows("pq", (4,)), kullback_leibler, "scipy.special.rel_entr", EVERY_KIND)
    add(stem, "mean", "JensenShannonDivergence", "jensen_shannon_divergence", {}, rows("pq", (4,)), jensen_shannon, "scipy.special.rel_entr", EVERY_KIND)
    add(stem, "mean", "ContinuousRankedProbabilityScore", "continuous_ranked_probability_score", {}, rows(("preds", "target"), (5,)), ranked_probability, "numpy.average", EVERY_KIND)
    add(stem, "mean", "CosineSimilarity", "cosine_similarity", {"reduction": "mean"}, pairs(3), cosine, "scipy.spatial.distance.cosine", EVERY_KIND)
    correlated = lambda b: np.cov(b["preds"].double().numpy(), b["target"].double().numpy(), aweights=b["sample_weight"].double().numpy(), ddof=0)
    correlation = lambda b: (lambda c: c[0, 1] / np.sqrt(c[0, 0] * c[1, 1]))(correlated(b)) if (b["sample_weight"] > 0).sum() > 1 else float("nan")
    add(stem, "one output", "PearsonCorrCoef", "pearson_corrcoef", {}, pairs(), correlation, "numpy.cov", EVERY_KIND)

    def of_ranks(b: dict) -> float:
        x, y, w = weighed(b)
        ranks = [(np.less.outer(v, v) * w[:, None]).sum(0) + (np.equal.outer(v, v) * w[:, None]).sum(0) / 2 for v in (x, y)]
        c = np.cov(*ranks, aweights=w, ddof=0)
        return c[0, 1] / np.sqrt(c[0, 0] * c[1, 1]) if len(set(x[w > 0])) > 1 and len(set(y[w > 0])) > 1 else float("nan")

    few = [{"preds": draws.integers((n,), 0, 6).float(), "target": draws.integers((n,), 0, 4).float()} for n in (40, 9, 31)]
    add(stem, "one output", "SpearmanCorrCoef", "spearman_corrcoef", {}, pairs(), of_ranks, "numpy.cov of weighted ranks", EVERY_KIND)
    add(stem, "many ties", "SpearmanCorrCoef", "spearman_corrcoef", {}, few, of_ranks, "numpy.cov of weighted ranks", EVERY_KIND)
