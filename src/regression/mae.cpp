#include "families/mean_over_pairs.h"
#include <metrics/regression/mae.h>

namespace metrics {

struct terms::AbsoluteError::Formula {
  template <class N>
  METRICS_INLINE N operator()(const N& x, const N& y) const {
    return families::formula::magnitude(N(x - y));
  }
};

METRICS_DEFINE_CLASS(MeanAbsoluteError);

}  // namespace metrics
