"""What the cases of divergences between rows of probabilities share."""

import mpmath
import torch
from cases import Case, Misuse, Stem
from draws import Draws
from paired import IN_FLOAT32, NO_SLOPE, add

TOLERANCE = {"rtol": 5e-6, "atol": 1e-6}
AT_0 = {"gradients": "the slope of a logarithm is infinite at 0"}
DIGITS = "mpmath, with 50 digits"


def rows_of(name: str, counts=(5, 1, 8), columns: int = 4) -> list:
    """Draw batches of positive numbers, whose rows have any sum."""
    draws = Draws(f"regression/{name}")
    return [{side: draws.probabilities((n, columns)) for side in ("p", "q")} for n in counts]


def logarithms(batches: list) -> list:
    """Give the logarithms of what the rows are when they are divided by their sums."""
    return [{side: (v.double() / v.double().sum(1, keepdim=True)).log().float() for side, v in b.items()} for b in batches]


def precise(divergence, batches: list, log_prob: bool, reduction: str) -> torch.Tensor:
    """Compute the value with 50 digits; `divergence` is that of two normalised rows."""
    with mpmath.workdps(50):
        values = []
        for batch in batches:
            for p, q in zip(batch["p"].double().tolist(), batch["q"].double().tolist()):
                sides = [[mpmath.mpf(x) for x in side] for side in (p, q)]
                sides = [[mpmath.exp(x) for x in side] if log_prob else [x / sum(side) for x in side] for side in sides]
                values.append(divergence(*sides))
        total = sum(values, mpmath.mpf(0))
        if reduction == "none":
            return torch.tensor([float(v) for v in values], dtype=torch.float32)
        return torch.tensor(float(total if reduction == "sum" else total / len(values)), dtype=torch.float32)


