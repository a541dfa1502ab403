#include "correlation.h"
#include "families/formula.h"
#include "families/numbers.h"
#include "families/pairs.h"
#include <metrics/core/define.h>
#include <metrics/core/warning.h>
#include <metrics/regression/pearson.h>

#include <limits>

namespace metrics {

namespace definitions {

Tensor PearsonCorrCoef::finalise(const States& states, const Options&) {
  bool all_defined = true;
  const auto correlation = [&](const auto& var_x, const auto& var_y, const auto& corr_xy) {
    using families::chosen, families::formula::root;
    using namespace regression;
    const auto defined = both(varies(var_x), varies(var_y));
    all_defined = all_defined && holds_for_all(defined);
    // What is masked must not be divided by 0 either: its derivative would be NaN for all.
    const auto deviation = [&](const auto& var) { return root(chosen(defined, var, 1.0)); };
    const auto value = corr_xy / deviation(var_x) / deviation(var_y);
    return chosen(defined, within_one(value), std::numeric_limits<double>::quiet_NaN());
  };
  const Tensor value =
      families::value_of(correlation, states["var_x"].tensor(), states["var_y"].tensor(), states["corr_xy"].tensor());
  if (states.update_count() > 0 && !all_defined) {
    warn("PearsonCorrCoef: predictions or targets do not vary, or are not finite: their correlation is NaN");
  }
  return families::pairs::of_outputs(value);
}

Tensor PearsonCorrCoef::functional_value(const Tensor& preds, const Tensor& target, const Rows& rows) {
  const int64_t columns = preds.dim() == 2 ? preds.size(1) : 1;
  return families::pairs::of_outputs(MetricOf<PearsonCorrCoef>::value_of({.num_outputs = columns}, {preds, target}, rows));
}

}  // namespace definitions

METRICS_DEFINE_CLASS(PearsonCorrCoef);

}  // namespace metrics
