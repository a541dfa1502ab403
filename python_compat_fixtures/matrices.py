"""What the cases of matrices of all pairs of rows share."""

from dataclasses import dataclass
from typing import Callable, Optional

import torch
from cases import Call, RefusedCall, Stem, find_functional
from draws import Draws

NAN, INF = float("nan"), float("inf")
ONE_DTYPE = "the dtype is that of both sides together; torchmetrics refuses two dtypes, or takes that of `x`"
HALF = {"rtol": 2e-3, "atol": 2e-3}
OF_INTEGERS = "integers give float32 where the matrix has fractions, and their mean does; torchmetrics refuses them, or cuts off what stands behind the point"
WRAPPED = "integers are compared exactly; torchmetrics' differences and products wrap around in their dtype"
OF_BOOLS = "booleans are 0 and 1; torchmetrics refuses them, or takes the root of one"


@dataclass
class Member:
    """A functional, and its matrix by definition of rows in float64."""

    functional: str
    by_definition: Callable  # x, y -> the matrix, float64
    fractions: bool  # whether integers give other numbers than integers
    reference: str
    infinite: Optional[str] = None  # why an infinite number gives something else here


def rows(name: str, count: int, columns: int, kind: str = "logits") -> torch.Tensor:
    """Draw rows."""
    return getattr(Draws(f"pairwise/{name}"), kind)((count, columns))


def reduced(matrix: torch.Tensor, arguments: dict) -> torch.Tensor:
    """Do to a matrix what the arguments say."""
    zero = arguments.get("zero_diagonal")
    if arguments.get("y") is None if zero is None else zero:
        matrix = matrix.clone().fill_diagonal_(0)
    reduction = arguments.get("reduction")
    return matrix.mean(1) if reduction == "mean" else matrix.sum(1) if reduction == "sum" else matrix


def write(stem: Stem, member: Member, options: Optional[dict] = None) -> None:
    """Write the cases of one functional."""
    name, options = member.functional, options or {}

    def refuse(what: str, contains: str, arguments: dict, **more) -> None:
        stem.refuse_call(RefusedCall(f"{name}/{what}", name, arguments | options, contains, **more))

    x, y = rows(f"{name}/x", 7, 5), rows(f"{name}/y", 4, 5)
    refuse("no x", "x", {"y": y})
    refuse("a vector", "x", {"x": x[0]})
    refuse("three dimensions", "x", {"x": x[None]})
    refuse("a vector for y", "y", {"x": x, "y": y[0]})
    refuse("rows of another width", "y", {"x": x, "y": y[:, :4]})
    refuse("x that is no tensor", "x", {"x": "rows"})
    refuse("an unknown reduction", "reduction", {"x": x, "reduction": "max"})
    refuse("an unknown option", "diagonal", {"x": x, "diagonal": True})
    refuse("a diagonal of another type", "zero_diagonal", {"x": x, "zero_diagonal": "no"}, reason="torchmetrics takes it as true")

    def call(what: str, arguments: dict, reason: Optional[str] = None, dtype=None, tolerance: Optional[dict] = None, **more) -> None:
        arguments = arguments | more
        made = Call(f"{name}/{what}", name, arguments | options, tolerance)
        if reason:
            sides = [arguments[s].double() for s in ("x", "y") if s in arguments]
            made.value = reduced(member.by_definition(sides[0], sides[-1]), arguments).to(dtype)
            made.reason, made.reference = reason, member.reference
        stem.call(made)

    for reduction in (None, "none", "mean", "sum"):
        given = {} if reduction is None else {"reduction": reduction}
        call(f"x, {reduction}", {"x": x}, **given)
        call(f"x and y, {reduction}", {"x": x, "y": y}, **given)
    call("None for y", {"x": x, "y": None})
    call("x, the diagonal kept", {"x": x}, zero_diagonal=False)
    call("x and y, no diagonal", {"x": x, "y": y}, zero_diagonal=True)
    call("more columns than rows, no diagonal", {"x": y, "y": x}, zero_diagonal=True, reduction="sum")
    call("x and y, no diagonal, mean", {"x": x, "y": y}, zero_diagonal=True, reduction="mean")
    for count, others, columns in ((1, 1, 1), (3, 2, 1), (2, 3, 17), (70, 65, 24), (3, 300, 9), (130, 2, 8)):
        call(f"{count} × {others} of {columns}", {"x": rows(f"{name}/{count}", count, columns), "y": rows(f"{name}/{others}", others, columns, "values")}, tolerance={"rtol": 2e-6, "atol": 1e-5})
    call("no rows", {"x": x[:0]})
    call("no rows of y", {"x": x, "y": y[:0]})
    call("no rows of y, mean", {"x": x, "y": y[:0]}, reduction="mean")
    call("no rows of y, sum", {"x": x, "y": y[:0]}, reduction="sum")
    call("no columns", {"x": x[:, :0], "y": y[:, :0]})
    call("float64", {"x": x.double() / 3, "y": y.double() / 7}, tolerance={"rtol": 1e-13, "atol": 1e-13})
    call("float64, mean", {"x": x.double() / 3}, reduction="mean", tolerance={"rtol": 1e-13, "atol": 1e-13})
    for dtype in (torch.float16, torch.bfloat16):
        tolerance = HALF if dtype is torch.float16 else {"rtol": 2e-2, "atol": 2e-2}
        of = lambda side: side.round().to(dtype)  # noqa: B023
        call(f"{dtype}".removeprefix("torch."), {"x": of(x), "y": of(y)}, tolerance=tolerance)
        call(f"{dtype}, sum".removeprefix("torch."), {"x": of(x)}, reduction="sum", tolerance=tolerance)
    call("float32 beside float64", {"x": x, "y": y.double()}, ONE_DTYPE if disagrees(member, {"x": x, "y": y.double()} | options) else None, torch.float64, {"rtol": 1e-13, "atol": 1e-13})
    whole, other = (x * 8).round().long(), (y * 8).round().long()
    for reduction in (None, "mean", "sum"):
        floats = member.fractions or reduction == "mean"
        given = {"x": whole, "y": other} | ({} if reduction is None else {"reduction": reduction})
        dtype = torch.float32 if floats else torch.int64
        call(f"integers, {reduction}", given, OF_INTEGERS if disagrees(member, given | options, dtype) else None, dtype)
    bytes_ = {"x": (whole % 256).to(torch.uint8), "y": (other % 256).to(torch.uint8)}
    call("bytes", bytes_, WRAPPED, torch.float32 if member.fractions else torch.int64)
    call("booleans", {"x": whole > 0, "y": other > 0}, OF_BOOLS, torch.float32 if member.fractions else torch.int64)
    for value in (NAN, INF):
        spoilt = x.clone()
        spoilt[2, 1] = value
        why = member.infinite if value == INF else None
        call(f"{value} in a row", {"x": spoilt, "y": y}, why, torch.float32)
        call(f"{value} in a row, mean", {"x": spoilt}, why, torch.float32, reduction="mean")


def disagrees(member: Member, arguments: dict, dtype=torch.float64) -> bool:
    """Tell whether torchmetrics refuses the arguments, or gives another dtype."""
    try:
        return find_functional(member.functional)(**arguments).dtype != dtype
    except Exception:  # noqa: BLE001
        return True
