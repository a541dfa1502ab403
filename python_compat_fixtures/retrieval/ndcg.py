"""Normalised discounted cumulative gain."""

import retrieval_family
from cases import Stem
from retrieval_family import NAN_FIRST, Member


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    retrieval_family.write(stem, Member("RetrievalNormalizedDCG", "retrieval_normalized_dcg", graded=True, nan=NAN_FIRST, every=False))
