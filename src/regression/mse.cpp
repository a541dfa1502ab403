#include "families/mean_over_pairs.h"
#include <metrics/regression/mse.h>

namespace metrics {

struct terms::SquaredError::Formula {
  template <class N>
  METRICS_INLINE N operator()(const N& x, const N& y) const {
    return families::formula::square(N(x - y));
  }
};

Tensor terms::SquaredError::value(const Tensor& sum, const Tensor& total, const Options& options) {
  const Tensor mean = sum.div(total);
  return options.squared ? mean : mean.sqrt();
}

METRICS_DEFINE_CLASS(MeanSquaredError);

}  // namespace metrics
