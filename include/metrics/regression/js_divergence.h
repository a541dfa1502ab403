#pragma once

#include <metrics/regression/divergences.h>

namespace metrics {

namespace divergences {

struct JensenShannon;

}  // namespace divergences

/// Computes how far rows of `p` and of `q` are from one another: half the sum of their Kullback-Leibler divergences
/// from the mean of both, from 0 to log 2. `p` and `q`: [N, D] alike, probabilities, which are divided by the sums of
/// their rows, or with `log_prob` their logarithms; real dtypes, also two different ones. A scalar, [N] for all rows so
/// far with `reduction` none, which keeps a number for each. NaN, with a sum 0, before the first row. Differentiable.
/// Throws InvalidArgument for shapes that differ or have not two dimensions, and for complex inputs. Source:
/// torchmetrics' JensenShannonDivergence.
METRICS_METRIC(JensenShannonDivergence, jensen_shannon_divergence, DivergenceOfRows<divergences::JensenShannon>);

}  // namespace metrics
