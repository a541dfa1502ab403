#include "families/mean_over_pairs.h"
#include <metrics/regression/mae.h>

namespace metrics {

struct terms::AbsoluteError::Formula {
  template <class N>
  METRICS_INLINE N operator()(const N& x, const N& y) const {
    return formula::magnitude(N(x - y));
  }
};

auto terms::AbsoluteError::formula(const Options&) -> Formula {
  return {};
}

METRICS_DEFINE(definitions::MeanAbsoluteError);

Tensor functional::mean_absolute_error(const Tensor& preds, const Tensor& target,
                                       const MeanAbsoluteErrorOptions& options) {
  return compute_once<definitions::MeanAbsoluteError>(options, preds, target);
}

}  // namespace metrics
