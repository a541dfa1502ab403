"""Recall of the first documents."""

import retrieval_family
from cases import Stem
from retrieval_family import Member


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    retrieval_family.write(stem, Member("RetrievalRecall", "retrieval_recall", ranks={"top_k": 2}, sign=True, every=False))
