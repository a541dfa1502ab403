"""Sum, mean, maximum, minimum and concatenation, under every `nan_strategy`."""

import math

import torch
from cases import Case, Misuse, Stem, play
from draws import Draws

METRICS = ("SumMetric", "MeanMetric", "MaxMetric", "MinMetric", "CatMetric")
NAN = float("nan")


def values(name: str, sizes=(5, 1, 8)) -> list:
    """Draw one vector a batch."""
    draws = Draws(f"aggregation/{name}")
    return [{"value": draws.values(n)} for n in sizes]


def with_nans(batches: list) -> list:
    """Put NaN at the start of the first batch and in the middle of the last one; the extremes stay away from them."""
    out = [{k: v.clone() for k, v in b.items()} for b in batches]
    out[0]["value"][0] = NAN
    out[-1]["value"][3] = NAN
    return out


def weighted_mean(batches: list) -> torch.Tensor:
    """Compute sum(w x) / sum(w) by exact float sums."""
    xs, ws = [], []
    for b in batches:
        w = torch.as_tensor(b.get("weight", 1.0)).double()
        x = torch.as_tensor(b["value"]).double()
        xs += (x * w).flatten().tolist()
        ws += torch.broadcast_to(w, x.shape).flatten().tolist()
    return torch.tensor(math.fsum(xs) / math.fsum(ws), dtype=torch.float32)


def exact_sum(batches: list) -> torch.Tensor:
    """Compute the sum without rounding before the last step."""
    return torch.tensor(math.fsum(x for b in batches for x in b["value"].double().tolist()), dtype=torch.float32)


def plain(stem: Stem, metric: str) -> None:
    """Inputs without NaN: vectors, scalars, integers, more dimensions, nothing at all."""
    rows = "permutes" if metric == "CatMetric" else "invariant"
    draws = Draws(f"aggregation/plain/{metric}")
    add = lambda name, batches, **more: stem.add(Case(f"{metric}/{name}", metric, {}, batches, rows=rows, warns=False, **more))
    add("vectors", values(metric))
    add("scalars", [{"value": v} for v in (1.5, -3.0, 40.25, 7.0)])
    add("zero-dim tensors", [{"value": torch.tensor(v)} for v in (2.5, -1.0, 6.0)])
    add("scalar then vector", [{"value": 3.0}, *values(metric, (4,))])
    add("int64", [{"value": draws.integers(n, -50, 50)} for n in (4, 3)])
    add("uint8", [{"value": draws.integers(n, 0, 256).to(torch.uint8)} for n in (4, 3)])
    add("float64", [{"value": draws.values(n).double()} for n in (4, 3)])
    add("two dimensions", [{"value": draws.values((n, 3))} for n in (4, 2)])
    add("infinities", [{"value": torch.tensor([1.0, math.inf])}, {"value": torch.tensor([-2.0, 5.0])}])
    own = {
        "reason": "an empty concatenation is an empty tensor here, an empty list there",
        "reference": "the batches' own concatenation",
        "forward_by": lambda b: b["value"].float(),
        "final_by": lambda bs: torch.cat([b["value"].float() for b in bs]),
    }
    batches = [{"value": draws.values(n)} for n in (4, 0, 2)]
    add("an empty batch", batches, **(own if metric == "CatMetric" else {}))


def strategies(stem: Stem, metric: str) -> None:
    """NaNs among the values, under each strategy that takes them."""
    rows = "permutes" if metric == "CatMetric" else "invariant"
    clean, dirty = values(f"{metric}/nan"), with_nans(values(f"{metric}/nan"))
    fill = {"MaxMetric": 100.0, "MinMetric": -100.0}.get(metric, 2.5)
    for strategy in ("warn", "ignore", "disable", fill):
        options = {"nan_strategy": strategy}
        stem.add(Case(f"{metric}/nan_strategy={strategy}", metric, options, dirty, rows=rows, warns=strategy == "warn"))
    stem.add(Case(f"{metric}/nan by default", metric, {}, dirty, rows=rows, warns=True))
    stem.add(Case(f"{metric}/nan_strategy=error without nan", metric, {"nan_strategy": "error"}, clean, rows=rows, warns=False))
    stem.add(
        Case(f"{metric}/scalar nan filled", metric, {"nan_strategy": fill}, [{"value": NAN}, {"value": 1.0}], rows=rows, warns=False)
    )
    # 100 or -100 for an extreme, so that what fills shows.
    whole, floating = {"nan_strategy": int(fill)}, {"nan_strategy": float(int(fill))}
    stem.add(
        Case(
            f"{metric}/nan_strategy={int(fill)}", metric, whole, dirty, rows=rows, warns=False,
            reason="an integer is as good as a float of its value; torchmetrics takes none here",
            reference="torchmetrics with the float",
            forward_by=lambda b: play(metric, floating, [b])[1],
            final_by=lambda batches: play(metric, floating, batches)[1],
        )
    )
    if metric != "CatMetric":
        stem.add(
            Case(f"{metric}/nothing but nan", metric, {"nan_strategy": "ignore"}, [{"value": NAN}, {"value": torch.tensor([NAN, NAN])}])
        )
    stem.refuse(Misuse(f"{metric}/nan under error", metric, {"nan_strategy": "error"}, "nan", dirty[:1]))
    stem.refuse(Misuse(f"{metric}/nan under error, later", metric, {"nan_strategy": "error"}, "nan", [clean[0], dirty[2]]))
    for value in ("errors", "", "Warn"):
        stem.refuse(Misuse(f"{metric}/nan_strategy={value!r}", metric, {"nan_strategy": value}, "nan_strategy"))
    stem.refuse(Misuse(f"{metric}/nan_strategy=None", metric, {"nan_strategy": None}, "nan_strategy"))
    stem.refuse(Misuse(f"{metric}/unknown option", metric, {"nan_stratgy": "warn"}, "nan_stratgy"))
    stem.refuse(Misuse(f"{metric}/dist_sync_on_step of another type", metric, {"dist_sync_on_step": "yes"}, "dist_sync_on_step"))
    stem.refuse(Misuse(f"{metric}/no input", metric, {}, "value", [{}]))
    stem.refuse(Misuse(f"{metric}/unknown input", metric, {}, "values", [{"values": torch.ones(2)}]))
    stem.require(metric, {"nan_strategy": ["error", "warn", "ignore", "disable", fill]})


