"""Mean squared logarithmic error."""

import mpmath
import torch
from cases import Case, Stem
from paired import IN_FLOAT32, INF, NAN, NO_SLOPE, TOLERANCE, add, columns_of, kinds_of_inputs, misuses, sums_of_errors

METRIC, FUNCTIONAL = "MeanSquaredLogError", "mean_squared_log_error"


def precise(batches: list) -> torch.Tensor:
    """Compute the error with 50 digits."""
    preds, target = ([x for column in columns_of(batches, name) for x in column] for name in ("preds", "target"))
    with mpmath.workdps(50):
        logarithm = lambda x: mpmath.log(1 + mpmath.mpf(x.numerator) / x.denominator)
        total = sum((logarithm(p) - logarithm(t)) ** 2 for p, t in zip(preds, target))
        return torch.tensor(float(total / len(preds)), dtype=torch.float32)


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    misuses(stem, METRIC)
    kinds_of_inputs(stem, METRIC, FUNCTIONAL, change=torch.abs, kind="probabilities")
    by = {"forward_by": lambda b: precise([b]), "final_by": precise, "reference": "mpmath, with 50 digits", "reason": IN_FLOAT32}
    sums_of_errors(stem, METRIC, FUNCTIONAL, change=torch.abs, halves={"float16": by, "bfloat16": by})
    case = lambda name, preds, target, **more: add(
        stem, Case(f"{METRIC}/{name}", METRIC, {}, [{"preds": torch.tensor(preds), "target": torch.tensor(target)}], **{"tolerance": TOLERANCE, "functional": FUNCTIONAL, **more})
    )
    case("numbers about -1/2 and far apart", [-0.5, -0.75, 1e6, 0.0, -0.25], [3.0, 1e5, -0.5, -0.9375, -0.5], excludes={"gradients": "the slope is steep near -1"})
    case("predictions of -1", [-1.0, 2.0], [3.0, 1.0], excludes=NO_SLOPE)
    case("targets of -1", [0.5, 2.0], [-1.0, 1.0], excludes=NO_SLOPE)
    case("both of -1", [-1.0, 2.0], [-1.0, 1.0], excludes=NO_SLOPE)
    case("predictions below -1", [-1.5, 2.0], [3.0, 1.0], excludes=NO_SLOPE)
    case("targets below -1", [0.5, 2.0], [-3.0, 1.0], excludes=NO_SLOPE)
    case("both below -1", [-2.5, 2.0], [-3.0, 1.0], excludes=NO_SLOPE)
    case("an infinite target", [2.5, 2.0], [INF, 1.0], excludes=NO_SLOPE)
    case("an infinite target and a prediction of -1", [-1.0, 2.0], [INF, 1.0], excludes=NO_SLOPE)
    case("an infinite target and a prediction below it", [-2.0, 2.0], [INF, 1.0], excludes=NO_SLOPE)
    case("both infinite", [INF, 2.0], [INF, 1.0], excludes=NO_SLOPE)
    case("an infinite prediction and a target of -1", [INF, 2.0], [-1.0, 1.0], excludes=NO_SLOPE)
    case("a NaN target", [0.5, 2.0], [NAN, 1.0], excludes=NO_SLOPE)
    case("numbers near -1", [-1 + 2.0**-24, 1e9, -1 + 2.0**-20], [1e9, -1 + 2.0**-24, -1 + 2.0**-23], excludes={"gradients": "the slope is too steep near -1"})
    case("small numbers near one another", [1e-5, 1e-6, 3e-7], [1.1e-5, 1.5e-6, 2e-7], excludes={"gradients": "the step of the differences is larger than the numbers"}, tolerance={"rtol": 2e-7, "atol": 0.0}, **by)
    case("large numbers near one another", [1000.0, 1000.25, 5000.0], [1000.25, 1000.0, 5000.5], tolerance={"rtol": 2e-7, "atol": 0.0}, **by)
    stem.require(METRIC, {})
