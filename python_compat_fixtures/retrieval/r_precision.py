"""R-precision."""

import retrieval_family
from cases import Stem
from retrieval_family import ABOVE_0, Member


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    retrieval_family.write(stem, Member("RetrievalRPrecision", "retrieval_r_precision", between=ABOVE_0, top="", every=False))
