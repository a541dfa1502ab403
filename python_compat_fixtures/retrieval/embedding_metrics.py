"""Cases of `EmbeddingMetrics`, played by the real open-metric-learning."""

import torch
from cases import Case, Misuse, Stem
from draws import Draws
from metric_learning import OML, EmbeddingMetrics, source

METRIC = "EmbeddingMetrics"
TIES = "of equal distances the lower id comes first, without ids what is not relevant; OML takes what torch.topk gives"
BY_LISTS = "OML's functional, given each query's items in the order of distance and id"
FINITE = "embeddings that are not finite have no distances; OML says that distances are not sorted, or leaves them out"
NO_QUERY = "a mean over no queries is NaN; OML fails on lists of nothing"
BY_DEFINITION = "the mean of nothing, and components as OML counts them"
NOTHING = "a quantile of no distances is NaN; OML fails on it"
COPIES = "copies of a sample say the same of it; OML knows of a sample by its id alone"
FLAGS = "flags are bool; OML takes indices, which any numbers give"
LABELS = "labels are integers; OML takes any numbers"
LENGTHS = "each sample has one; OML only counts queries and gallery"
SHAPE = "embeddings are [N, D], of floating numbers"
IN_DOUBLE = "distances are compared in float64; OML's are float32"
EARLY = "an option that cannot be is refused where it is given; OML looks at values alone"


def samples(name: str, *args, **more) -> list:
    """Draw batches as `drawn` does, again until float32 can tell the distances apart that matter."""
    return next(batches for i in range(100) if apart(batches := drawn(f"{name}/{i}", *args, **more)))


def drawn(name: str, sizes=(9, 1, 12), columns: int = 4, labels: int = 4, scale: float = 1.0, sequences: int = 0, categories: int = 0) -> list:
    """Draw batches of samples, each a query, of the gallery, or both."""
    draws, count = Draws(f"embeddings/{name}"), sum(sizes)
    given = {"embeddings": draws.values((count, columns)) * scale, "labels": draws.integers(count, 0, labels)}
    role = draws.integers(count, 0, 3)
    role[[sum(sizes[:i]) for i in range(len(sizes))]] = 2  # each batch has a query: OML fails without
    given |= {"is_query": role != 1, "is_gallery": role != 0}
    if sequences or categories:
        given["sequence_ids"] = draws.integers(count, 0, sequences) if sequences else None
    if categories:
        given["categories"] = draws.integers(count, 0, categories) * 7 - 3
    parts = {k: v.split(list(sizes)) if v is not None else [None] * len(sizes) for k, v in given.items()}
    return [{k: v[i] for k, v in parts.items()} for i in range(len(sizes))]


def whole(batches: list) -> dict:
    """Join batches."""
    return {k: torch.cat([b[k] for b in batches]) for k in batches[0] if batches[0][k] is not None}


def apart(batches: list) -> bool:
    """Tell whether no query has a relevant and another item at distances so near that float32 may take one for the other."""
    given = whole(batches)
    x, labels = given["embeddings"].double(), given["labels"]
    squares, order = (x[:, None] - x[None]).square().sum(2)[given["is_query"]][:, given["is_gallery"]].sort(1)
    alike = (labels[given["is_query"]][:, None] == labels[given["is_gallery"]]).gather(1, order)
    rounding = 2e-6 * x.square().sum(1).max()
    return not bool(((squares.diff(dim=1) < rounding) & (alike[:, 1:] != alike[:, :-1])).any())


def by_lists(options: dict, ids: bool = False):
    """Return the value that OML's functional gives of lists in the stated order, and of nothing else."""

    def value(batches: list) -> dict:
        given = whole(batches)
        x, labels = given["embeddings"].double(), given["labels"]
        gallery = torch.nonzero(given["is_gallery"]).view(-1)
        retrieved, truths = [], []
        for q in torch.nonzero(given["is_query"]).view(-1).tolist():
            alike = labels[gallery] == labels[q]
            there = gallery != q
            squares = (x[gallery] - x[q]).square().sum(1)
            order = sorted(torch.nonzero(there).view(-1).tolist(), key=lambda g: (squares[g].item(), not ids and alike[g].item(), gallery[g].item()))
            retrieved.append(torch.tensor(order, dtype=torch.int64))
            truths.append(torch.nonzero(alike & there).view(-1))
        found = OML.of_lists(retrieved, truths, verbose=False, **{k: tuple(v) for k, v in options.items() if k.endswith("_top_k")})
        return {k: v.reshape(()) for k, v in OML.flat({"OVERALL": found}).items()}

    return value


