#pragma once

#include "curves.h"

// Metrics that look for one point of a ROC curve compare counts, because rates are rounded: equal ones may differ, and
// one may miss a minimum that the counts meet.

namespace metrics::classification::curves {

/// Returns the counts that `roc_points` makes rates of: an exact curve begins with threshold 1, which nothing reaches.
/// Warns as that does of samples that are missing.
CurveCounts as_roc(CurveCounts counts, const CurvePlan& plan);

/// Returns a rate, 0 without samples.
inline double fraction(double part, double whole) {
  return whole == 0 ? 0.0 : part / whole;
}

}  // namespace metrics::classification::curves
