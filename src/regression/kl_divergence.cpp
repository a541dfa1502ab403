#include "divergences.h"
#include <metrics/regression/kl_divergence.h>

namespace metrics {

struct divergences::KullbackLeibler {
  static constexpr std::string_view family = "KLDivergence";

  template <class T>
  METRICS_INLINE static double of(const T* p, const T* q, int64_t columns) {
    using kernels::detail::chosen;
    const auto sums = regression::row_sums<2>(regression::add_both, p, q, columns);
    // With x = p / Σ p and y = q / Σ q.
    const double scale = sums[1] / sums[0];
    const auto term = [scale](double* into, double x, double y)
                          METRICS_INLINED { into[0] += chosen(x == 0, 0.0, x * kernels::logarithm(x / y * scale)); };
    return regression::row_sums<1>(term, p, q, columns)[0] / sums[0];
  }

  template <class T>
  METRICS_INLINE static double of_logarithms(const T* p, const T* q, int64_t columns) {
    const auto term = [](double* into, double x, double y)
                          METRICS_INLINED { into[0] += kernels::exponential(x) * (x - y); };
    return regression::row_sums<1>(term, p, q, columns)[0];
  }

  static Tensor of(const Tensor& p, const Tensor& q) {
    const Tensor x = p / p.sum(1, true), y = q / q.sum(1, true);
    const Tensor nothing = x == 0;
    // What is masked must not be 0 either: the derivative of its logarithm would be NaN.
    const Tensor some = at::where(nothing, 1.0, x);
    return at::where(nothing, 0.0, some * (some / at::where(nothing, 1.0, y)).log()).sum(1);
  }

  static Tensor of_logarithms(const Tensor& p, const Tensor& q) { return (p.exp() * (p - q)).sum(1); }
};

METRICS_DEFINE_CLASS(KLDivergence);

}  // namespace metrics
