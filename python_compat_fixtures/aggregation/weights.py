"""Rows that weigh: sums and means beside numpy's."""

import numpy as np
import torch
from cases import Misuse, Stem
from draws import Draws
from weighted import EVERY_KIND, add


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    batch = {"value": torch.ones(2), "Rows.weights": torch.tensor([1, -1])}
    stem.refuse(Misuse("SumMetric/a negative weight", "SumMetric", {}, "row 1", [batch]))
    stem.refuse(Misuse("CatMetric/weights", "CatMetric", {}, "Rows.weights", [{"value": torch.ones(2), "Rows.weights": torch.ones(2)}]))
    draws = Draws("aggregation/weights")
    values = [{"value": draws.values(n)} for n in (12, 1, 7)]
    given = [{"value": draws.values(n), "weight": draws.integers(n, 1, 9).float() / 8} for n in (12, 1, 7)]
    numbers = lambda b, name="value": b[name].double().numpy()
    add(stem, "values", "SumMetric", None, {}, values, lambda b: np.dot(numbers(b), numbers(b, "sample_weight")), "numpy.dot", EVERY_KIND)
    mean = lambda b: np.average(numbers(b), weights=numbers(b, "sample_weight")) if numbers(b, "sample_weight").any() else float("nan")
    add(stem, "values", "MeanMetric", None, {}, values, mean, "numpy.average", EVERY_KIND)
    product = lambda b: np.average(numbers(b), weights=numbers(b, "weight") * numbers(b, "sample_weight")) if numbers(b, "sample_weight").any() else float("nan")
    add(stem, "values with weights of their own", "MeanMetric", None, {}, given, product, "numpy.average", EVERY_KIND)
