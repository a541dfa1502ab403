"""The triplets that open-metric-learning's miners pick, and what its triplet loss makes of them."""

import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import oml_alone  # noqa: E402, F401
from draws import Draws  # noqa: E402
from oml.losses.triplet import TripletLoss, TripletLossPlain, TripletLossWithMiner  # noqa: E402
from oml.miners import (  # noqa: E402
    AllTripletsMiner,
    HardClusterMiner,
    HardTripletsMiner,
    MinerWithBank,
    NHardTripletsMiner,
)
from oml.utils.misc_torch import normalise  # noqa: E402

# Labels of batches: balanced, mixed up, unbalanced; more than the 25 rows from which torch computes distances by products.
BATCHES = {
    "balanced": [0, 0, 0, 1, 1, 1, 2, 2, 2],
    "mixed": [7, -3, 7, 5, -3, 5, 5, 7, -3, 2, 2, 2],
    "unbalanced": [4, 4, 4, 4, 4, 9, 9, 1, 1, 1],
    "pairs": [1, 0, 0, 1],
    "large": [(i * 3) % 4 for i in range(28)],
}
N_HARD = [(1, 1), (2, 3), ((1, 1), (2, 4)), ((2, 2), 2), (100, 100), ((2, 9), (3, 100))]
MARGINS = [0.25, 2.0, None]
REDUCTIONS = ("mean", "sum", "none")
WIDTH = 5


def embeddings_of(name: str, rows: int) -> torch.Tensor:
    """Return rows whose distances have no ties, so that the hardest are the same whatever rounds them."""
    for attempt in range(100):
        embeddings = Draws(f"triplets/{name}/{attempt}").logits((rows, WIDTH))
        distances = torch.cdist(embeddings.double(), embeddings.double(), compute_mode="donot_use_mm_for_euclid_dist")
        if distances.sort(1).values.diff(dim=1).min() > 2e-5:
            return embeddings
    raise RuntimeError(f"{name}: some distances of a row are equal in every attempt")


def short(numbers):
    """Write float32 numbers with the nine digits that tell them apart."""
    return [short(n) for n in numbers] if isinstance(numbers, list) else float(f"{numbers:.9g}")


def ranges(n) -> list:
    """Write a number or a range as the first and the last."""
    return [1, n] if isinstance(n, int) else list(n)


def triplets_of(miner, embeddings: torch.Tensor, labels: list) -> list:
    """Return the triplets in ascending order, as rows of the batch."""
    return sorted(list(t) for t in zip(*miner._sample(embeddings, labels=labels)))


def clusters_of(embeddings: torch.Tensor, labels: list) -> list:
    """Return a cluster miner's triplets: the anchor's label, the positive's row, the negative's label."""
    anchors, positives, negatives = HardClusterMiner().sample(embeddings, labels)
    names = sorted(set(labels))
    rows = [[tuple(row) for row in t.tolist()] for t in (anchors, embeddings)]
    where = [rows[1].index(tuple(row)) for row in positives.tolist()]
    others = [names[rows[0].index(tuple(row))] for row in negatives.tolist()]
    return [list(t) for t in zip(names, where, others)]


def losses_of(make_miner, embeddings: torch.Tensor, labels: list) -> list:
    """Return what losses of the mined triplets are, with gradients and what is logged."""
    rows = []
    for margin in MARGINS:
        for reduction in REDUCTIONS if len(labels) < 10 else ("mean", "none"):
            given = embeddings.clone().requires_grad_()
            criterion = TripletLossWithMiner(margin, make_miner(), reduction, need_logs=True)
            loss = criterion(given, labels)
            loss.sum().backward()
            values = sorted(loss.detach().flatten().tolist())
            if len(values) > 500:  # too many to keep
                continue
            logs = {name: float(value) for name, value in criterion.last_logs.items()}
            rows.append({"margin": margin, "reduction": reduction, "loss": short(values), "gradient": short(given.grad.tolist()), "logs": logs})
    return rows


