"""Documents with scores, relevances and queries, and what a ranking is worth in exact terms."""

import itertools
import math
from fractions import Fraction

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
        counts = batch["sample_weight"].bool().tolist() if "sample_weight" in batch else itertools.repeat(True)
        for p, t, i, there in zip(*(batch[name].flatten().tolist() for name in ("preds", "target", "indexes")), counts):
            if t != ignore_index and there:
                queries.setdefault(i, []).append((p, float(t)))
    order = lambda d: (0 if math.isnan(d[0]) else 1, 0 if math.isnan(d[0]) else -d[0], d[1])
    return {i: sorted(found, key=order) for i, found in queries.items()}


def relevant(documents: list) -> int:
    """Count the relevant documents."""
    return sum(r > 0 for _, r in documents)


def scored(documents: list) -> list:
    """List the relevances of documents, 0 for those whose score is NaN."""
    return [0.0 if math.isnan(s) else r for s, r in documents]


def average_precision(documents: list, options: dict) -> float:
    """Average precision at each relevant document."""
    found = [rank for rank, r in enumerate(scored(documents[: options["top_k"]]), 1) if r]
    return math.fsum(i / rank for i, rank in enumerate(found, 1)) / max(1, len(found))


def reciprocal_rank(documents: list, options: dict) -> float:
    """Divide 1 by the rank of the first relevant document with a score."""
    return next((1 / rank for rank, r in enumerate(scored(documents[: options["top_k"]]), 1) if r), 0.0)


def precision(documents: list, options: dict) -> float:
    """Divide what is relevant by how many documents were asked for."""
    asked = options["top_k"] or len(documents)
    return math.fsum(scored(documents[:asked])) / (min(asked, len(documents)) if options["adaptive_k"] else asked)


def fall_out(documents: list, options: dict) -> float:
    """Divide what is irrelevant at first by all that is."""
    irrelevant = [1 - r for _, r in documents]
    return math.fsum(irrelevant[: options["top_k"]]) / (math.fsum(irrelevant) or 1)


def r_precision(documents: list, options: dict) -> float:
    """Look at as many documents as are relevant."""
    return relevant(documents[: relevant(documents)]) / max(1, relevant(documents))


def ties_of(documents: list) -> list:
    """Group documents of equal scores; NaN is equal to NaN."""
    groups: list = []
    for s, r in documents:
        if not groups or not (groups[-1][0] == s or math.isnan(groups[-1][0]) and math.isnan(s)):
            groups.append((s, []))
        groups[-1][1].append(r)
    return [relevances for _, relevances in groups]


def normalized_gain(documents: list, options: dict) -> float:
    """Divide the gain, of which ties share the discounts, by that of the best order."""
    looked_at = options["top_k"] or len(documents)
    discounts, begin, gains = [1 / math.log2(i + 2) if i < looked_at else 0.0 for i in range(len(documents))], 0, []
    for group in ties_of(documents):
        gains.append(math.fsum(group) / len(group) * math.fsum(discounts[begin : begin + len(group)]))
        begin += len(group)
    best = math.fsum(r * d for r, d in zip(sorted((r for _, r in documents), reverse=True), discounts))
    return math.fsum(gains) / best if best else 0.0


def area(documents: list, options: dict) -> float:
    """Take the area under the curve of the first documents, up to a rate where there is one."""
    first, end = documents[: options["top_k"]], Fraction(options["max_fpr"] or 1)
    positive, fpr, tpr, total = relevant(first), Fraction(0), Fraction(0), Fraction(0)
    negative = len(first) - positive
    if not positive or not negative:
        return 0.0
    for group in ties_of(first):
        hits = sum(r > 0 for r in group)
        step, up = Fraction(len(group) - hits, negative), Fraction(hits, positive)
        part = min(step, max(Fraction(0), end - fpr))
        total += part * (tpr + up * part / step / 2) if step else 0
        fpr, tpr = fpr + step, tpr + up
    return float(total) if end == 1 else float((1 + (total - end**2 / 2) / (end - end**2 / 2)) / 2)


def curve(documents: list, options: dict) -> tuple[list, list]:
    """Compute precision and recall at each k."""
    sums = [math.fsum(r for _, r in documents[:k]) for k in range(1, options["max_k"] + 1)]
    divisors = [min(k, len(documents)) if options["adaptive_k"] else k for k in range(1, options["max_k"] + 1)]
    return [s / d for s, d in zip(sums, divisors)], [s / math.fsum(r for _, r in documents) for s in sums]


