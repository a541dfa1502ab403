#include "families/mean_over_pairs.h"
#include <metrics/regression/log_cosh.h>

namespace metrics {

namespace {

namespace formula = families::formula;

/// log cosh √z by its series, for z up to 1/16: of larger numbers the first terms that it leaves out show.
template <class N>
METRICS_INLINE N log_cosh_of_root(const N& z) {
  N sum = z * (-221930581.0 / 18561569276250) + 3202291.0 / 97692469875;
  sum = sum * z - 929569.0 / 10216206000;
  sum = sum * z + 10922.0 / 42567525;
  sum = sum * z - 691.0 / 935550;
  sum = sum * z + 31.0 / 14175;
  sum = sum * z - 17.0 / 2520;
  sum = sum * z + 1.0 / 45;
  sum = sum * z - 1.0 / 12;
  sum = sum * z + 0.5;
  return sum * z;
}

}  // namespace

struct terms::LogCosh::Formula {
  static constexpr bool is_long = true;

  /// |d| + log((1 + exp(-2 |d|)) / 2), which no exponential of d overflows; of small d the series, because there the
  /// sum loses all digits.
  template <class N>
  METRICS_INLINE N operator()(const N& x, const N& y) const {
    constexpr double ln2 = 0.6931471805599453;
    const N size = formula::magnitude(N(x - y));
    const N squares = formula::square(size);
    const auto large = squares > 0.0625;
    const N of_large = (size - ln2) + formula::logarithm_of_one_plus_fraction(formula::exponential(N(-2 * size)));
    // What is not taken must not be infinite either: its derivative would be NaN.
    const N of_small = log_cosh_of_root(N(formula::either(large, 0.0, squares)));
    return formula::either(large, of_large, of_small);
  }
};

namespace definitions {

Tensor LogCoshError::functional_value(const Tensor& preds, const Tensor& target, const Rows& rows) {
  const int64_t columns = preds.dim() == 2 ? preds.size(1) : 1;
  return families::pairs::of_outputs(MetricOf<LogCoshError>::value_of({.num_outputs = columns}, {preds, target}, rows));
}

}  // namespace definitions

METRICS_DEFINE_CLASS(LogCoshError);

}  // namespace metrics
