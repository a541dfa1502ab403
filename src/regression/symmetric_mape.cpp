#include "families/mean_over_pairs.h"
#include <metrics/regression/symmetric_mape.h>

namespace metrics {

struct terms::SymmetricPercentageError::Formula {
  template <class N>
  METRICS_INLINE N operator()(const N& x, const N& y) const {
    using families::formula::at_least, families::formula::magnitude;
    return 2 * magnitude(N(x - y)) / at_least(N(magnitude(y) + magnitude(x)), 1.17e-06);
  }
};

METRICS_DEFINE_CLASS(SymmetricMeanAbsolutePercentageError);

}  // namespace metrics