def misuses(stem: Stem) -> None:
    """Write what must be refused."""
    refuse = lambda name, options, word, batches=(), **more: stem.refuse(Misuse(f"{METRIC}/{name}", METRIC, options, word, list(batches), **more))
    refuse("unknown option", {"top_k": 3}, "top_k")
    for option in ("cmc_top_k", "precision_top_k", "map_top_k"):
        for value in ([0], [5, -1], [1.5], "all"):
            refuse(f"{option}={value!r}", {option: value}, option)
    for option in ("fmr_vals", "pcf_variance"):
        for value in ([-0.25], [0.5, 1.5], "half"):
            refuse(f"{option}={value!r}", {option: value}, option)
    refuse("return_only_overall_category=1", {"return_only_overall_category": 1}, "return_only_overall_category")
    for value in (0, -3, 1.5):
        refuse(f"num_samples={value!r}", {"num_samples": value}, "num_samples")
    good = samples("misuse", (8,))[0]
    bad = lambda name, word, why=None, options=None, **inputs: refuse(name, options or {}, word, [good, {**good, **inputs}], reason=why)
    refuse("no labels", {}, "labels", [good, {k: v for k, v in good.items() if k != "labels"}])
    refuse("unknown input", {}, "preds", [good, {**good, "preds": good["labels"]}])
    bad("labels of another length", "labels", labels=good["labels"][:5])
    bad("a column of labels", "labels", labels=good["labels"].unsqueeze(1))
    bad("floating labels", "labels", LABELS, labels=good["labels"].float())
    bad("is_query of integers", "is_query", FLAGS, is_query=good["is_query"].long())
    bad("is_gallery of another length", "is_gallery", is_gallery=good["is_gallery"][:5])
    bad("embeddings of another size", "embeddings", embeddings=good["embeddings"][:, :3])
    bad("one dimension", "embeddings", embeddings=good["embeddings"][:, 0])
    bad("integer embeddings", "embeddings", SHAPE, embeddings=good["embeddings"].long())
    spoilt = good["embeddings"].clone()
    spoilt[2, 1] = float("nan")
    bad("a NaN embedding", "row 2", FINITE, embeddings=spoilt)
    bad("an infinite embedding", "row 2", FINITE, embeddings=spoilt.nan_to_num(float("inf")))
    bad("categories of another length", "categories", sequence_ids=None, categories=good["labels"][:5])


