"""Mean average precision."""

import retrieval_family
from cases import Stem
from retrieval_family import NEVER, Member


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    retrieval_family.write(stem, Member("RetrievalMAP", "retrieval_average_precision", unchecked=NEVER, sign=True, every=False))
