"""Mean deviance of a Tweedie distribution."""

import mpmath
import torch
from cases import Case, Misuse, Stem
from paired import IN_FLOAT32, NAN, NO_SLOPE, TOLERANCE, TOO_MANY, add, as_type, called, columns_of, kinds_of_inputs, many, misuses, pairs, sums_of_errors

METRIC, FUNCTIONAL, TARGET = "TweedieDevianceScore", "tweedie_deviance_score", "targets"
# A difference is the sum of terms that nearly cancel, each rounded to float32 in torchmetrics.
ROUNDED = {"rtol": 2e-5, "atol": 5e-6}


def positive(x: torch.Tensor) -> torch.Tensor:
    """Bring numbers to the range of all distributions."""
    return x.abs() + 1


def precise(batches: list, p: float) -> torch.Tensor:
    """Compute the deviance with 50 digits."""
    preds, target = ([x for column in columns_of(batches, name) for x in column] for name in ("preds", TARGET))
    with mpmath.workdps(50):
        total, p = mpmath.mpf(0), mpmath.mpf(p)
        for x, y in ((mpmath.mpf(a.numerator) / a.denominator, mpmath.mpf(b.numerator) / b.denominator) for a, b in zip(preds, target)):
            if p == 0:
                total += (y - x) ** 2
            elif p == 1:
                total += 2 * ((y * mpmath.log(y / x) if y else 0) + x - y)
            elif p == 2:
                total += 2 * (mpmath.log(x / y) + y / x - 1)
            else:
                total += 2 * (max(y, mpmath.mpf(0)) ** (2 - p) / ((1 - p) * (2 - p)) - y * x ** (1 - p) / (1 - p) + x ** (2 - p) / (2 - p))
        return torch.tensor(float(total / len(preds)), dtype=torch.float32)


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    misuses(stem, METRIC, {}, TARGET)
    refuse = lambda name, options, word, batches=(), **more: stem.refuse(Misuse(f"{METRIC}/{name}", METRIC, options, word, list(batches), **more))
    for power in (0.5, 1e-3, 0.999):
        refuse(f"power={power}", {"power": power}, "power")
    refuse("a power of another type", {"power": "one"}, "power")
    numbers = lambda *sides: dict(zip(("preds", TARGET), (torch.tensor(side) for side in sides)))
    for power in (-1.0, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0):
        for value in (0.0, -0.5):
            refuse(f"power={power}, a prediction of {value}", {"power": power}, "`preds` must be above 0", [numbers([1.0, value], [1.0, 2.0])])
    for power in (1.0, 1.25, 1.5):
        refuse(f"power={power}, a negative target", {"power": power}, "`targets` not below 0", [numbers([1.0, 2.0], [1.0, -0.5])])
    for power in (2.0, 2.5, 3.0):
        for value in (0.0, -0.5):
            refuse(f"power={power}, a target of {value}", {"power": power}, "`targets` above 0", [numbers([1.0, 2.0], [1.0, value])])
    refuse("a prediction of 0 in a later batch", {"power": 1.0}, "the least of `preds` is 0", [numbers([1.0], [1.0]), numbers([3.0, 0.0], [1.0, 1.0])])
    refuse("a prediction of 0 beside NaN", {"power": 1.0}, "the least of `preds` is 0", [numbers([NAN, 0.0], [1.0, 1.0])])

    kinds_of_inputs(stem, METRIC, FUNCTIONAL, {}, TARGET)
    sums_of_errors(stem, METRIC, FUNCTIONAL, {"power": 1.0}, TARGET, positive)
    case = lambda name, power, batches, **more: add(
        stem, Case(f"{METRIC}/{name}", METRIC, {"power": power}, batches, **{"tolerance": ROUNDED, "functional": FUNCTIONAL, **more})
    )
    powers = (-3.0, -1.5, -1.0, 1, 1.0, 1.25, 1.5, 1.75, 2, 2.0, 2.5, 3.0, 4.5)
    for power in powers:
        case(f"power={power}", power, called(pairs("tweedie/power"), TARGET, positive))
    for power in (1.0, 1.5, 1.7, 2.0, 2.7, 3.0):
        case(f"more rows than a thread takes, power={power}", power, called(many("tweedie", kind="probabilities"), TARGET), excludes=TOO_MANY, tolerance={"rtol": 1e-4, "atol": 0.0})
    at_zero = {"gradients": "the slope of a logarithm or a root is infinite at 0"}
    for power in (1.0, 1.25, 1.5):
        case(f"power={power}, targets of 0", power, [numbers([1.0, 0.5, 2.0], [0.0, 1.0, 0.0])], excludes=at_zero)
    case("power=-1.5, negative targets", -1.5, [numbers([1.0, 0.5, 2.0], [-1.0, 1.5, 0.0])])
    case("power=0, negative numbers", 0.0, [numbers([-1.0, 0.5, 0.0], [-1.5, 1.5, 0.0])])
    case("power=2, NaN", 2.0, [numbers([1.0, NAN], [2.0, 1.0])], excludes=NO_SLOPE)
    case("power=1.5, an empty batch", 1.5, called(pairs("tweedie/empty", ((4,), (0,), (3,))), TARGET, positive))
    case("power=1, int64", 1.0, called(as_type(pairs("tweedie/int64"), torch.int64, torch.int64), TARGET, positive))
    by = lambda p: {"forward_by": lambda b: precise([b], p), "final_by": lambda bs: precise(bs, p), "reference": "mpmath, with 50 digits", "tolerance": {"rtol": 2e-6, "atol": 0.0}, "reason": IN_FLOAT32}
    near = [numbers([1000.0, 1000.5, 3.0], [1000.5, 1000.25, 3.0078125])]
    for power in (-1.5, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0):
        case(f"power={power}, numbers near one another", power, near, excludes={"gradients": "the step of the differences is lost to rounding"}, **by(power))
    halves = [numbers([300.0, 250.0], [310.0, 2.0])]
    for power in (0.0, 1.0, 1.25):
        case(f"power={power}, float16", power, called([{"preds": b["preds"].half(), "target": b[TARGET].half()} for b in halves], TARGET), **by(power))
    stem.require(METRIC, {"power": [-3.0, -1.5, 1.25, 1.5, 2.0, 2.5, 3.0]})
