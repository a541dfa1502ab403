"""Hit rate."""

import retrieval_family
from cases import Stem


def hit(documents: list) -> float:
    """Tell whether one of the first two documents is relevant."""
    return float(any(relevance > 0 for _, relevance in documents[:2]))


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    retrieval_family.write(stem, retrieval_family.Member("RetrievalHitRate", "retrieval_hit_rate", hit, ranks={"top_k": 2}))
