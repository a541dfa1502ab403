#include "families/mean_over_pairs.h"
#include <metrics/regression/mape.h>

namespace metrics {

struct terms::AbsolutePercentageError::Formula {
  template <class N>
  METRICS_INLINE N operator()(const N& x, const N& y) const {
    return families::formula::magnitude(N(x - y)) /
           families::formula::at_least(families::formula::magnitude(y), 1.17e-06);
  }
};

METRICS_DEFINE_CLASS(MeanAbsolutePercentageError);

}  // namespace metrics
