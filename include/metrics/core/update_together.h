#pragma once

#include <metrics/core/batch_inputs.h>
#include <metrics/core/metric.h>
#include <metrics/export.h>

#include <functional>
#include <initializer_list>
#include <span>
#include <vector>

namespace metrics {

/// Updates several metrics with one batch: those with equal update keys share one pass over it. All or nothing: when
/// one throws, none has changed. A metric that is given twice is updated once. Throws what the metrics' own updates
/// throw.
METRICS_API void update_together(std::span<Metric* const> metrics, const Args& args, const Kwargs& kwargs,
                                 const Rows& rows);

/// The same with inputs given by position as each of them takes it:
///   update_together({accuracy, f1, auroc}, preds, target);
template <class... Inputs>
void update_together(std::initializer_list<std::reference_wrapper<Metric>> metrics, const Inputs&... inputs) {
  std::vector<Metric*> all;
  all.reserve(metrics.size());
  for (Metric& metric : metrics) all.push_back(&metric);
  const BatchInputs batch = batch_inputs(inputs...);
  update_together(all, batch.args, batch.kwargs, batch.rows);
}

}  // namespace metrics
