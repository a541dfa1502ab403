#include "families/mean_over_pairs.h"
#include <metrics/regression/log_mse.h>

namespace metrics {

struct terms::SquaredLogError::Formula {
  static constexpr bool is_long = true;

  template <class N>
  METRICS_INLINE N operator()(const N& x, const N& y) const {
    return families::formula::squared_log_ratio_of_one_plus(x, y);
  }
};

METRICS_DEFINE_CLASS(MeanSquaredLogError);

}  // namespace metrics
