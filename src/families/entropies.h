#pragma once

#include "contingency.h"

#include <vector>

namespace metrics::families {

/// The entropy of labels that occur so often, in nats: Σ a / n log(n / a), exactly 0 of a single label and of none.
double entropy(const std::vector<double>& counts, double all);

/// What predictions and targets tell of one another, in nats: Σ c / n log(c n / (a b)) over the pairs of the table, and
/// not below 0. Terms of pairs that are as frequent as if the two were independent are 0 without rounding.
double mutual_information(const Contingency& table);

}  // namespace metrics::families
