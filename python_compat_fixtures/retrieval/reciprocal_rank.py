"""Mean reciprocal rank."""

import retrieval_family
from cases import Stem
from retrieval_family import NEVER, Member


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    retrieval_family.write(stem, Member("RetrievalMRR", "retrieval_reciprocal_rank", unchecked=NEVER, sign=True))
