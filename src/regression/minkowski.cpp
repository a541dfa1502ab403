#include "families/mean_over_pairs.h"
#include <metrics/regression/minkowski.h>

#include <cmath>
#include <sstream>

namespace metrics {

namespace {

/// |x - y|^p for a small whole p.
template <int p>
struct ProductOfError {
  template <class N>
  METRICS_INLINE N operator()(const N& x, const N& y) const {
    const N error = families::formula::magnitude(N(x - y));
    if constexpr (p == 1) return error;
    if constexpr (p == 2) return error * error;
    if constexpr (p == 3) return error * error * error;
    if constexpr (p == 4) return (error * error) * (error * error);
  }
};

}  // namespace

struct terms::PowerOfError::Formula {
  static constexpr bool is_long = true;
  double p;

  template <class N>
  METRICS_INLINE N operator()(const N& x, const N& y) const {
    return families::formula::power(families::formula::magnitude(N(x - y)), p);
  }

  /// By products where they are as exact, because a power takes ten times as long.
  kernels::pairs::Summed<DoubleDouble> sums(const kernels::pairs::Pairs& pairs) const {
    using kernels::pairs::sums_of;
    if (p == 1) return sums_of(ProductOfError<1>{}, pairs);
    if (p == 2) return sums_of(ProductOfError<2>{}, pairs);
    if (p == 3) return sums_of(ProductOfError<3>{}, pairs);
    if (p == 4) return sums_of(ProductOfError<4>{}, pairs);
    return sums_of(*this, pairs);
  }

  template <class N>
  static N value(const N& sum, const Options& options) {
    return families::formula::value_power(sum, 1 / options.p);
  }
};

auto terms::PowerOfError::formula(const Options& options) -> Formula {
  return {.p = options.p};
}

void terms::PowerOfError::check(const Options& options) {
  if (options.p >= 1 && std::isfinite(options.p)) return;
  std::ostringstream message;
  message << "p: expected a finite number of at least 1, got " << options.p;
  throw InvalidArgument(message.str());
}

METRICS_DEFINE_CLASS(MinkowskiDistance);

}  // namespace metrics
