"""Cosines of the angles between all pairs of rows."""

import torch
from cases import Call, Stem
from matrices import Member, rows, write as write_member


def by_definition(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Compute the matrix."""
    return (x @ y.T) / (x.norm(dim=1)[:, None] * y.norm(dim=1))


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    name = "pairwise_cosine_similarity"
    write_member(stem, Member(name, by_definition, True, "products of rows divided by their lengths, in float64"))
    x = rows("cosine/zero", 4, 3)
    x[1] = 0
    stem.call(Call(f"{name}/a row of zeros", name, {"x": x}))
    stem.call(Call(f"{name}/opposite rows", name, {"x": torch.stack([x[0], -x[0], 3 * x[0]]), "zero_diagonal": False}))
    why = "rows are divided by their greatest number before they are squared; squares overflow in torchmetrics, or are lost"
    for scale in (1e30, 1e-30):
        value = by_definition(x[2:].double() * scale, x[2:].double() * scale).float()
        stem.call(Call(f"{name}/numbers about {scale}", name, {"x": x[2:] * scale, "zero_diagonal": False}, reason=why, reference="the definition in float64", value=value))
    value = by_definition(x[2:].double(), x[2:].double())
    stem.call(Call(f"{name}/numbers about 1e200", name, {"x": x[2:].double() * 1e200, "zero_diagonal": False}, {"rtol": 1e-14, "atol": 0.0}, reason=why, reference="the definition in float64", value=value))