def write(stem: Stem, metric: str, functional: str, divergence) -> None:
    """Write the cases of a divergence."""
    refuse = lambda name, options, word, batches=(), **more: stem.refuse(Misuse(f"{metric}/{name}", metric, options, word, list(batches), **more))
    for value in ("max", "", "elementwise_mean"):
        refuse(f"reduction={value!r}", {"reduction": value}, "reduction")
    for value in (1, "yes", None):
        refuse(f"log_prob={value!r}", {"log_prob": value}, "log_prob")
    ones = lambda *shape: {"p": torch.ones(shape), "q": torch.ones(shape)}
    refuse("unknown option", {"log_probs": True}, "log_probs")
    refuse("vectors", {}, "two dimensions", [ones(3)])
    refuse("three dimensions", {}, "two dimensions", [ones(3, 2, 2)])
    refuse("rows that differ", {}, "shape", [{"p": torch.ones(3, 2), "q": torch.ones(4, 2)}])
    refuse("columns that differ", {}, "shape", [{"p": torch.ones(3, 2), "q": torch.ones(3, 1)}])
    refuse("no q", {}, "q", [{"p": torch.ones(3, 2)}])
    refuse("unknown input", {}, "target", [{"p": torch.ones(3, 2), "target": torch.ones(3, 2)}])

    def case(name: str, options: dict, batches: list, **more) -> None:
        rows = "permutes" if options.get("reduction", "mean") in ("none", None) else "invariant"
        add(stem, Case(f"{metric}/{name}", metric, options, batches, **{"tolerance": TOLERANCE, "functional": functional, "rows": rows, **more}))

    for reduction in ("mean", "sum", "none", None):
        case(f"reduction={reduction}", {"reduction": reduction}, rows_of("divergence/reduction"))
        case(f"log_prob, reduction={reduction}", {"log_prob": True, "reduction": reduction}, logarithms(rows_of("divergence/logarithms")))
    for columns in (1, 2, 7, 8, 9, 40):
        case(f"{columns} columns", {}, rows_of("divergence/columns", (6, 3), columns))
        case(f"log_prob, {columns} columns", {"log_prob": True}, logarithms(rows_of("divergence/columns", (6, 3), columns)))
    valid = [torch.tensor([True, False, True, True, False]), torch.tensor([True]), torch.tensor([False, True] * 4)]
    for reduction in ("mean", "none"):
        case(f"rows that do not count, reduction={reduction}", {"reduction": reduction}, rows_of("divergence/valid"), valid=valid, functional=None)
        case(f"an empty batch, reduction={reduction}", {"reduction": reduction}, rows_of("divergence/empty", (4, 0, 3)))
    draws = Draws("regression/divergence/many")
    many = [{side: draws.recalled("probabilities", (n, 8)) for side in ("p", "q")} for n in (5000, 7)]
    case("more rows than a thread takes", {}, many, excludes={"gradients": "a difference for each of many numbers takes too long, and shows no more"})
    zeros = [{"p": torch.tensor([[0.0, 0.5, 0.5], [0.25, 0.0, 0.75]]), "q": torch.tensor([[0.25, 0.5, 0.25], [0.5, 0.25, 0.25]])}]
    case("some p of 0", {"reduction": "none"}, zeros, excludes=AT_0)
    case("some q of 0", {"reduction": "none"}, [{"p": b["q"], "q": b["p"]} for b in zeros], excludes=AT_0)
    case("both of 0", {"reduction": "none"}, [{"p": torch.tensor([[0.0, 0.25, 0.75]]), "q": torch.tensor([[0.0, 0.5, 0.5]])}], excludes=AT_0)
    case("rows of 0", {"reduction": "none"}, [{"p": torch.tensor([[0.0, 0.0], [0.5, 0.5]]), "q": torch.tensor([[0.5, 0.5], [0.5, 0.5]])}], excludes=NO_SLOPE)
    case("rows of 0 on the other side", {"reduction": "none"}, [{"p": torch.tensor([[0.5, 0.5], [0.5, 0.5]]), "q": torch.tensor([[0.0, 0.0], [0.5, 0.5]])}], excludes=NO_SLOPE)
    case("NaN", {"reduction": "none"}, [{"p": torch.tensor([[0.5, float("nan")], [0.5, 0.5]]), "q": torch.tensor([[0.5, 0.5], [0.5, 0.5]])}], excludes=NO_SLOPE)
    case("log_prob, a logarithm of 0", {"log_prob": True, "reduction": "none"}, [{"p": torch.tensor([[0.0, -float("inf")], [-1.0, -0.5]]), "q": torch.tensor([[-1.0, -0.5], [-1.0, -0.5]])}], excludes=NO_SLOPE)
    case("log_prob, small probabilities", {"log_prob": True}, [{"p": torch.tensor([[-120.0, -1e-7], [-1.0, -0.5]]), "q": torch.tensor([[-110.0, -1e-7], [-90.0, -0.5]])}])
    case("int64", {}, [{side: (v * 1024).long() for side, v in b.items()} for b in rows_of("divergence/int64")])
    by = lambda log_prob=False, reduction="mean": {"forward_by": lambda b: precise(divergence, [b], log_prob, reduction), "final_by": lambda bs: precise(divergence, bs, log_prob, reduction), "reference": DIGITS, "reason": IN_FLOAT32}
    widened = "results are float32 unless set_dtype says otherwise; there float64 sums widen the states"
    case("float64 inputs", {}, [{side: v.double() for side, v in b.items()} for b in rows_of("divergence/double")], functional=None, **by() | {"reason": widened})
    case("float16 and float32", {}, [{"p": b["p"].half(), "q": b["q"]} for b in rows_of("divergence/halves")], **by())
    near = [{"p": b["p"], "q": b["p"] * (1 + (b["q"] - 0.5) / 512)} for b in rows_of("divergence/near", (5, 2, 8))]
    close = {"tolerance": {"rtol": 5e-6, "atol": 0.0}}
    case("rows near one another", {"reduction": "none"}, near, excludes={"gradients": "the step of the differences is as large as they are"}, **by(reduction="none") | close)
    case("float16", {"reduction": "sum"}, [{side: v.half() for side, v in b.items()} for b in rows_of("divergence/float16")], **by(reduction="sum"))
    stem.require(metric, {"log_prob": [True, False], "reduction": ["mean", "sum", "none", None]})
