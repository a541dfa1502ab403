"""Precision of the first documents."""

import retrieval_family
from cases import Stem
from retrieval_family import Member


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    retrieval_family.write(stem, Member("RetrievalPrecision", "retrieval_precision", ranks={"top_k": 2}, sign=True, arguments={"adaptive_k": [False, True]}, every=False))
