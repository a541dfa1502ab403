"""Cases of rows that weigh, whose expected values come from a package that knows weights: torchmetrics does not."""

from typing import Callable, Optional

import torch
from cases import Case, Stem
from draws import Draws

REASON = "rows have weights here; torchmetrics knows of none"
TOLERANCE = {"rtol": 2e-6, "atol": 1e-7}
EVERY_KIND = ("float", "integer", "bool")


def weights_for(name: str, batches: list, kind: str) -> list:
    """Draw a weight for each row: quarters from 0 to 4, integers from 0 to 3, or bools."""
    draws = Draws(f"weights/{name}/{kind}")
    rows = [len(next(iter(b.values()))) for b in batches]
    drawn = [draws.integers(n, 0, {"float": 17, "integer": 4, "bool": 2}[kind]) for n in rows]
    return [{"float": d.float() / 4, "integer": d, "bool": d.bool()}[kind] for d in drawn]


def add(stem: Stem, name: str, metric: str, functional: Optional[str], options: dict, batches: list, score: Callable, reference: str, kinds=("float",), dtype=torch.float32) -> None:
    """Add a case for each kind of weights; `score(inputs)` computes the value of a batch, with its `sample_weight`."""

    def value(given: list) -> torch.Tensor:
        return torch.as_tensor(score({k: torch.cat([b[k] for b in given]) for k in given[0]})).to(dtype)

    for kind in kinds:
        stem.add(
            Case(
                f"{metric}/{name}, {kind} weights", metric, options, batches, functional, weights=weights_for(f"{metric}/{name}", batches, kind),
                forward_by=lambda b: value([b]), final_by=value, reason=REASON, reference=reference, tolerance=TOLERANCE,
            )
        )
