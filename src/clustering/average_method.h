#pragma once

#include <metrics/clustering/label_pairs.h>

namespace metrics::clustering {

/// The mean of two entropies, neither below 0.
double average(AverageMethod method, double a, double b);

}  // namespace metrics::clustering