# What a query's documents are worth, (score, relevance) from the first to the last.
RANKED = {
    "RetrievalAUROC": area,
    "RetrievalFallOut": fall_out,
    "RetrievalHitRate": lambda documents, options: float(relevant(documents[: options["top_k"]]) > 0),
    "RetrievalMAP": average_precision,
    "RetrievalMRR": reciprocal_rank,
    "RetrievalNormalizedDCG": normalized_gain,
    "RetrievalPrecision": precision,
    "RetrievalPrecisionRecallCurve": curve,
    "RetrievalRPrecision": r_precision,
    "RetrievalRecall": lambda documents, options: math.fsum(scored(documents[: options["top_k"]])) / (math.fsum(r for _, r in documents) or 1),
    "RetrievalRecallAtFixedPrecision": curve,
}
OF_CURVES = ("RetrievalPrecisionRecallCurve", "RetrievalRecallAtFixedPrecision")
OPTIONS = {"empty_target_action": "neg", "ignore_index": None, "top_k": None, "max_k": None, "adaptive_k": False, "max_fpr": None, "min_precision": 0.0, "aggregation": "mean"}


def aggregated(values: list, weights: list, aggregation: str) -> float:
    """Make one value of those of queries, each as often as it weighs."""
    if aggregation in ("min", "max"):
        return {"min": min, "max": max}[aggregation](values)
    if aggregation == "mean":
        return math.fsum(w * v for v, w in zip(values, weights)) / math.fsum(weights)
    middle, order = math.fsum(weights) / 2, sorted(zip(values, weights))
    return next(v for i, (v, _) in enumerate(order) if math.fsum(w for _, w in order[: i + 1]) >= middle)


def curve_over(queries: list, given: dict, longest: int) -> list:
    """Aggregate the curves of queries k by k."""
    size = given["max_k"] or longest
    if not queries:
        return [[0.0] * size] * 2
    sides = [([q] * size, [q] * size) if isinstance(q, float) else curve(q, given | {"max_k": size}) for q, _ in queries]
    weights = [w for _, w in queries]
    return [[aggregated([side[i][k] for side in sides], weights, given["aggregation"]) for k in range(size)] for i in (0, 1)]


def over_queries(batches: list, metric: str, options: dict):
    """Compute a metric of the family from sorted documents, by Python's sort; a query weighs as its `sample_weight` says."""
    given = OPTIONS | {"empty_target_action": "pos" if metric == "RetrievalFallOut" else "neg"} | options
    found, weights = ranked(batches, given["ignore_index"]), weights_of(batches)
    wanted = (lambda r: r < 1) if metric == "RetrievalFallOut" else (lambda r: r > 0)
    worth, queries = {"neg": 0.0, "pos": 1.0}.get(given["empty_target_action"]), []
    for index, documents in sorted(found.items()):
        if any(wanted(r) for _, r in documents):
            queries.append((documents, weights.get(index, 1)))
        elif given["empty_target_action"] == "error":
            raise ValueError("a query without a relevant document")
        elif worth is not None:
            queries.append((worth, weights.get(index, 1)))
    if metric in OF_CURVES:
        sides = curve_over(queries, given, max(map(len, found.values()), default=0))
        precisions, recalls = (torch.tensor(side, dtype=torch.float64).float() for side in sides)
        if metric == "RetrievalPrecisionRecallCurve":
            return tuple(t.squeeze() if t.numel() == 1 else t for t in (precisions, recalls, torch.arange(1, len(recalls) + 1)))
        least = torch.tensor(given["min_precision"]).float()
        points = [(r, k) for k, (p, r) in enumerate(zip(precisions.tolist(), recalls.tolist()), 1) if p >= least.item() and r > 0]
        best = max(points, default=(0.0, len(recalls)))
        return torch.tensor(best[0]), torch.tensor(best[1])
    if not queries:
        return torch.tensor(0.0)
    values = [q if isinstance(q, float) else RANKED[metric](q, given) for q, _ in queries]
    return torch.tensor(aggregated(values, [w for _, w in queries], given["aggregation"]), dtype=torch.float64).float()


def weights_of(batches: list) -> dict:
    """Say what queries weigh, whose rows have weights."""
    weighed = [b for b in batches if "sample_weight" in b]
    return {i: w for b in weighed for i, w in zip(b["indexes"].tolist(), b["sample_weight"].double().tolist())}


def without_copies(batches: list, ids: list) -> list:
    """Drop all rows but the first of each id."""
    seen, kept = set(), []
    for batch, own in zip(batches, ids, strict=True):
        first = [i not in seen and not seen.add(i) for i in own.tolist()]
        kept.append({k: v[torch.tensor(first)] for k, v in batch.items()})
    return kept
