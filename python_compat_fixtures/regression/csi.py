"""Critical success index."""

import torch
from cases import Case, Misuse, Stem
from paired import NAN, TOO_MANY, add, as_type, many, misuses, pairs

METRIC, FUNCTIONAL = "CriticalSuccessIndex", "critical_success_index"
OF_BATCHES = {w: "each batch has values of its own" for w in ("one update", "row by row", "permuted", "empty batches", "garbage", "integer weights", "floating weights", "scaled weights", "ranks")}


IN_THEIR_TYPE = {w: "whether a number is as large as the threshold depends on its type" for w in ("half", "float64")}


def each(batches: list) -> torch.Tensor:
    """Tell for each number of vectors whether an event was foreseen, and 0 where there is none."""
    preds, target = (torch.cat([b[name] for b in batches]) >= 0.5 for name in ("preds", "target"))
    return (preds & target).float()


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    misuses(stem, METRIC, {"threshold": 0.5})
    refuse = lambda name, options, word, batches=(), **more: stem.refuse(Misuse(f"{METRIC}/{name}", METRIC, options, word, list(batches), **more))
    refuse("no threshold", {}, "threshold")
    refuse("a threshold of another type", {"threshold": "one"}, "threshold")
    refuse("a negative dimension", {"threshold": 0.5, "keep_sequence_dim": -1}, "keep_sequence_dim")
    refuse("a dimension of another type", {"threshold": 0.5, "keep_sequence_dim": 1.5}, "keep_sequence_dim")
    for dim, shape in ((1, (3,)), (2, (3, 2)), (0, ())):
        refuse(f"keep_sequence_dim={dim} of {len(shape)} dimensions", {"threshold": 0.5, "keep_sequence_dim": dim}, "keep_sequence_dim", [{"preds": torch.ones(shape), "target": torch.ones(shape)}])
    case = lambda name, options, batches, **more: add(
        stem, Case(f"{METRIC}/{name}", METRIC, {"threshold": 0.5} | options, batches, **{"functional": FUNCTIONAL, **more})
    )
    for threshold in (0.5, 0.0, -20.0, 1, 63.984375, 1e9):
        case(f"threshold={threshold}", {"threshold": threshold}, pairs("csi/threshold"))
    case("threshold=NaN", {"threshold": -20.0}, [{"preds": torch.tensor([NAN, 1.0]), "target": torch.tensor([1.0, NAN])}])
    tenths = torch.tensor([0.1, 0.3, 0.7, 0.2])
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        for threshold in (0.1, 0.3, 0.7):
            case(f"numbers as large as threshold={threshold}, {dtype}", {"threshold": threshold}, [{"preds": tenths.to(dtype), "target": tenths.flip(0).to(dtype)}], excludes=IN_THEIR_TYPE)
    case("more rows than a thread takes", {}, many("csi"), excludes=TOO_MANY)
    valid = [torch.tensor([True, False, True, True, False]), torch.tensor([True, True]), torch.tensor([False, True] * 4)]
    case("rows that do not count", {}, pairs("csi/valid"), valid=valid, functional=None)
    case("three dimensions", {}, pairs("csi/deep", ((4, 3, 2), (2, 3, 2))))
    case("scalars", {}, [{"preds": torch.tensor(p), "target": torch.tensor(t)} for p, t in ((2.5, 1.0), (-1.0, 3.0))])
    case("an empty batch", {}, pairs("csi/empty", ((4,), (0,), (3,))))
    case("nothing happens", {"threshold": 100.0}, pairs("csi/nothing"))
    case("int64", {}, as_type(pairs("csi/int64"), torch.int64, torch.int64))
    case("float32 and int64", {}, as_type(pairs("csi/int64"), torch.float32, torch.int64))
    case("float32 and float64", {"threshold": 0.1}, [{"preds": tenths, "target": tenths.flip(0).double()}], excludes=IN_THEIR_TYPE)
    case("bool", {}, [{"preds": b["preds"] > 0, "target": b["target"] > 0} for b in pairs("csi/bool")])
    case("keep_sequence_dim=0", {"keep_sequence_dim": 0}, pairs("csi/rows", ((4, 3), (2, 3))), rows="permutes")
    case("keep_sequence_dim=0 of vectors", {"keep_sequence_dim": 0}, pairs("csi/vector"), rows="permutes", reason="torchmetrics sums a vector whole where its only dimension is to be kept", reference="each number by itself", forward_by=lambda b: each([b]), final_by=each)
    for dim in (1, 2):
        case(f"keep_sequence_dim={dim}", {"keep_sequence_dim": dim}, pairs("csi/sequence", ((4, 3, 5), (2, 3, 5))), functional=None, excludes=OF_BATCHES)
        case(f"keep_sequence_dim={dim}, one batch", {"keep_sequence_dim": dim}, pairs("csi/sequence", ((4, 3, 5),)), excludes=OF_BATCHES)
    stem.require(METRIC, {"threshold": [0.5], "keep_sequence_dim": [None, 0, 1, 2]})
