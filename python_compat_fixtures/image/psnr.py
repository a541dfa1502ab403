"""Peak signal-to-noise ratio."""

import math
from fractions import Fraction

import numpy as np
import torch
from cases import Case, Misuse, Stem
from draws import Draws
from paired import COARSE, as_type, columns_of, times

METRIC, FUNCTIONAL = "PeakSignalNoiseRatio", "peak_signal_noise_ratio"
# float32 logarithms of float32 sums there.
TOLERANCE = {"rtol": 5e-6, "atol": 2e-5}
SPLIT = "the sums over dimension 0 are those of a batch"
BY_BATCH = {way: SPLIT for way in ("one update", "permuted", "garbage", "empty batches", "row by row", "ranks")}


def images(name: str, shapes=((3, 2, 4, 4), (1, 2, 4, 4), (4, 2, 4, 4)), scale: float = 1.0) -> list:
    """Draw batches of images in [0, scale) and of reconstructions near them."""
    draws = Draws(f"image/psnr/{name}")
    batches = []
    for shape in shapes:
        target = draws.probabilities(shape) * scale
        batches.append({"preds": target + draws.logits(shape) * scale / 32, "target": target})
    return batches


def by_definition(batches: list, width: float, low=None, high=None) -> torch.Tensor:
    """Compute the ratio of everything at once in float64."""
    preds, target = (torch.cat([b[k].double().reshape(-1) for b in batches]) for k in ("preds", "target"))
    if low is not None:
        preds, target = preds.clamp(low, high), target.clamp(low, high)
    return (10 * torch.log10(width**2 / (preds - target).square().mean())).float()


def exact(batches: list, width: float) -> float:
    """Compute the ratio of everything at once by its definition, with integers of any size."""
    preds, target = ([x for column in columns_of(batches, side) for x in column] for side in ("preds", "target"))
    ratio = Fraction(width) ** 2 * len(preds) / sum((x - y) ** 2 for x, y in zip(preds, target))
    return 10 * (math.log10(ratio.numerator) - math.log10(ratio.denominator))


