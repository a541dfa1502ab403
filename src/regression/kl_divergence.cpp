#include "divergences.h"
#include <metrics/regression/kl_divergence.h>

namespace metrics {

struct divergences::KullbackLeibler {
  static constexpr std::string_view family = "KLDivergence";

  /// Of fractions of the sums of their rows.
  template <class N>
  METRICS_INLINE static N of(const N& x, const N& y) {
    return kernels::chosen(x == 0.0, 0.0, x * kernels::logarithm(N(x / y)));
  }
  template <class N>
  METRICS_INLINE static N of_logarithms(const N& x, const N& y) {
    return kernels::exponential(x) * (x - y);
  }
  static constexpr double factor = 1;

  static Tensor of_rows(const Tensor& p, const Tensor& q) {
    const Tensor x = p / p.sum(1, true), y = q / q.sum(1, true);
    const Tensor nothing = x == 0;
    // What is masked must not be 0 either: the derivative of its logarithm would be NaN.
    const Tensor some = at::where(nothing, 1.0, x);
    return at::where(nothing, 0.0, some * (some / at::where(nothing, 1.0, y)).log()).sum(1);
  }

  static Tensor of_rows_of_logarithms(const Tensor& p, const Tensor& q) { return (p.exp() * (p - q)).sum(1); }
};

METRICS_DEFINE_CLASS(KLDivergence);

}  // namespace metrics