def write(stem: Stem) -> None:
    """Write the cases."""
    stem.source = source()
    misuses(stem)

    def case(name: str, options: dict, batches: list, why: str | None = None, **more) -> None:
        given = Case(f"{METRIC}/{name}", METRIC, options, batches, **more)
        if why:
            given.reason = why
        elif not apart(batches):
            raise AssertionError(f"{name}: two distances that float32 may take for each other, and the case is not marked so")
        stem.add(given)

    case("samples", {}, samples("plain"))
    case("many samples", {"cmc_top_k": [1, 5, 10], "precision_top_k": [1, 5, 10], "map_top_k": [1, 5, 10]}, samples("many", (40, 30, 25), 8, 7))
    case("one column", {}, samples("column", columns=1))
    case("many columns", {"pcf_variance": [0.1, 0.5, 0.9]}, samples("columns", (14, 1, 9), 70))
    for option in ("cmc_top_k", "precision_top_k", "map_top_k"):
        for value in ([1], [2, 3], [100]):
            case(f"{option}={value}", {option: value}, samples(f"top/{value}", (14, 9), labels=3))
        case(f"{option}=[]", {option: []}, samples("plain"))
    for value in ([], [0.1], [0.25, 0.75], [0.0, 1.0], [0.5, 0.25, 0.5]):
        case(f"fmr_vals={value}", {"fmr_vals": value}, samples("fmr", (11, 8), labels=3))
    for value in ([], [0.25], [0.0, 0.75, 0.9], [0.5, 0.25]):
        case(f"pcf_variance={value}", {"pcf_variance": value}, samples("pcf", (11, 8)))
    case("sequences", {"fmr_vals": [0.25]}, samples("sequences", (12, 14), labels=3, sequences=9))
    case("one sequence", {}, [{**b, "sequence_ids": torch.zeros_like(b["labels"])} for b in samples("sequence", (6, 5), labels=2)])
    case("categories", {}, samples("categories", (14, 12), labels=3, categories=3))
    case("categories and sequences", {"fmr_vals": [0.5]}, samples("both", (14, 12), labels=3, sequences=8, categories=3))
    case("return_only_overall_category=True", {"return_only_overall_category": True}, samples("categories", (14, 12), labels=3, categories=3))
    case("a label each", {}, [{**b, "labels": torch.arange(len(b["labels"])) + 100 * i} for i, b in enumerate(samples("each", (9, 6)))])
    case("one label", {}, samples("one", (9, 6), labels=1))
    case("any numbers as labels", {}, [{**b, "labels": torch.tensor([-(2**63), 2**63 - 1, -1, 2**40])[b["labels"]]} for b in samples("far")])
    case("labels int32", {}, [{**b, "labels": b["labels"].int()} for b in samples("int32")])
    case("queries without relevant items", {}, [{**b, "labels": torch.where(b["is_query"], 5, b["labels"])} for b in samples("without")])
    case("no gallery", {}, [{**b, "is_query": torch.ones_like(b["is_query"]), "is_gallery": torch.zeros_like(b["is_query"])} for b in samples("gallery", (5, 4))])
    both = lambda b: {**b, "is_query": torch.ones_like(b["is_query"]), "is_gallery": torch.ones_like(b["is_query"])}
    case("each a query and in the gallery", {"fmr_vals": [0.1]}, [both(b) for b in samples("two", (9, 7), labels=3)])
    case("one sample", {"pcf_variance": [0.0, 0.5, 1.0]}, [both(b) for b in samples("alone", (1,))])
    case("float64", {}, [{**b, "embeddings": b["embeddings"].double()} for b in samples("double")])
    case("float16", {}, [{**b, "embeddings": b["embeddings"].half()} for b in samples("half", (6, 5), 3, scale=1 / 4)])
    case("far from the origin", {}, [{**b, "embeddings": b["embeddings"] + 1000} for b in samples("offset")], None)
    case("small numbers", {"fmr_vals": [0.25]}, samples("small", (9, 7), scale=2.0**-40))
    count = lambda batches: [len(b["labels"]) for b in batches]
    order = lambda name, sizes: list(torch.tensor(Draws(f"embeddings/ids/{name}").shuffled(range(sum(sizes)))).split(sizes))
    parts = {way: "a part of the samples is an error" for way in ("reset", "clone", "saved half-way", "ranks")}
    case("num_samples", {"num_samples": 15}, samples("expected", (15,)), ids=order("expected", [15]), excludes=parts)
    once = samples("ids", (9, 4, 12))
    case("sample ids, each once", {"fmr_vals": [0.25]}, once, ids=order("once", count(once)))
    again = [*once, {k: v.flip(0) for k, v in once[0].items()}, {k: torch.cat([once[2][k][:3], once[1][k]]) for k in once[0]}]
    first, second, third = order("again", count(once))
    repeated = [first, second, third, first.flip(0), torch.cat([third[:3], second])]
    stem.add(Case(f"{METRIC}/sample ids, some again", METRIC, {}, again, ids=repeated))
    six, four = torch.tensor([1, 0, 1, 1, 0, 1]).bool(), torch.tensor([0, 1, 1, 1]).bool()
    case("rows that do not count", {}, samples("valid", (6, 4)), valid=[six, four])

    ties = [{**both(b), "embeddings": (b["embeddings"] / 64).round()} for b in samples("ties", (14, 1, 11), 2, 3)]
    options = {"cmc_top_k": [1, 2], "precision_top_k": [1, 3], "map_top_k": [3, 5], "pcf_variance": []}
    tied = lambda name, batches, **more: stem.add(
        Case(f"{METRIC}/{name}", METRIC, options, batches, reason=TIES, reference=BY_LISTS, forward_by=lambda b: by_lists(options)([b]), final_by=by_lists(options), **more)
    )
    tied("ties", ties)
    tied("all at one place", [{**b, "embeddings": torch.ones_like(b["embeddings"])} for b in ties])
    nothing = lambda fmr: lambda batches: {
        **{f"OVERALL/{name}/5": torch.tensor(float("nan")) for name in ("cmc", "precision", "map")},
        "OVERALL/pcf/0.5": OML.components(whole(batches)["embeddings"].float(), (0.5,))["pcf"][0.5],
        **({"OVERALL/fnmr@fmr/0.25": torch.tensor(float("nan"))} if fmr else {}),
    }
    no_query = [{**b, "is_query": torch.zeros_like(b["is_query"]), "is_gallery": torch.ones_like(b["is_query"])} for b in samples("no query", (6, 5))]
    for fmr in ([], [0.25]):
        case(f"no queries, fmr_vals={fmr}", {"fmr_vals": fmr}, no_query, NO_QUERY, reference=BY_DEFINITION, forward_by=lambda b: nothing(fmr)([b]), final_by=nothing(fmr))
    alone = samples("one", (9, 6), labels=1)
    quantile = lambda batches: EmbeddingMetrics()(**whole(batches)) | {"OVERALL/fnmr@fmr/0.25": torch.tensor(float("nan"))}
    case("one label, fmr_vals=[0.25]", {"fmr_vals": [0.25]}, alone, NOTHING, reference="OML without `fmr_vals`, and NaN", forward_by=lambda b: quantile([b]), final_by=quantile)

    stem.require(
        METRIC,
        {
            "cmc_top_k": [[1], [2, 3], []],
            "precision_top_k": [[1], [2, 3], []],
            "map_top_k": [[1], [2, 3], []],
            "fmr_vals": [[0.1], [0.25, 0.75]],
            "pcf_variance": [[0.25], []],
            "return_only_overall_category": [False, True],
            "num_samples": [None],  # an error where it is another number
        },
    )
