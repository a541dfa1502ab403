#include "families/mean_over_pairs.h"
#include <metrics/regression/mape.h>

namespace metrics {

struct terms::AbsolutePercentageError::Formula {
  double epsilon;

  template <class N>
  METRICS_INLINE N operator()(const N& x, const N& y) const {
    return formula::magnitude(N(x - y)) / formula::at_least(formula::magnitude(y), epsilon);
  }
};

auto terms::AbsolutePercentageError::formula(const Options&) -> Formula {
  return {.epsilon = 1.17e-06};
}

METRICS_DEFINE(definitions::MeanAbsolutePercentageError);

Tensor functional::mean_absolute_percentage_error(const Tensor& preds, const Tensor& target) {
  return compute_once<definitions::MeanAbsolutePercentageError>({}, preds, target);
}

}  // namespace metrics
