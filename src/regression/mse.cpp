#include "families/mean_over_pairs.h"
#include <metrics/regression/mse.h>

namespace metrics {

struct terms::SquaredError::Formula {
  template <class N>
  METRICS_INLINE N operator()(const N& x, const N& y) const {
    return families::formula::square(N(x - y));
  }

  template <class N>
  static N value(const N& sum, const N& total, const Options& options) {
    const N mean = sum / total;
    return options.squared ? mean : families::formula::root(mean);
  }
};

METRICS_DEFINE_CLASS(MeanSquaredError);

}  // namespace metrics
