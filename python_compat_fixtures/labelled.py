"""Predictions with their targets, batch by batch, for the three classification tasks."""

import torch
from draws import Draws


def with_ignored(name: str, target: torch.Tensor, ignore_index, inside) -> torch.Tensor:
    """Put `ignore_index` on a fifth of the targets, unless it is a label that occurs anyway."""
    if ignore_index is None or ignore_index in inside:
        return target
    return torch.where(Draws(f"ignored/{name}").integers(target.shape, 0, 5) == 0, torch.tensor(ignore_index), target)


def binary(name: str, kind: str, sizes=(7, 1, 9), rest=(), ignore_index=None) -> list:
    """Draw preds of a kind (labels, probabilities, logits) and targets that follow them two times in three."""
    draws, batches = Draws(f"binary/{name}"), []
    for n in sizes:
        shape = (n, *rest)
        scores = draws.probabilities(shape) if kind != "logits" else draws.logits(shape)
        positive = scores > (0.5 if kind != "logits" else 0.0)
        target = torch.where(draws.integers(shape, 0, 3) == 0, draws.integers(shape, 0, 2), positive.long())
        preds = positive.long() if kind == "labels" else scores
        batches.append({"preds": preds, "target": with_ignored(f"{name}/{len(batches)}", target, ignore_index, (0, 1))})
    return batches


def multiclass(name: str, kind: str, classes: int, sizes=(9, 1, 12), rest=(), ignore_index=None, absent=()) -> list:
    """Draw untied scores [N, C, ...] or labels [N, ...], and targets of unequal frequency that follow them often."""
    draws, batches = Draws(f"multiclass/{name}"), []
    present = [c for c in range(classes) if c not in absent]
    for n in sizes:
        scores = draws.untied((n, classes, *rest), "probabilities" if kind == "labels" else kind)
        scores[:, list(absent)] = scores[:, list(absent)] / 1024 - (4 if kind == "logits" else 0)
        best = scores.argmax(1)
        skewed = torch.minimum(draws.integers(best.shape, 0, len(present)), draws.integers(best.shape, 0, len(present)))
        target = torch.where(draws.integers(best.shape, 0, 2) == 0, torch.tensor(present)[skewed], best)
        preds = best if kind == "labels" else scores
        batches.append({"preds": preds, "target": with_ignored(f"{name}/{len(batches)}", target, ignore_index, range(classes))})
    return batches


def multilabel(name: str, kind: str, labels: int, sizes=(7, 1, 9), rest=(), ignore_index=None) -> list:
    """Draw preds of a kind [N, L, ...] and targets, the labels of unequal frequency."""
    draws, batches = Draws(f"multilabel/{name}"), []
    for n in sizes:
        shape = (n, labels, *rest)
        scores = draws.probabilities(shape) if kind != "logits" else draws.logits(shape)
        positive = scores > (0.5 if kind != "logits" else 0.0)
        rare = (draws.integers(shape, 0, 6) < torch.arange(labels).reshape(1, labels, *([1] * len(rest)))).long()
        target = torch.where(draws.integers(shape, 0, 2) == 0, rare, positive.long())
        preds = positive.long() if kind == "labels" else scores
        batches.append({"preds": preds, "target": with_ignored(f"{name}/{len(batches)}", target, ignore_index, (0, 1))})
    return batches


# More than what one thread counts by itself: the kernels share rows out from some 33,000 numbers on.
MANY = (40000, 7)


def many(name: str, kind: str, columns=(), labels: int = 2, target_columns=(), **more) -> list:
    """Draw batches that are kept as their seed, of preds [N, columns] and targets below `labels` that owe them nothing."""
    draws, batches = Draws(f"many/{name}"), []
    for n in MANY:
        preds = draws.recalled(kind, (n, *columns), **more)
        batches.append({"preds": preds, "target": draws.recalled("integers", (n, *target_columns), low=0, high=labels)})
    return batches


def many_rows() -> list:
    """List the tasks, each with its options and batches of many rows: of 5 classes or 4 labels where there are any."""
    return [
        ("binary", {}, many("binary", "probabilities")),
        ("multiclass", {"num_classes": 5}, many("multiclass", "probabilities", (5,), 5)),
        ("multilabel", {"num_labels": 4}, many("multilabel", "probabilities", (4,), 2, (4,))),
    ]
