"""Mean reciprocal rank."""

import math

import retrieval_family
from cases import Stem

SIGN = "a score's sign means nothing in a ranking, and negative distances are scores; torchmetrics does not find relevant documents whose score is not above 0"
NEVER = "torchmetrics tests `not int and <= 0`, which is never true"


def reciprocal_rank(documents: list) -> float:
    """Divide 1 by the rank of the first relevant document with a score."""
    return next((1 / rank for rank, (score, relevance) in enumerate(documents, 1) if relevance and not math.isnan(score)), 0.0)


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    retrieval_family.write(stem, retrieval_family.Member("RetrievalMRR", "retrieval_reciprocal_rank", reciprocal_rank, unchecked=NEVER, sign=SIGN))
