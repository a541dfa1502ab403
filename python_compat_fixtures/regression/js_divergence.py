"""Jensen-Shannon divergence."""

import distributions
import mpmath
from cases import Stem


def divergence(p: list, q: list) -> mpmath.mpf:
    """Compute that of two rows."""
    mean = [(x + y) / 2 for x, y in zip(p, q)]
    return sum((x * mpmath.log(x / m) for side in (p, q) for x, m in zip(side, mean) if x), mpmath.mpf(0)) / 2


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    distributions.write(stem, "JensenShannonDivergence", "jensen_shannon_divergence", divergence)
