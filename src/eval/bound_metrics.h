#pragma once

#include "request.h"
#include "table.h"
#include <metrics/collections/metric_collection.h>

#include <string>
#include <vector>

namespace metrics::eval {

/// An input, and the columns that it is made of: one, or several of numbers side by side.
struct BoundInput {
  std::string name;
  std::vector<std::string> columns;
  bool takes_texts = false;    ///< whether a metric takes texts for it
  bool takes_numbers = false;  ///< whether a metric takes something else

  bool comes_from(const BoundInput& other) const { return name == other.name && columns == other.columns; }
};

/// Metrics whose inputs come from the same columns, and so are updated together.
struct BoundMetrics {
  MetricCollection metrics;
  std::vector<BoundInput> inputs;
  bool draws_by_sample = false;  ///< whether one of them needs to know which sample a row is
};

/// Makes the metrics of a request and finds the columns of their inputs. Throws UsageError for metrics, options and
/// columns that there are not.
std::vector<BoundMetrics> bind_metrics(const Request& request, const Table& table);

}  // namespace metrics::eval
