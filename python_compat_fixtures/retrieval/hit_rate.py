"""Hit rate."""

import retrieval_family
from cases import Stem
from retrieval_family import Member


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    retrieval_family.write(stem, Member("RetrievalHitRate", "retrieval_hit_rate", ranks={"top_k": 2}))
