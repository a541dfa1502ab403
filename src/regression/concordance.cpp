#include "correlation.h"
#include "families/formula.h"
#include "families/numbers.h"
#include "families/pairs.h"
#include "kernels/pairs/moments.h"
#include <metrics/core/define.h>
#include <metrics/core/warning.h>
#include <metrics/regression/concordance.h>

#include <ATen/ops/maximum.h>

#include <algorithm>
#include <limits>

namespace metrics {

namespace {

double larger(double a, double b) {
  return std::max(a, b);
}
Tensor larger(const Tensor& a, const Tensor& b) {
  return at::maximum(a, b);
}

}  // namespace

namespace definitions {

Tensor ConcordanceCorrCoef::finalise(const States& states, const Options&) {
  bool all_defined = true;
  const auto concordance = [&](const auto& var_x, const auto& var_y, const auto& corr_xy, const auto& mean_x,
                               const auto& mean_y, const auto& max_x, const auto& max_y, const auto& n) {
    using families::chosen, kernels::pairs::scale;
    using namespace regression;
    const auto defined = both(varies(var_x), varies(var_y));
    all_defined = all_defined && holds_for_all(defined);
    // All in one scale, that of the largest distance.
    const auto apart = mean_x - mean_y;
    const auto of_all = scale(larger(larger(max_x, max_y), families::formula::magnitude(apart)));
    const auto by_x = of_all / scale(max_x), by_y = of_all / scale(max_y);
    const auto distance = apart * of_all;
    const auto size =
        var_x * by_x * by_x + var_y * by_y * by_y + distance * distance * families::formula::at_least(n - 1, 0.0);
    // What is masked must not be divided by 0 either: its derivative would be NaN for all.
    const auto value = 2 * corr_xy * by_x * by_y / chosen(defined, size, 1.0);
    return chosen(defined, value, std::numeric_limits<double>::quiet_NaN());
  };
  const auto held = [&](const char* name) { return states[name].tensor(); };
  const Tensor value =
      families::value_of(concordance, held("var_x"), held("var_y"), held("corr_xy"), held("mean_x"), held("mean_y"),
                         held("max_abs_dev_x"), held("max_abs_dev_y"), held("n_total"));
  if (states.update_count() > 0 && !all_defined) {
    warn("ConcordanceCorrCoef: predictions or targets do not vary, or are not finite: their concordance is NaN");
  }
  return families::pairs::of_outputs(value);
}

Tensor ConcordanceCorrCoef::functional_value(const Tensor& preds, const Tensor& target, const Rows& rows) {
  const int64_t columns = preds.dim() == 2 ? preds.size(1) : 1;
  // A vector, also of one output, as in torchmetrics.
  return MetricOf<ConcordanceCorrCoef>::value_of({.num_outputs = columns}, {preds, target}, rows).reshape({columns});
}

}  // namespace definitions

METRICS_DEFINE_CLASS(ConcordanceCorrCoef);

}  // namespace metrics