def scaled(stem: Stem) -> None:
    """Ranges whose squares leave float64, or float32 where a value each is kept in it."""

    def case(name: str, batches: list, width: float, **options) -> None:
        rows = lambda b: [exact([{side: v[i] for side, v in b.items()}], width) for i in range(len(b["preds"]))]
        one = lambda batches: torch.tensor(exact(batches, width), dtype=torch.float32)
        each = lambda batches: torch.tensor([v for b in batches for v in rows(b)], dtype=torch.float32)
        by = each if options else one
        stem.add(
            Case(
                f"{METRIC}/{name}",
                METRIC,
                {"data_range": width, **options},
                batches,
                functional=FUNCTIONAL if batches[0]["preds"].dtype == torch.float32 else None,
                tolerance=TOLERANCE,
                excludes={**COARSE, "half": "numbers that no half type has"},
                rows="permutes" if options else "invariant",
                reason="a ratio has no scale; torchmetrics' squares leave its dtype",
                reference="the definition in exact arithmetic",
                forward_by=lambda b: by([b]).squeeze(),
                final_by=by,
            )
        )

    for width in (1e-170, 2.0**-1050, 1e300):
        case(f"a range of {width:g}", times(images(f"range/{width}"), width), width)
    by_image = {"dim": (1, 2, 3), "reduction": "none"}
    case("a value an image, a range of 1e300", times(images("range/dims"), 1e300), 1e300, **by_image)
    case("a value an image, a range of 1e-170", times(images("range/dims 2"), 1e-170), 1e-170, **by_image)
    for width in (1e-30, 1e30):
        narrow = as_type(times(images(f"range/float {width}"), width), torch.float32, torch.float32)
        case(f"a value an image, a range of {width:g} in float32", narrow, width, **by_image)


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    refused(stem)
    scaled(stem)

    def case(name: str, options: dict, batches: list, **more) -> None:
        given = {"data_range": 1.0, **options}
        if name in ("a value an image, sum", "a value a line, sum"):
            more["excludes"] = {**more.get("excludes", {}), "scaled weights": "a sum grows with its weights"}
        stem.add(Case(f"{METRIC}/{name}", METRIC, given, batches, **{"tolerance": TOLERANCE, "functional": FUNCTIONAL, **more}))

    case("images", {}, images("images"))
    case("vectors", {}, images("vectors", ((5,), (2,), (8,))))
    case("a range of 255", {"data_range": 255.0}, images("255", scale=255.0))
    case("a range that is an integer", {"data_range": 3}, images("3", scale=3.0))
    case("clamped", {"data_range": (0.25, 0.75)}, images("clamped"))
    case("clamped integers", {"data_range": (10, 200)}, as_type(images("bytes", scale=255.0), torch.uint8, torch.uint8))
    case("bytes", {"data_range": 255.0}, as_type(images("bytes/2", scale=255.0), torch.int64, torch.uint8))
    case("base=2", {"base": 2.0}, images("base"))
    case("base=2.718", {"base": 2.718}, images("base"))
    case("longer than a block", {}, images("blocks", ((8201,), (77,))))
    weighted_cases(case)
    case("equal images", {}, [{"preds": b["target"], "target": b["target"]} for b in images("equal")], excludes={"gradients": "infinity has no slope"})
    half = as_type(images("half"), torch.float16, torch.float32)
    case("float16 and float32", {}, half)
    case("float64", {}, as_type(images("double"), torch.float64, torch.float64))
    valid = [torch.tensor([True, False, True]), torch.tensor([True]), torch.tensor([False, True, True, False])]
    case("images that do not count", {}, images("valid"), valid=valid)
    case("images that do not count, one value each", {"dim": (1, 2, 3), "reduction": "none"}, images("valid"), valid=valid, rows="permutes")

    for reduction in ("elementwise_mean", "sum", "none", None):
        rows = "invariant" if reduction in ("elementwise_mean", "sum") else "permutes"
        case(f"a value an image, {reduction}", {"dim": (1, 2, 3), "reduction": reduction}, images("dims"), rows=rows)
        case(f"a value a line, {reduction}", {"dim": 3, "reduction": reduction}, images("dims"), rows="invariant" if rows == "invariant" else "permutes", excludes={} if rows == "invariant" else {"permuted": "an image has several values"})
    case("dim=-1", {"dim": -1, "reduction": "sum"}, images("dims"))
    case("dim=(1, -1)", {"dim": (1, -1), "reduction": "sum"}, images("dims"))
    case("clamped, a value an image", {"dim": (1, 2, 3), "data_range": (0.25, 0.75), "reduction": "none"}, images("dims"), rows="permutes")
    case("a value an image, long", {"dim": 1}, images("long", ((1, 8201),)))
    case("a value an image, bytes", {"dim": (1, 2, 3), "data_range": 255.0, "reduction": "none"}, as_type(images("bytes/3", scale=255.0), torch.uint8, torch.uint8), rows="permutes")
    case("a value a batch", {"dim": (0, 1, 2, 3), "reduction": "none"}, images("batches"), excludes=BY_BATCH)
    case("a value a batch, no dimension named", {"dim": (), "reduction": "none"}, images("batches"), excludes=BY_BATCH)
    case("a value a pixel", {"dim": 0, "reduction": "sum"}, images("pixels", ((3, 5), (4, 5))), excludes=BY_BATCH)
    case("an empty batch", {"dim": 1, "reduction": "none"}, images("empty", ((3, 4), (0, 4), (2, 4))), rows="permutes")
    case(
        "integers past 2^24",
        {"data_range": 2.0},
        [{"preds": torch.tensor([16777217, 1, 2]), "target": torch.tensor([16777216, 0, 2])}, {"preds": torch.tensor([5]), "target": torch.tensor([4])}],
        reason="torchmetrics reads integers in float32, where 2^24 + 1 is 2^24",
        reference="the definition in float64",
        forward_by=lambda b: by_definition([b], 2.0),
        final_by=lambda batches: by_definition(batches, 2.0),
        excludes={"half": "integers"},
    )
    by = lambda batches: by_definition(batches, 65504.0)
    case(
        "squares past float16",
        {"data_range": 65504.0},
        [{"preds": torch.tensor([300.0, 1.0]).half(), "target": torch.zeros(2).half()}, {"preds": torch.tensor([5.0]).half(), "target": torch.tensor([1.0]).half()}],
        reason="torchmetrics computes in the inputs' dtype",
        reference="the definition in float64",
        forward_by=lambda b: by([b]),
        final_by=by,
    )
    stem.require(
        METRIC,
        {
            "data_range": [255.0, 3, (0.25, 0.75), (10, 200)],
            "base": [10.0, 2.0, 2.718],
            "reduction": ["elementwise_mean", "sum", "none", None],
            "dim": [None, 3, -1, 0, (1, 2, 3), (1, -1), (0, 1, 2, 3), ()],
        },
    )


