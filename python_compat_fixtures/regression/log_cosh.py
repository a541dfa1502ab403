"""Log-cosh error."""

import mpmath
import torch
from cases import Case, Misuse, Stem
from paired import IN_FLOAT32, INF, NAN, NO_SLOPE, TOLERANCE, TOO_MANY, add, as_type, columns_of, kinds_of_inputs, many, misuses, pairs, refused_outputs

METRIC, FUNCTIONAL = "LogCoshError", "log_cosh_error"


def precise(batches: list) -> torch.Tensor:
    """Compute the error of each output with 50 digits."""
    values = []
    for preds, target in zip(columns_of(batches, "preds"), columns_of(batches, "target")):
        with mpmath.workdps(50):
            errors = [mpmath.mpf((p - t).numerator) / (p - t).denominator for p, t in zip(preds, target)]
            values.append(float(sum(mpmath.log(mpmath.cosh(e)) for e in errors) / len(errors)))
    return torch.tensor(values, dtype=torch.float32).squeeze()


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    misuses(stem, METRIC)
    refused_outputs(stem, METRIC, taken_there="torchmetrics tests whether it is no integer and below 1, and means or")
    refuse = lambda name, shape: stem.refuse(Misuse(f"{METRIC}/{name}", METRIC, {}, "num_outputs", [{"preds": torch.ones(shape), "target": torch.ones(shape)}]))
    refuse("columns for one output", (4, 2))
    refuse("three dimensions", (4, 1, 1))
    refuse("a scalar", ())
    kinds_of_inputs(stem, METRIC, FUNCTIONAL, kind="probabilities")
    case = lambda name, options, batches, **more: add(
        stem, Case(f"{METRIC}/{name}", METRIC, options, batches, **{"tolerance": TOLERANCE, "functional": FUNCTIONAL, **more})
    )
    for columns in (2, 3, 40):
        case(f"{columns} outputs", {"num_outputs": columns}, pairs(f"log_cosh/{columns} outputs", ((7, columns), (2, columns), (3, columns))))
    case("more rows than a thread takes, 2 outputs", {"num_outputs": 2}, many("log_cosh", (2,), "probabilities"), excludes=TOO_MANY)
    case("int64", {}, as_type(pairs("log_cosh/int64"), torch.int64, torch.int64))
    case("float32 and int64", {}, as_type(pairs("log_cosh/int64"), torch.float32, torch.int64))
    case("float64 inputs", {}, as_type(pairs("log_cosh/double"), torch.float64, torch.float64))
    case("an empty batch", {}, pairs("log_cosh/empty", ((4,), (0,), (3,))))
    case("equal inputs", {}, [{"preds": torch.tensor([1.0, 2.5]), "target": torch.tensor([1.0, 2.5])}])
    case("errors about a quarter", {}, [{"preds": torch.tensor([0.25, 0.2500001, -0.2499999, 0.0]), "target": torch.zeros(4)}])
    case("NaN", {}, [{"preds": torch.tensor([1.0, NAN]), "target": torch.tensor([0.0, 1.0])}, *pairs("log_cosh/nan", ((3,),))], excludes=NO_SLOPE)
    case("infinity", {}, [{"preds": torch.tensor([1.0, INF]), "target": torch.tensor([0.0, 1.0])}, *pairs("log_cosh/inf", ((3,),))], excludes=NO_SLOPE)
    by = {"forward_by": lambda b: precise([b]), "final_by": precise, "reference": "mpmath, with 50 digits", "tolerance": {"rtol": 2e-7, "atol": 0.0}}
    case("large errors", {}, [{"preds": torch.tensor([200.0, -5000.0, 1.0]), "target": torch.tensor([0.0, 1e6, 90.5])}], reason="torchmetrics' exponentials of errors leave float32 from 89 on", **by)
    small = [{"preds": torch.tensor([1e-3, 1e-6, -2e-5]), "target": torch.tensor([0.0, -1e-6, 0.0])}]
    case("small errors", {}, small, reason=IN_FLOAT32, excludes={"gradients": "the step of the differences is as large as the errors"}, **by)
    case("halves", {}, [{"preds": torch.tensor([1.0, 30.0]).half(), "target": torch.tensor([-12.5, 2.0]).half()}], reason=IN_FLOAT32, **by)
    stem.require(METRIC, {"num_outputs": [1, 2, 3, 40]})
