"""Precision and recall by the number of documents, and the greatest recall where precision is enough."""

import retrieval_family
from cases import Stem
from retrieval_family import Member

CURVE = {"top": "max_k", "tops": (1, 2, 5, 15), "every": False}


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    retrieval_family.write(stem, Member("RetrievalPrecisionRecallCurve", "retrieval_precision_recall_curve", arguments={"adaptive_k": [False, True]}, **CURVE))
    chosen = {"min_precision": [0.0, 0.25, 0.5, 0.8], "adaptive_k": [False, True]}
    retrieval_family.write(stem, Member("RetrievalRecallAtFixedPrecision", arguments=chosen, **CURVE))