def means(stem: Stem) -> None:
    """Weights, and what NaN does to them."""
    draws = Draws("aggregation/means")
    batch = lambda n: {"value": draws.values(n), "weight": draws.integers(n, 1, 9).float() / 4}
    batches = [batch(4), batch(1), batch(6)]
    add = lambda name, batches, options=None, **more: stem.add(Case(f"MeanMetric/{name}", "MeanMetric", options or {}, batches, **more))
    add("weights", batches)
    add("weights, two dimensions", [batch((3, 2)), batch((2, 2))])
    add("integer weights", [{"value": draws.values(n), "weight": draws.integers(n, 0, 5) + 1} for n in (3, 4)])
    add("integer values, float weights", [{"value": draws.integers(n, -9, 9), "weight": draws.probabilities(n)} for n in (3, 4)])
    add("scalar values and weights", [{"value": v, "weight": w} for v, w in ((1.0, 2.0), (-4.0, 0.5), (8.5, 1.0))])
    add("negative and zero weights", [{"value": draws.values(3), "weight": torch.tensor([0.0, -0.5, 2.0])}, batch(2)])
    add("weights that sum to zero", [{"value": torch.tensor([1.0, 2.0]), "weight": torch.zeros(2)}])
    scalar = [{"value": draws.values(n), "weight": w} for n, w in ((3, 2.0), (5, 0.25))]
    spread = lambda bs: {
        "value": torch.cat([b["value"] for b in bs]),
        "weight": torch.cat([torch.broadcast_to(torch.as_tensor(b["weight"]), b["value"].shape) for b in bs]),
    }
    add("one weight a batch", scalar, whole=spread(scalar))
    columns = [{"value": draws.values((n, 3)), "weight": torch.tensor([0.5, 1.0, 3.0]) * k} for n, k in ((2, 1), (4, 2))]
    add("a weight a column", columns, whole=spread(columns))
    rows = [{"value": draws.values((n, 3)), "weight": draws.probabilities((n, 1))} for n in (2, 4)]
    add("a weight a row", rows)
    dirty = [{k: v.clone() for k, v in b.items()} for b in batches]
    dirty[0]["value"][1] = NAN
    dirty[2]["weight"][4] = NAN
    for strategy in ("warn", "ignore", 1.5):
        add(f"nan among values and weights, {strategy}", dirty, {"nan_strategy": strategy}, warns=strategy == "warn")
    exact = {"reference": "sum(w x) / sum(w) by exact sums (math.fsum)", "forward_by": lambda b: weighted_mean([b]), "final_by": weighted_mean}
    add("weights under disable", batches, {"nan_strategy": "disable"}, reason="nan_strategy=disable there drops the weights", **exact)
    add("a NaN weight under disable", dirty, {"nan_strategy": "disable"}, reason="nan_strategy=disable there drops the weights", **exact)
    columns_nan = [{k: v.clone() for k, v in b.items()} for b in columns]
    columns_nan[0]["value"][1, 2] = NAN
    by = lambda bs: weighted_mean(
        [
            {
                "value": b["value"].nan_to_num(nan=4.0),
                "weight": torch.where(b["value"].isnan(), 1.0, torch.broadcast_to(b["weight"], b["value"].shape)),
            }
            for b in bs
        ]
    )
    add(
        "a weight a column and a filled nan",
        columns_nan,
        {"nan_strategy": 4.0},
        whole={"value": torch.cat([b["value"] for b in columns_nan]), "weight": torch.cat([torch.broadcast_to(b["weight"], b["value"].shape) for b in columns_nan])},
        reason="torchmetrics writes the weight of a filled NaN to the expanded tensor: to the whole column, and to the caller's tensor",
        reference="NaN values replaced, their weight 1, then sum(w x) / sum(w) by exact sums (math.fsum)",
        forward_by=lambda b: by([b]),
        final_by=by,
    )
    add("an integer whose weight is NaN, filled", [{"value": -7, "weight": torch.tensor(NAN)}, {"value": 3, "weight": 1.0}], {"nan_strategy": 2.5})
    cut = "NaN is filled with the number that is given; torchmetrics rounds it to the values' type"
    whole_numbers = [{"value": torch.tensor([4, -7]), "weight": torch.tensor([2.0, NAN])}, {"value": torch.tensor([3]), "weight": torch.ones(1)}]
    put = lambda bs: weighted_mean([{"value": torch.where(b["weight"].isnan(), 2.5, b["value"].float()), "weight": b["weight"].nan_to_num(nan=1.0)} for b in bs])
    add(
        "integers whose weights are NaN, filled", whole_numbers, {"nan_strategy": 2.5}, reason=cut,
        reference="NaN values replaced, their weight 1, then sum(w x) / sum(w) by exact sums (math.fsum)", forward_by=lambda b: put([b]), final_by=put,
    )
    halves = [{"value": torch.tensor([1.0, NAN], dtype=torch.float16)}, {"value": torch.tensor([NAN], dtype=torch.float16)}]
    full = lambda bs: exact_sum([{"value": b["value"].double().nan_to_num(nan=2049.0)} for b in bs])
    stem.add(
        Case(
            "SumMetric/halves filled", "SumMetric", {"nan_strategy": 2049.0}, halves, reason=cut, reference="the exact sum (math.fsum), rounded once",
            forward_by=lambda b: full([b]), final_by=full,
        )
    )
    refuse = lambda name, batch, word, options=None, **more: stem.refuse(
        Misuse(f"MeanMetric/{name}", "MeanMetric", options or {}, word, [batch], **more)
    )
    refuse("weights of another shape", {"value": torch.ones(3), "weight": torch.ones(2)}, "weight")
    refuse("more weights than values", {"value": torch.ones(()), "weight": torch.ones(2)}, "weight")
    refuse("a NaN weight under error", {"value": torch.ones(2), "weight": torch.tensor([1.0, NAN])}, "nan", {"nan_strategy": "error"})
    refuse("a misspelt weight", {"value": torch.ones(2), "weights": torch.ones(2)}, "weights")


