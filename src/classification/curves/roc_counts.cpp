#include "roc_counts.h"

namespace metrics::classification::curves {

CurveCounts as_roc(CurveCounts counts, const CurvePlan& plan) {
  warn_of_missing_samples(counts, plan);
  if (plan.bins() != nullptr) return counts;
  const bool with_thresholds = counts.thresholds.size() == counts.tp.size();
  counts.tp.insert(counts.tp.begin(), 0);
  counts.fp.insert(counts.fp.begin(), 0);
  if (with_thresholds) counts.thresholds.insert(counts.thresholds.begin(), 1.0);
  return counts;
}

}  // namespace metrics::classification::curves
