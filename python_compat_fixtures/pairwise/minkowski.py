"""Minkowski distances of all pairs of rows."""

import torch
from cases import Call, RefusedCall, Stem
from matrices import NAN, Member, rows, write as write_member


def by_definition(exponent: float):
    """Return what computes the matrix."""
    return lambda x, y: (x[:, None] - y[None]).abs().pow(exponent).sum(-1).pow(1 / exponent)


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    name = "pairwise_minkowski_distance"
    write_member(stem, Member(name, by_definition(3), True, "the definition in float64"), {"exponent": 3})
    x, y = rows("minkowski/x", 9, 11), rows("minkowski/y", 5, 11)
    refuse = lambda what, value: stem.refuse_call(RefusedCall(f"{name}/{what}", name, {"x": x, "exponent": value}, "exponent"))
    refuse("an exponent below 1", 0.5)
    refuse("a negative exponent", -2)
    refuse("an exponent of another type", "two")
    refuse("NaN as exponent", NAN)
    stem.call(Call(f"{name}/no exponent", name, {"x": x, "y": y}))
    for exponent in (1, 1.0, 1.5, 2, 2.0, 2.75, 3.0, 4, 4.0, 7):
        stem.call(Call(f"{name}/exponent {exponent!r}", name, {"x": x, "y": y, "exponent": exponent}))
        stem.call(Call(f"{name}/exponent {exponent!r}, mean", name, {"x": x, "exponent": exponent, "reduction": "mean"}))
    for exponent in (1.5, 4):
        double = {"x": x.double() / 3, "y": y.double() / 7, "exponent": exponent}
        stem.call(Call(f"{name}/exponent {exponent!r}, float64", name, double, {"rtol": 1e-13, "atol": 1e-13}))
    near = torch.cat([x, x[:3]])
    stem.call(Call(f"{name}/equal rows", name, {"x": near, "exponent": 2.75, "zero_diagonal": False}))
