#pragma once

#include "families/contingency.h"

namespace metrics::clustering {

/// Ordered pairs of samples by what the clusterings say of them. Each is exact until it is rounded at the end.
struct SamplePairs {
  double both = 0;         ///< In one cluster of each.
  double pred_only = 0;    ///< In one cluster of the predictions alone.
  double target_only = 0;  ///< In one of the target alone.
  double neither = 0;
};

SamplePairs sample_pairs_of(const families::Contingency& table);

}  // namespace metrics::clustering