def weighted_cases(case) -> None:
    """Images that weigh: their squares do, or where values are kept these."""
    batches = images("weighed")
    numbers = [torch.tensor([2, 0, 3]), torch.tensor([1]), torch.tensor([4, 5, 0, 1])]
    floats = [torch.tensor([0.5, 0.0, 2.0]), torch.tensor([0.125]), torch.tensor([1.5, 3.0, 0.25, 1.0])]

    def by(batches: list, dim=None, reduction="elementwise_mean"):
        squares = np.concatenate([(b["preds"].double() - b["target"].double()).square().numpy() for b in batches])
        weights = np.concatenate([b["sample_weight"].double().numpy() for b in batches])
        if dim is None:
            return torch.tensor(-10 * np.log10(np.average(squares.reshape(len(weights), -1).mean(1), weights=weights)), dtype=torch.float32)
        ratios = -10 * np.log10(squares.mean(dim)).reshape(len(weights), -1)
        value = np.dot(weights, ratios.sum(1)) if reduction == "sum" else np.average(ratios.mean(1), weights=weights)
        return torch.tensor(value, dtype=torch.float32)

    for name, options in (
        ("", {}),
        ("a value an image, ", {"dim": (1, 2, 3)}),
        ("a value an image, sum, ", {"dim": (1, 2, 3), "reduction": "sum"}),
        ("a value a line, ", {"dim": 3}),
        ("a value a column, sum, ", {"dim": 2, "reduction": "sum"}),
    ):
        for kind, weights in (("integer", numbers), ("float", floats)):
            case(
                f"{name}{kind} weights",
                options,
                batches,
                weights=weights,
                reason="rows have weights here; torchmetrics knows of none",
                reference="numpy.average",
                forward_by=lambda b, o=options: by([b], **o),
                final_by=lambda bs, o=options: by(bs, **o),
                functional=None,
                excludes={"scaled weights": "a sum grows with its weights"} if options.get("reduction") == "sum" else {},
            )


def refused(stem: Stem) -> None:
    """What cannot be."""
    ones = lambda *shape: {"preds": torch.ones(shape), "target": torch.zeros(shape)}
    refuse = lambda name, word, options=None, batches=(), **more: stem.refuse(
        Misuse(f"{METRIC}/{name}", METRIC, {"data_range": 1.0, **(options or {})}, word, list(batches), **more)
    )
    nothing = "torchmetrics gives NaN or infinity"
    stem.refuse(Misuse(f"{METRIC}/no data_range", METRIC, {}, "data_range"))
    refuse("unknown option", "dims", {"dims": 1})
    refuse("data_range of another type", "data_range", {"data_range": "wide"})
    refuse("data_range of three numbers", "data_range", {"data_range": [0.0, 0.5, 1.0]})
    refuse("data_range of nothing", "data_range", {"data_range": 0.0}, reason=nothing)
    refuse("data_range below 0", "data_range", {"data_range": -1.0}, reason=nothing)
    refuse("data_range the wrong way round", "data_range", {"data_range": (1.0, 0.0)}, reason=nothing)
    refuse("data_range wider than any number", "data_range", {"data_range": (-1e308, 1e308)}, reason=nothing)
    refuse("base 1", "base", {"base": 1.0}, reason=nothing)
    refuse("base 0", "base", {"base": 0.0}, reason=nothing)
    refuse("base of another type", "base", {"base": "e"}, reason="torchmetrics looks at it in compute")
    refuse("unknown reduction", "reduction", {"reduction": "mean"}, reason="torchmetrics looks at it in compute")
    refuse("dim of another type", "dim", {"dim": "all"}, reason="torchmetrics looks at it in update")
    refuse("a dim that there is not", "dim", {"dim": (1, 2)}, [ones(3, 4)])
    refuse("a negative dim that there is not", "dim", {"dim": -3}, [ones(3, 4)])
    refuse("a dim named twice", "dim", {"dim": (1, -1)}, [ones(3, 4)])
    refuse("a dim later inputs lack", "dim", {"dim": 1}, [ones(3, 4), ones(3)])
    refuse("shapes that differ", "shape", {}, [{"preds": torch.ones(3, 4), "target": torch.ones(2, 4)}])
    refuse("shapes that could be broadcast", "shape", {}, [{"preds": torch.ones(3, 4), "target": torch.ones(1, 4)}], reason="torchmetrics broadcasts, and divides by the target's elements alone")
    refuse("no target", "target", {}, [{"preds": torch.ones(3)}])
    refuse("unknown input", "images", {}, [{"preds": torch.ones(3), "images": torch.ones(3)}])
