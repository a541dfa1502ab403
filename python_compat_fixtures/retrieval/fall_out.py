"""Fall-out."""

import retrieval_family
from cases import Stem
from retrieval_family import Member


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    retrieval_family.write(stem, Member("RetrievalFallOut", "retrieval_fall_out", ranks={"top_k": 2}, irrelevant=True, every=False))
