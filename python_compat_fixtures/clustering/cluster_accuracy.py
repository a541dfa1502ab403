"""The accuracy of the best assignment of classes to clusters."""

import torch
from assignments import stand_in
from cases import Case, Misuse, Stem
from clusterings import TOLERANCE, as_types, labels, of
from draws import Draws

METRIC, FUNCTIONAL = "ClusterAccuracy", "cluster_accuracy"
ONE = "torchmetrics refuses it in update"


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    stand_in()
    for number in (0, -1):
        stem.refuse(Misuse(f"{METRIC}/num_classes={number}", METRIC, {"num_classes": number}, "num_classes"))
    stem.refuse(Misuse(f"{METRIC}/num_classes=1", METRIC, {"num_classes": 1}, "num_classes", reason=ONE))
    refuse = lambda name, contains, preds, target, **more: stem.refuse(Misuse(f"{METRIC}/{name}", METRIC, {"num_classes": 3}, contains, [{"preds": preds, "target": target}], **more))
    classes = torch.tensor([0, 1, 2])
    refuse("a cluster out of range", "preds", torch.tensor([0, 1, 3]), classes)
    refuse("a class out of range", "target", classes, torch.tensor([0, 1, -1]))
    refuse("a cluster out of range in place of another", "preds", torch.tensor([0, 3, 2]), classes, reason="torchmetrics counts it in another cell")
    refuse("shapes that differ", "target", classes, classes[:2])
    case = lambda name, num_classes, batches, **more: stem.add(Case(f"{METRIC}/{name}", METRIC, {"num_classes": num_classes}, batches, tolerance=TOLERANCE, **{"functional": FUNCTIONAL, **more}))
    for clusters in (2, 3, 4, 9, 40):
        case(f"{clusters} clusters", clusters, labels(f"{METRIC}/{clusters}", (37, 1, 20, 60), clusters))
    case("random clusters", 12, [{side: Draws(f"clustering/random/{side}").integers(90, 0, 12) for side in ("preds", "target")}])
    case("clusters that do not occur", 6, labels(f"{METRIC}/some", clusters=3))
    case("permuted", 4, of([1, 1, 2, 2, 3, 3, 0, 0], [0, 0, 1, 1, 2, 2, 3, 3]))
    case("two clusters for a class", 3, of([0, 0, 0, 1, 1, 2], [2, 2, 2, 2, 2, 0]))
    case("an empty batch", 4, labels(f"{METRIC}/empty", (9, 0, 8)))
    case("uint8 and int32", 4, as_types(labels(f"{METRIC}/types"), torch.uint8, torch.int32))
    draws = Draws(f"clustering/{METRIC}/scores")
    scores = [{"preds": draws.untied((n, 5)), "target": draws.integers(n, 0, 5)} for n in (20, 7)]
    case("scores", 5, scores, functional=None)
    positions = [{"preds": draws.integers((n, 3), 0, 4), "target": draws.integers((n, 3), 0, 4)} for n in (8, 5)]
    case("several positions a sample", 4, positions, functional=None)
