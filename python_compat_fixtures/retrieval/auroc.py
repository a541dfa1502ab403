"""Area under the receiver operating characteristic of queries."""

import retrieval_family
from cases import Stem
from retrieval_family import ABOVE_0, Member


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    retrieval_family.write(stem, Member("RetrievalAUROC", "retrieval_auroc", between=ABOVE_0, arguments={"max_fpr": [None, 0.25, 0.5]}, tops=(2, 5, 100), every=False))
