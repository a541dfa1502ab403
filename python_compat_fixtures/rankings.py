"""Documents with scores, relevances and queries, and what a ranking is worth in exact terms."""

import math

import torch
from draws import Draws

TIES = "of equal scores the less relevant documents come first; torch.topk takes any"
EMPTY = "a batch without documents changes nothing; torchmetrics refuses it"


def documents(name: str, sizes=(9, 1, 14), queries=4, kind: str = "probabilities", relevant: int = 3) -> list:
    """Draw batches whose scores all differ; one document in `relevant` is, and queries lie scattered over the batches."""
    draws, count = Draws(f"retrieval/{name}"), sum(sizes)
    places = torch.tensor(draws.shuffled(range(count)))
    odd = 2 * (places * (512 // count) if count <= 512 else places) + 1
    span = 1024 if count <= 512 else 2 * count
    preds = odd.float() / span if kind == "probabilities" else (2 * odd - span).float() / 256
    target = (draws.integers(count, 0, relevant) == 0).long()
    indexes = draws.integers(count, 0, queries)
    return [
        {"preds": p, "target": t, "indexes": i}
        for p, t, i in zip(preds.split(list(sizes)), target.split(list(sizes)), indexes.split(list(sizes)))
    ]


def one_query(batches: list, query: int = 0) -> list:
    """Give all documents to one query."""
    return [{**b, "indexes": torch.full_like(b["indexes"], query)} for b in batches]


def without_relevant(batches: list, query: int) -> list:
    """Take the relevance of all documents of a query away."""
    return [{**b, "target": torch.where(b["indexes"] == query, torch.zeros_like(b["target"]), b["target"])} for b in batches]


def with_ties(batches: list, levels: int = 3) -> list:
    """Round scores to so many levels above 0."""
    return [{**b, "preds": (b["preds"] * levels).floor() / levels + 0.125} for b in batches]


def ranked(batches: list, ignore_index=None) -> dict:
    """List (score, relevance) from the first to the last for each query: ties by ascending relevance, NaN first."""
    queries: dict = {}
    for batch in batches:
        for p, t, i in zip(*(batch[name].flatten().tolist() for name in ("preds", "target", "indexes")), strict=True):
            if t != ignore_index:
                queries.setdefault(i, []).append((p, float(t)))
    order = lambda d: (0 if math.isnan(d[0]) else 1, 0 if math.isnan(d[0]) else -d[0], d[1])
    return {i: sorted(found, key=order) for i, found in queries.items()}


def mean_over_queries(batches: list, formula, ignore_index=None) -> torch.Tensor:
    """Compute the mean of a formula over queries, 0 for those without a relevant document and without any query."""
    values = [formula(d) if any(r for _, r in d) else 0.0 for d in ranked(batches, ignore_index).values()]
    return torch.tensor(math.fsum(values) / max(1, len(values)), dtype=torch.float32)


def without_copies(batches: list, ids: list) -> list:
    """Drop all rows but the first of each id."""
    seen, kept = set(), []
    for batch, own in zip(batches, ids, strict=True):
        first = [i not in seen and not seen.add(i) for i in own.tolist()]
        kept.append({k: v[torch.tensor(first)] for k, v in batch.items()})
    return kept