def accumulators(stem: Stem) -> None:
    """Sums that float32 cannot hold."""
    large = [{"value": torch.tensor([2.0**24])}, *[{"value": torch.ones(1)} for _ in range(6)]]
    exact = {"reference": "the exact sum (math.fsum), rounded once", "tolerance": {"rtol": 0.0, "atol": 0.0}}
    why = "torchmetrics accumulates in float32, where 2^24 + 1 is 2^24"
    stem.add(
        Case("SumMetric/past 2^24", "SumMetric", {}, large, reason=why, forward_by=lambda b: exact_sum([b]), final_by=exact_sum, **exact)
    )
    cancelling = [{"value": torch.tensor([2.0**60, 1.0])}, {"value": torch.tensor([3.0, -(2.0**60)])}]
    stem.add(
        Case(
            "SumMetric/cancelling", "SumMetric", {}, cancelling, reason="torchmetrics accumulates in float32: 1 is lost beside 2^60",
            forward_by=lambda b: exact_sum([b]), final_by=exact_sum, **exact,
        )
    )
    stem.add(
        Case(
            "MeanMetric/past 2^24", "MeanMetric", {}, large, reason=why, reference="the exact mean (math.fsum), rounded once",
            tolerance={"rtol": 0.0, "atol": 0.0}, forward_by=lambda b: weighted_mean([b]), final_by=weighted_mean,
        )
    )
    for metric in ("SumMetric", "MeanMetric"):
        half = [{"value": torch.full((3,), 60000.0, dtype=torch.float16)}]
        stem.add(Case(f"{metric}/halves past their range", metric, {}, half))


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    for metric in METRICS:
        plain(stem, metric)
        strategies(stem, metric)
    means(stem)
    accumulators(stem)
    draws = Draws("aggregation/valid")
    valid = [torch.tensor([True, False, True, True]), torch.tensor([False, True])]
    for metric in METRICS:
        batches = [{"value": draws.values(4)}, {"value": draws.values(2)}]
        stem.add(Case(f"{metric}/rows that do not count", metric, {}, batches, valid=valid, rows="permutes" if metric == "CatMetric" else "invariant"))
