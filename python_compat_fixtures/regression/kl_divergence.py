"""Kullback-Leibler divergence."""

import distributions
import mpmath
from cases import Stem


def divergence(p: list, q: list) -> mpmath.mpf:
    """Compute that of two rows."""
    return sum((x * mpmath.log(x / y) for x, y in zip(p, q) if x), mpmath.mpf(0))


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    distributions.write(stem, "KLDivergence", "kl_divergence", divergence)
