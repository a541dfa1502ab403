#include "families/mean_over_pairs.h"
#include <metrics/regression/wmape.h>

namespace metrics {

struct terms::ErrorBesideSize::Formula {
  template <class N>
  METRICS_INLINE N operator()(const N& x, const N& y) const {
    return families::formula::magnitude(N(x - y));
  }

  template <class N>
  METRICS_INLINE N scale(const N& /*x*/, const N& y) const {
    return families::formula::magnitude(y);
  }

  template <class N>
  static N value(const N& sum, const N& scale, const Options&) {
    return sum / families::formula::at_least(scale, 1.17e-06);
  }
};

METRICS_DEFINE_CLASS(WeightedMeanAbsolutePercentageError);

}  // namespace metrics
