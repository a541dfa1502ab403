#include "divergences.h"
#include <metrics/regression/js_divergence.h>

#include <ATen/ops/logaddexp.h>

namespace metrics {

namespace {

constexpr double logarithm_of_2 = 0.6931471805599453;

}  // namespace

struct divergences::JensenShannon {
  static constexpr std::string_view family = "JensenShannonDivergence";

  template <class T>
  METRICS_INLINE static double of(const T* p, const T* q, int64_t columns) {
    using kernels::detail::chosen;
    const auto sums = regression::row_sums<2>(regression::add_both, p, q, columns);
    const auto term = [sum_p = sums[0], sum_q = sums[1]](double* into, double given_p, double given_q) METRICS_INLINED {
      const double x = given_p / sum_p, y = given_q / sum_q;
      const double mean = (x + y) / 2;
      const double of_x = chosen(x == 0, 0.0, x * kernels::logarithm(x / mean));
      const double of_y = chosen(y == 0, 0.0, y * kernels::logarithm(y / mean));
      into[0] += of_x + of_y;
    };
    return regression::row_sums<1>(term, p, q, columns)[0] / 2;
  }

  /// The mean's logarithm is that of the greater one and L = log((1 + t) / 2), with t the ratio of the smaller one to
  /// it: what is left of e^p (p - m) + e^q (q - m) is e^greater (t (log t - L) - L), in which nothing underflows early.
  template <class T>
  METRICS_INLINE static double of_logarithms(const T* p, const T* q, int64_t columns) {
    const auto term = [](double* into, double x, double y) METRICS_INLINED {
      using kernels::detail::chosen;
      const double greater = chosen(x > y, x, y), smaller = chosen(x > y, y, x);
      const double apart = smaller - greater;
      const double ratio = kernels::exponential(apart);
      const double rest = kernels::logarithm((1 + ratio) / 2);
      into[0] += kernels::exponential(greater) * (ratio * (apart - rest) - rest);
    };
    return regression::row_sums<1>(term, p, q, columns)[0] / 2;
  }

  static Tensor of(const Tensor& p, const Tensor& q) {
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

  static Tensor of_logarithms(const Tensor& p, const Tensor& q) {
    const Tensor mean = at::logaddexp(p, q) - logarithm_of_2;
    return (p.exp() * (p - mean) + q.exp() * (q - mean)).sum(1) / 2;
  }
};

METRICS_DEFINE_CLASS(JensenShannonDivergence);

}  // namespace metrics
