"""Minkowski distance."""

import torch
from cases import Case, Misuse, Stem
from paired import IN_FLOAT32, TOLERANCE, TOO_MANY, add, called, columns_of, kinds_of_inputs, many, misuses, pairs, sums_of_errors

METRIC, FUNCTIONAL, TARGET = "MinkowskiDistance", "minkowski_distance", "targets"


def distance(batches: list, p: float) -> torch.Tensor:
    """Compute the distance from exact differences, in float64."""
    preds, target = ([x for column in columns_of(batches, name) for x in column] for name in ("preds", TARGET))
    return torch.tensor(sum(float(abs(x - y)) ** p for x, y in zip(preds, target)) ** (1 / p), dtype=torch.float32)


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    misuses(stem, METRIC, {"p": 3}, TARGET)
    refuse = lambda name, options, **more: stem.refuse(Misuse(f"{METRIC}/{name}", METRIC, options, "p", **more))
    refuse("no exponent", {})
    refuse("an exponent below 1", {"p": 0.5})
    refuse("an exponent of 0", {"p": 0})
    refuse("a negative exponent", {"p": -2.0})
    refuse("an exponent of another type", {"p": "two"})
    kinds_of_inputs(stem, METRIC, FUNCTIONAL, {"p": 3}, TARGET)
    sums_of_errors(stem, METRIC, FUNCTIONAL, {"p": 2.5}, TARGET)
    case = lambda name, p, batches, **more: add(
        stem, Case(f"{METRIC}/{name}", METRIC, {"p": p}, called(batches, TARGET), **{"tolerance": TOLERANCE, "functional": FUNCTIONAL, **more})
    )
    exponents = (1, 2, 3, 4, 5, 1.0, 1.5, 2.7, 10.5)
    for p in exponents:
        case(f"p={p}", p, pairs("minkowski/p"))
    case("more rows than a thread takes, p=2.7", 2.7, many("minkowski"), excludes=TOO_MANY)
    equal = [{"preds": b["target"].clone(), "target": b["target"]} for b in pairs("minkowski/equal")]
    case("equal inputs", 2.5, equal, excludes={"gradients": "a root has no slope at 0"})
    case("some equal numbers", 1.5, [{"preds": torch.tensor([1.0, 2.0, 0.0]), "target": torch.tensor([1.0, 0.5, -0.0])}], excludes={"gradients": "the second derivative is infinite at 0"})
    by = lambda p: {"forward_by": lambda b: distance([b], p), "final_by": lambda b: distance(b, p), "reference": "powers of exact differences in float64"}
    large = [{"preds": torch.tensor([300.0, 1.0]).half(), "target": torch.zeros(2).half()}]
    case("powers past float16", 3, large, reason=IN_FLOAT32, **by(3))
    bytes_ = [{"preds": torch.tensor([1, 200, 3], dtype=torch.uint8), "target": torch.tensor([4, 10, 2], dtype=torch.uint8)}]
    case("uint8", 1.5, bytes_, reason="unsigned differences wrap around in torchmetrics", **by(1.5))
    stem.require(METRIC, {"p": list(exponents)})
