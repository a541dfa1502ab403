#include "divergences.h"
#include <metrics/regression/js_divergence.h>

#include <ATen/ops/logaddexp.h>

namespace metrics {

namespace {

constexpr double logarithm_of_2 = 0.6931471805599453;

}  // namespace

struct divergences::JensenShannon {
  static constexpr std::string_view family = "JensenShannonDivergence";

  /// Of fractions of the sums of their rows, twice.
  template <class N>
  METRICS_INLINE static N of(const N& x, const N& y) {
    using kernels::chosen, kernels::logarithm;
    const N mean = (x + y) * 0.5;
    const N of_x = chosen(x == 0.0, 0.0, x * logarithm(N(x / mean)));
    const N of_y = chosen(y == 0.0, 0.0, y * logarithm(N(y / mean)));
    return of_x + of_y;
  }

  /// The mean's logarithm is that of the greater one and L = log((1 + t) / 2), with t the ratio of the smaller one to
  /// it: what is left of e^p (p - m) + e^q (q - m) is e^greater (t (log t - L) - L), in which nothing underflows early.
  template <class N>
  METRICS_INLINE static N of_logarithms(const N& x, const N& y) {
    using kernels::chosen;
    const N greater = chosen(x > y, x, y), smaller = chosen(x > y, y, x);
    const N apart = smaller - greater;
    const N ratio = kernels::exponential(apart);
    const N rest = kernels::logarithm(N((1 + ratio) * 0.5));
    return kernels::exponential(greater) * (ratio * (apart - rest) - rest);
  }
  static constexpr double factor = 0.5;

  static Tensor of_rows(const Tensor& p, const Tensor& q) {
    const Tensor x = p / p.sum(1, true), y = q / q.sum(1, true);
    const Tensor mean = (x + y) / 2;
    const auto part = [&](const Tensor& side) {
      const Tensor nothing = side == 0;
      // What is masked must not be 0 either: the derivative of its logarithm would be NaN.
      const Tensor some = at::where(nothing, 1.0, side);
      return at::where(nothing, 0.0, some * (some / at::where(nothing, 1.0, mean)).log());
    };
    return (part(x) + part(y)).sum(1) / 2;
  }

  static Tensor of_rows_of_logarithms(const Tensor& p, const Tensor& q) {
    const Tensor mean = at::logaddexp(p, q) - logarithm_of_2;
    return (p.exp() * (p - mean) + q.exp() * (q - mean)).sum(1) / 2;
  }
};

METRICS_DEFINE_CLASS(JensenShannonDivergence);

}  // namespace metrics