def batch_rows() -> list:
    """Return a row for each miner and batch."""
    rows = []
    for name, labels in BATCHES.items():
        embeddings = embeddings_of(name, len(labels))
        given = {"batch": name, "labels": labels, "embeddings": embeddings.tolist()}
        miners = [("all", {}, AllTripletsMiner), ("hard", {}, HardTripletsMiner)]
        for positive, negative in N_HARD:
            fewest = min(labels.count(label) for label in labels) - 1
            if ranges(positive)[0] > fewest or (name == "large" and 100 in ranges(negative)):
                continue
            arguments = {"n_positive": ranges(positive), "n_negative": ranges(negative)}
            miners.append(("n_hard", arguments, lambda p=positive, n=negative: NHardTripletsMiner(p, n)))
        for kind, arguments, make in miners:
            triplets = triplets_of(make(), embeddings, labels)
            rows.append({"miner": kind, **given, **arguments, "triplets": triplets, "losses": losses_of(make, embeddings, labels)})
        if len({labels.count(label) for label in labels}) == 1:
            triplets = clusters_of(embeddings, labels)
            rows.append({"miner": "cluster", **given, "triplets": triplets, "losses": losses_of(HardClusterMiner, embeddings, labels)})
    return rows


def bank_row(batches: int, positive, negative) -> dict:
    """Return a row of a bank: batch after batch, what is picked of the batch and the bank after it."""
    bank = MinerWithBank(batches, NHardTripletsMiner(positive, negative))
    picked = []
    sample = bank.miner._sample
    bank.miner._sample = lambda *args, **kwargs: picked.append(sample(*args, **kwargs)) or picked[-1]
    criterion = TripletLossWithMiner(0.25, bank, need_logs=True)
    steps = []
    all_embeddings = embeddings_of(f"bank/{batches}", 6 * 8)
    for step in range(6):
        # From the third batch on some labels have one sample in the batch, and more in the bank.
        labels = [0, 0, 1, 1, 2, 2, 3, 3] if step < 2 or batches > 2 else [0, 1, 2, 3, 0, 1, 2, 2]
        embeddings = all_embeddings[8 * step : 8 * step + 8].clone().requires_grad_()
        loss = criterion(embeddings, labels)
        loss.backward()
        triplets = sorted([int(i) for i in t] for t in zip(*picked[-1]))
        logs = {name: float(value) for name, value in criterion.last_logs.items()}
        steps.append(
            {
                "labels": labels,
                "embeddings": embeddings.tolist(),
                "triplets": triplets,
                "loss": float(loss.detach()),
                "gradient": short(embeddings.grad.tolist()),
                "logs": logs,
            }
        )
    given = {"miner": "bank", "bank_size_in_batches": batches, "n_positive": ranges(positive), "n_negative": ranges(negative)}
    return {**given, "steps": steps}


def loss_rows() -> list:
    """Return rows of the loss alone, with an anchor that is its positive, and of rows one after the other."""
    stacked = embeddings_of("loss", 12)
    stacked[4] = stacked[3]
    rows = []
    for margin in MARGINS:
        for reduction in REDUCTIONS:
            given = stacked.clone().requires_grad_()
            criterion = TripletLossPlain(margin, reduction, need_logs=True)
            loss = criterion(given)
            loss.sum().backward()
            parts = TripletLoss(margin, reduction)(stacked[0::3], stacked[1::3], stacked[2::3])
            if not torch.equal(parts, loss):
                raise RuntimeError("the loss of stacked rows is another")
            rows.append(
                {
                    "miner": "none",
                    "embeddings": stacked.tolist(),
                    "margin": margin,
                    "reduction": reduction,
                    "loss": short(loss.detach().flatten().tolist()),
                    "gradient": short(given.grad.tolist()),
                    "logs": criterion.last_logs,
                }
            )
    return rows


def normalised_row() -> dict:
    """Return a row of normalised embeddings: OML's gradient, which takes norms as constants, and torch's."""
    embeddings, weights = embeddings_of("normalised", 6), Draws("triplets/weights").logits((6, WIDTH))
    row = {"miner": "normalised", "embeddings": embeddings.tolist(), "weights": weights.tolist()}
    for name, function in (("oml", normalise), ("torch", torch.nn.functional.normalize)):
        given = embeddings.clone().requires_grad_()
        values = function(given)
        (values * weights).sum().backward()
        row[name] = {"values": short(values.tolist()), "gradient": short(given.grad.tolist())}
    return row


def table() -> list:
    """Return a row for each miner and batch, for banks, for the loss alone and for normalised embeddings."""
    np.random.seed(0)
    banks = [bank_row(1, 1, 1), bank_row(2, 2, 3), bank_row(3, (1, 2), (2, 3))]
    return [*batch_rows(), *banks, *loss_rows(), normalised_row()]
