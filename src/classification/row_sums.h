#pragma once

#include "families/pairs.h"
#include <metrics/core/double_double.h>
#include <metrics/core/weights.h>

#include <cstdint>
#include <vector>

// Sums of what rows are worth, for metrics whose value is the mean of that.

namespace metrics::classification {

/// What each row is worth, in one number or in several beside each other.
struct RowValues {
  int64_t columns = 1;
  std::vector<double> values;  ///< [rows, columns]; 0 for rows that are left out.
  std::vector<int8_t> taken;   ///< [rows], 1 or 0.

  RowValues(int64_t rows, int64_t columns_of_each)
      : columns(columns_of_each),
        values(static_cast<std::size_t>(rows * columns_of_each)),
        taken(static_cast<std::size_t>(rows)) {}
};

/// The sum of each column, where rows weigh of the products.
std::vector<DoubleDouble> sums_of(const RowValues& rows, const Weights& weights);

/// How many rows are taken, or what they weigh. As many rows share a weight as there are for each.
families::pairs::PairCount number_of(const std::vector<int8_t>& taken, const Weights& weights);

}  // namespace metrics::classification
