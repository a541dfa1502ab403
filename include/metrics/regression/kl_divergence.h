#pragma once

#include <metrics/regression/divergences.h>

namespace metrics {

namespace divergences {

struct KullbackLeibler;

}  // namespace divergences

/// Computes how far rows of `q` are from rows of `p`, Σ pᵢ log(pᵢ / qᵢ) of each row after both were divided by their
/// sums, where a p of 0 counts nothing; with `log_prob` Σ exp(pᵢ) (pᵢ - qᵢ). `p` and `q`: [N, D] alike, probabilities
/// or their logarithms; real dtypes, also two different ones. A scalar, [N] for all rows so far with `reduction` none,
/// which keeps a number for each. NaN, with a sum 0, before the first row. Differentiable. Throws InvalidArgument for
/// shapes that differ or have not two dimensions, and for complex inputs. Source: torchmetrics' KLDivergence.
METRICS_METRIC(KLDivergence, kl_divergence, DivergenceOfRows<divergences::KullbackLeibler>);

}  // namespace metrics
