"""What the cases of scores of the clusters of data share."""

from dataclasses import dataclass, field
from typing import Callable, Optional

import torch
from cases import Case, Misuse, Stem, gives
from draws import Draws

# torchmetrics rounds each term and each sum to float32.
TOLERANCE = {"rtol": 1e-5, "atol": 2e-6}
IN_FLOAT32 = "sums are taken in float64; torchmetrics takes them in the inputs' dtype, where an offset or many rows are lost"
WIDE = "results are float32 unless set_dtype says otherwise; there float64 values widen the states"
INTEGERS = "labels are integers; torchmetrics takes any numbers for them"
UNDEFINED = "a value that is not defined is NaN; torchmetrics throws"
LATER = "torchmetrics looks at it in compute"
NO_SLOPE = {"gradients": "the value has no slope there"}
COARSE = {"gradients": "the step of the differences is lost to rounding in numbers of this size"}
TOO_MANY = {"gradients": "differences for many numbers take too long, and show no more"}


@dataclass
class Member:
    """A score, and what computes it in float64."""

    metric: str
    functional: str
    by: Callable  # data, labels, options -> the value
    reference: str
    options: list = field(default_factory=list)


def clusters(name: str, sizes=(12, 9, 30), count: int = 3, columns: int = 2, offset: float = 0.0) -> list:
    """Draw rows about the centres of clusters, of which each batch has all, some of them twice."""
    draws = Draws(f"clustering/data/{name}")
    centres = draws.values((count, columns))
    batches = []
    for n in sizes:
        labels = torch.tensor(draws.shuffled([i % count for i in range(n)]), dtype=torch.int64)
        batches.append({"data": centres[labels] + draws.values((n, columns)) / 16 + offset, "labels": labels})
    return batches


def score_of(by: Callable, batches: list, options: dict) -> torch.Tensor:
    """Compute a score of batches, by what its script says of rows and their clusters."""
    rows = [torch.cat([b[k].to(t) for b in batches]).numpy() for k, t in (("data", torch.float64), ("labels", torch.int64))]
    return torch.tensor(by(*rows, options), dtype=torch.float32)


def write(stem: Stem, member: Member) -> None:
    """Write the cases of a score."""
    metric = member.metric
    value = lambda given, options: score_of(member.by, given, options)

    def case(name: str, batches: list, options: Optional[dict] = None, **more) -> None:
        options = options or {}
        reason = more.pop("reason", None)
        subject = Case(f"{metric}/{name}", metric, options, batches, member.functional, tolerance=TOLERANCE, **more)
        forward, final = [value([b], options) for b in batches], value(batches, options)
        if not gives(subject, batches, forward, final):
            wide = metric == "DunnIndex" and all(b["data"].dtype is torch.float64 for b in batches)
            subject.reason, subject.reference = reason or (WIDE if wide else IN_FLOAT32), member.reference
            subject.functional = None if wide else member.functional  # which gives float64
            subject.forward_by, subject.final_by = (lambda b: value([b], options)), (lambda b: value(b, options))
        stem.add(subject)

    data, labels = torch.tensor([[0.0, 1.0], [2.0, 1.0], [5.0, 5.0], [5.0, 7.0]]), torch.tensor([0, 0, 1, 1])
    refuse = lambda name, contains, data, labels, **more: stem.refuse(Misuse(f"{metric}/{name}", metric, {}, contains, [{"data": data, "labels": labels}], **more))
    refuse("one dimension", "data", data[:, 0], labels, reason=LATER)
    refuse("integers for data", "data", data.long(), labels, reason=LATER)
    refuse("two dimensions of labels", "labels", data, labels.view(4, 1), reason=LATER)
    refuse("floating labels", "labels", data, labels.float(), reason=INTEGERS)
    refuse("fewer labels", "same number of rows", data, labels[:3], reason=LATER)
    stem.refuse(Misuse(f"{metric}/rows of another size", metric, {}, "data", [{"data": data, "labels": labels}, {"data": data[:, :1], "labels": labels}], reason=LATER))

    case("clusters", clusters(metric))
    case("one column", clusters(f"{metric}/one", columns=1))
    case("many columns", clusters(f"{metric}/many columns", (40, 30), 4, 20), excludes=TOO_MANY)
    case("many clusters", clusters(f"{metric}/many clusters", (60, 40), 20), excludes=TOO_MANY)
    far = clusters(f"{metric}/any labels")
    case("any labels", [{"data": b["data"], "labels": torch.tensor([-(2**63), 2**62, 7])[b["labels"]]} for b in far])
    case("uint8 labels", [{"data": b["data"], "labels": b["labels"].to(torch.uint8)} for b in far])
    for dtype in (torch.float64, torch.float16, torch.bfloat16):
        name = str(dtype).removeprefix("torch.")
        case(name, [{"data": b["data"].to(dtype), "labels": b["labels"]} for b in clusters(f"{metric}/types")], excludes={} if dtype is torch.float64 else COARSE)
    case("an offset of 1e6", [{"data": b["data"].double() + 1e6, "labels": b["labels"]} for b in clusters(f"{metric}/offset")], excludes=COARSE)
    case("an offset of 16384 in float32", clusters(f"{metric}/offset", offset=16384.0), excludes=COARSE)
    nan = {"reason": UNDEFINED, "excludes": NO_SLOPE}
    case("one cluster", [{"data": data, "labels": labels * 0}], **nan)
    case("one row", [{"data": data[:1], "labels": labels[:1]}], **nan)
    case("an empty batch", [{"data": b["data"], "labels": b["labels"]} for b in clusters(f"{metric}/empty", (9, 0, 8))], **nan)
    case("nothing", [{"data": data[:0], "labels": labels[:0]}], **nan)
    if metric != "DunnIndex":
        case("clusters of one", [{"data": data[:3], "labels": torch.tensor([0, 1, 2])}], **nan)
    case("a cluster of one", [{"data": torch.tensor([[0.0, 1.0], [2.0, 1.0], [5.0, 4.0]]), "labels": torch.tensor([0, 0, 1])}], excludes=NO_SLOPE)
    case("equal centres", [{"data": torch.tensor([[0.0], [2.0], [0.5], [1.5], [7.0]]), "labels": torch.tensor([0, 0, 1, 1, 2])}], excludes=NO_SLOPE)
    draws = Draws(f"clustering/data/{metric}/rows")
    many = [{"data": draws.recalled("values", (n, 2)), "labels": draws.recalled("integers", (n,), low=0, high=5)} for n in (3000, 2500, 40)]
    case("more rows than are kept as they come", many, excludes=TOO_MANY)
    for options in member.options:
        text = ", ".join(f"{k}={v}" for k, v in options.items())
        case(text, clusters(f"{metric}/{text}"), options)
        case(f"many columns, {text}", clusters(f"{metric}/many, {text}", columns=5), options, excludes=TOO_MANY)
