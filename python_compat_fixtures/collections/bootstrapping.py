"""BootStrapper: its keyed draws made again in Python, and torchmetrics' metrics on the rows that they give."""

import torch
from cases import Case, Misuse, Stem, create, named
from draws import Draws
from labelled import binary, multiclass
from paired import pairs

ACCURACY = named("MulticlassAccuracy", num_classes=3, average="micro")
MASK = 2**64 - 1
STEP = 0x9E3779B97F4A7C15
BY_ROW = "without ids a row's draws depend on its place in its batch, and multinomial ones always"
SPLITS = ("one update", "merge of two", "merge of three", "permuted", "garbage", "empty batches", "row by row", "integer weights", "floating weights", "scaled weights", "ranks", "forward")


def mixed(word: int) -> int:
    """Mix the bits of a word as `metrics/core/draws.h` does."""
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & MASK
    return word ^ (word >> 31)


def uniform(seed: int, resample: int, key: int) -> float:
    """Draw a multiple of 2^-53 in [0, 1)."""
    own = mixed((mixed((seed + STEP) & MASK) + STEP * resample) & MASK)
    return (mixed((mixed(own ^ (key & MASK)) + own) & MASK) >> 11) * 2.0**-53


def poisson(drawn: float) -> int:
    """Invert the distribution function of Poisson(1)."""
    share = below = 0.36787944117144233
    count = 0
    while drawn >= below and count < 18:
        count += 1
        share /= count
        below += share
    return count


def keys_without_ids(rows: int, batch: int) -> list:
    """Return what the draws of the first rank are keyed by where there are no ids."""
    of_batch = mixed((mixed(1) + batch) & MASK)
    return [mixed((of_batch + row) & MASK) for row in range(rows)]


def rows_of(strategy: str, seed: int, resample: int, keys: list) -> torch.Tensor:
    """List the rows that a resample has of a batch."""
    drawn = [uniform(seed, resample, key) for key in keys]
    if strategy == "multinomial":
        return torch.tensor([min(int(u * len(keys)), len(keys) - 1) for u in drawn], dtype=torch.long)
    return torch.tensor([row for row, u in enumerate(drawn) for _ in range(poisson(u))], dtype=torch.long)


def summary(values: torch.Tensor, options: dict) -> dict:
    """Return what the options ask for."""
    found = {"mean": values.mean(0)} if options.get("mean", True) else {}
    if options.get("std", True):
        found["std"] = values.std(0)
    if options.get("quantile") is not None:
        found["quantile"] = torch.quantile(values, torch.tensor(options["quantile"]), dim=0)
    if options.get("raw", False):
        found["raw"] = values
    return found


def resampled(options: dict, all_keys: list):
    """Return the values of one batch and of all: `all_keys` has for each batch what its draws are keyed by."""
    base, strategy, seed = options["base_metric"], options.get("sampling_strategy", "poisson"), options.get("seed", 0)

    def value(batches: list, keys: list) -> dict:
        values = []
        for resample in range(options.get("num_bootstraps", 10)):
            metric = create(base["name"], base["options"])
            for batch, own in zip(batches, keys):
                rows = rows_of(strategy, seed, resample, own)
                if len(rows) > 0:
                    metric.update(**{k: v[rows] for k, v in batch.items()})
            values.append(metric.compute())
        return summary(torch.stack(values), options)

    batches_seen = iter(range(len(all_keys)))

    def forward(batch: dict) -> dict:
        return value([batch], [all_keys[next(batches_seen)]])

    return {"forward_by": forward, "final_by": lambda batches: value(batches, all_keys)}


def misuses(stem: Stem) -> None:
    """What is refused."""
    refuse = lambda name, word, options, batches=(), **more: stem.refuse(
        Misuse(f"BootStrapper/{name}", "BootStrapper", options, word, list(batches), **more)
    )
    refuse("no metric", "base_metric", {})
    refuse("a number as a metric", "base_metric", {"base_metric": 7})
    refuse("unknown strategy", "sampling_strategy", {"base_metric": ACCURACY, "sampling_strategy": "jackknife"})
    refuse("num_bootstraps of another type", "num_bootstraps", {"base_metric": ACCURACY, "num_bootstraps": 2.5})
    refuse("num_bootstraps=0", "num_bootstraps", {"base_metric": ACCURACY, "num_bootstraps": 0}, reason="torchmetrics fails at `compute`")
    refuse("a quantile above 1", "quantile", {"base_metric": ACCURACY, "quantile": 1.5}, reason="torchmetrics fails at `compute`")
    refuse("unknown option", "num_bootstrap", {"base_metric": ACCURACY, "num_bootstrap": 3})
    refuse("inputs without rows", "rows", {"base_metric": named("MeanMetric")}, [{"value": 1.5}])
    three, two = torch.ones(3), torch.ones(2)
    refuse("inputs of several lengths", "rows", {"base_metric": named("MeanSquaredError")}, [{"preds": three, "target": two}])


def write(stem: Stem) -> None:
    """Write all cases."""
    misuses(stem)

    def add(name: str, batches: list, ids=None, excludes=None, **options) -> None:
        sizes = [len(next(iter(b.values()))) for b in batches]
        keys = [i.tolist() for i in ids] if ids else [keys_without_ids(n, batch) for batch, n in enumerate(sizes)]
        why = "draws are keyed by seed, resample and sample, not taken from a generator that goes on"
        own = {"reason": why, "reference": "torchmetrics' metric on the rows that the same draws give, made again in Python"}
        excluded = {} if ids else {way: BY_ROW for way in SPLITS}
        stem.add(Case(f"BootStrapper/{name}", "BootStrapper", options, batches, ids=ids, excludes=excluded | (excludes or {}), **own, **resampled(options, keys)))

    draws = Draws("bootstrapping/ids")
    labels = multiclass("bootstrapping/labels", "labels", 3)
    ids = [torch.tensor(draws.shuffled(list(range(100 * i, 100 * i + len(b["target"]))))) for i, b in enumerate(labels)]
    add("ids", labels, ids, base_metric=ACCURACY)
    add("ids, all that there is", labels, ids, base_metric=ACCURACY, num_bootstraps=7, quantile=[0.25, 0.5, 0.95], raw=True)
    add("ids, one quantile alone", labels, ids, base_metric=ACCURACY, mean=False, std=False, quantile=0.9)
    add("ids, another seed", labels, ids, base_metric=ACCURACY, seed=17, raw=True)
    add("ids, pairs", pairs("bootstrapping/pairs"), [torch.arange(5), torch.arange(5, 7), torch.arange(7, 15)], base_metric=named("MeanSquaredError"), raw=True)
    add("without ids", labels, base_metric=ACCURACY, raw=True)
    add("multinomial", labels, base_metric=ACCURACY, raw=True, sampling_strategy="multinomial")
    add("multinomial, a state that grows", binary("bootstrapping/binary", "probabilities"), base_metric=named("BinaryAUROC"), raw=True, sampling_strategy="multinomial")
