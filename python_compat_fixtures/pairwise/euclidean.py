"""Euclidean distances of all pairs of rows."""

import torch
from cases import Call, Stem
from matrices import Member, rows, write as write_member


def by_definition(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Compute the matrix."""
    return (x[:, None] - y[None]).square().sum(-1).sqrt()


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    name, reference = "pairwise_euclidean_distance", "roots of sums of squared differences in float64"
    why = "distances are taken of differences; torchmetrics takes them of products, in which near rows far from 0, and infinite numbers, are lost"
    write_member(stem, Member(name, by_definition, True, reference, why))
    x = rows("euclidean/far", 6, 5)
    x[:, 0] = 2.0**30
    stem.call(Call(f"{name}/far from 0", name, {"x": x, "zero_diagonal": False}, reason=why, reference=reference, value=by_definition(x.double(), x.double()).float()))
    far = x.double() + 2.0**30
    stem.call(Call(f"{name}/far from 0, float64", name, {"x": far, "zero_diagonal": False}, reason=why, reference=reference, value=by_definition(far, far)))
    equal = rows("euclidean/equal", 3, 4).double() / 3
    near = torch.cat([equal, equal + 1e-9])
    stem.call(Call(f"{name}/near rows", name, {"x": near, "zero_diagonal": False}, {"rtol": 1e-13, "atol": 0.0}, reason=why, reference=reference, value=by_definition(near, near)))
