#include "families/entropies.h"
#include "families/numbers.h"
#include <metrics/clustering/homogeneity_completeness_v_measure.h>
#include <metrics/core/define.h>

#include <cmath>
#include <sstream>

namespace metrics {

namespace {

/// As much of the entropy of one clustering as the other one tells; 1 where there is none.
double told(const families::Contingency& table, const std::vector<double>& labels) {
  const double entropy = families::entropy(labels, table.all);
  return entropy == 0 ? 1 : families::mutual_information(table) / entropy;
}

double homogeneity(const families::Contingency& table) {
  return table.cells.empty() ? 0 : told(table, table.rows);
}

double completeness(const families::Contingency& table) {
  return told(table, table.columns);
}

}  // namespace

Tensor scores::Homogeneity::value(const families::Contingency& table) {
  return families::result_of(homogeneity(table), table);
}

Tensor scores::Completeness::value(const families::Contingency& table) {
  return families::result_of(completeness(table), table);
}

void scores::VMeasure::check(const VMeasureScoreOptions& options) {
  if (options.beta > 0 && std::isfinite(options.beta)) return;
  std::ostringstream message;
  message << "option `beta` expects a finite number above 0, got " << options.beta;
  throw InvalidArgument(message.str());
}

Tensor scores::VMeasure::value(const families::Contingency& table, const VMeasureScoreOptions& options) {
  const double h = homogeneity(table), c = completeness(table);
  return families::result_of(families::ratio((1 + options.beta) * h * c, options.beta * h + c), table);
}

METRICS_DEFINE_CLASS(HomogeneityScore);
METRICS_DEFINE_CLASS(CompletenessScore);
METRICS_DEFINE_CLASS(VMeasureScore);

}  // namespace metrics
