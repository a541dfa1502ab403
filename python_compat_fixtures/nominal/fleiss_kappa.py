"""Fleiss' kappa."""

import torch
from cases import Case, Misuse, Stem
from draws import Draws

METRIC, FUNCTIONAL = "FleissKappa", "fleiss_kappa"
TOLERANCE = {"rtol": 1e-5, "atol": 2e-6}
NEGATIVE = "torchmetrics takes it, and adds"
NOTHING = "a value of nothing is NaN; torchmetrics throws"
MORE = "there are as many categories as scores; torchmetrics fails at one beyond the number of raters"


def counts(name: str, sizes=(20, 1, 7), categories: int = 4, raters: int = 6) -> list:
    """Draw the ratings of so many raters, and count them."""
    draws = Draws(f"nominal/{METRIC}/{name}")
    one = lambda n: torch.nn.functional.one_hot(draws.integers((n, raters), 0, categories) * draws.integers((n, raters), 0, 2), categories).sum(1)
    return [{"ratings": one(n)} for n in sizes]


def kappa(table: torch.Tensor) -> torch.Tensor:
    """Compute it by its definition in float64."""
    table = table.double()
    if not len(table):
        return torch.tensor(float("nan"))
    raters = table.sum(1).max()
    agreed = ((table**2).sum(1) - raters).mean() / (raters * (raters - 1))
    chance = ((table.sum(0) / (len(table) * raters)) ** 2).sum()
    return ((agreed - chance) / (1 - chance + 1e-5)).float()


def by_definition(batches: list, options: dict) -> torch.Tensor:
    """Compute it of batches."""
    counted = lambda r: torch.nn.functional.one_hot(r.argmax(1), r.shape[1]).sum(1) if options.get("mode") == "probs" else r
    return kappa(torch.cat([counted(b["ratings"]) for b in batches]))


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    ones = torch.ones((3, 4), dtype=torch.int64)
    stem.refuse(Misuse(f"{METRIC}/an unknown mode", METRIC, {"mode": "votes"}, "mode"))
    refuse = lambda name, options, ratings, contains="ratings", **more: stem.refuse(Misuse(f"{METRIC}/{name}", METRIC, options, contains, [{"ratings": ratings}], **more))
    refuse("floating counts", {}, ones.float())
    refuse("counts of three dimensions", {}, ones.view(3, 2, 2))
    refuse("a negative count", {}, -ones, "negative", reason=NEGATIVE)
    refuse("counts for scores", {"mode": "probs"}, ones)
    refuse("integers for scores", {"mode": "probs"}, torch.ones((2, 3, 4), dtype=torch.int64))
    stem.refuse(Misuse(f"{METRIC}/another number of categories", METRIC, {}, "counts", [{"ratings": ones}, {"ratings": ones[:, :3]}], reason="torchmetrics fails in compute"))
    case = lambda name, batches, options=None, **more: stem.add(Case(f"{METRIC}/{name}", METRIC, options or {}, batches, FUNCTIONAL, tolerance=TOLERANCE, **more))
    case("counts", counts("counts"))
    case("two raters", counts("two", raters=2))
    case("many categories", counts("many", (30, 9), 25, 5))
    case("uneven numbers of raters", [{"ratings": torch.tensor([[3, 1], [2, 0], [1, 1], [4, 0]])}])
    case("all agree", [{"ratings": torch.tensor([[4, 0], [0, 4], [4, 0]])}])
    case("one category", [{"ratings": torch.tensor([[4, 0], [4, 0]])}])
    case("one rater", [{"ratings": torch.tensor([[1, 0], [0, 1]])}])
    case("one sample", counts("one", (1,)))
    for dtype in (torch.uint8, torch.int32):
        # torchmetrics squares in the inputs' dtype: small counts are the same in all.
        case(str(dtype).removeprefix("torch."), [{"ratings": b["ratings"].to(dtype)} for b in counts("types")])
    draws = Draws(f"nominal/{METRIC}/scores")
    scores = lambda sizes, categories, raters: [{"ratings": draws.untied((n, categories, raters))} for n in sizes]
    case("scores", scores((9, 4), 4, 6), {"mode": "probs"})
    rated = lambda batches: by_definition(batches, {"mode": "probs"})
    by = {"forward_by": lambda b: rated([b]), "final_by": rated, "reason": MORE, "reference": "the definition in float64"}
    case("more categories than raters", scores((9, 4), 7, 3), {"mode": "probs"}, **by)
    of_counts = lambda batches: by_definition(batches, {})
    by = {"forward_by": lambda b: of_counts([b]), "final_by": of_counts, "reason": NOTHING, "reference": "the definition in float64"}
    case("an empty batch", counts("empty", (9, 0, 8)), **by)
    case("nothing", counts("nothing", (0,)), **by)
    stem.require(METRIC, {"mode": ["probs"]})
