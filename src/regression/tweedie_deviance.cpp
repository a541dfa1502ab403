#include "families/mean_over_pairs.h"
#include <metrics/regression/tweedie_deviance.h>

#include <cmath>
#include <limits>
#include <sstream>
#include <string>

namespace metrics {

namespace {

namespace formula = families::formula;

constexpr double infinite = std::numeric_limits<double>::infinity();

struct NormalDeviance {
  template <class N>
  METRICS_INLINE N operator()(const N& x, const N& y) const {
    return formula::square(N(y - x));
  }
};

struct PoissonDeviance {
  static constexpr bool is_long = true;

  template <class N>
  METRICS_INLINE N operator()(const N& x, const N& y) const {
    const auto nothing = y == 0;
    // What is masked must not be 0 either: the derivative of its logarithm would be NaN.
    const N some = formula::either(nothing, 1.0, y);
    return 2 * (formula::either(nothing, 0.0, N(some * formula::logarithm(N(some / x)))) + x - y);
  }
};

struct GammaDeviance {
  static constexpr bool is_long = true;

  template <class N>
  METRICS_INLINE N operator()(const N& x, const N& y) const {
    const N ratio = y / x;
    return 2 * ((ratio - 1) - formula::logarithm(ratio));
  }
};

struct InverseGaussianDeviance {
  template <class N>
  METRICS_INLINE N operator()(const N& x, const N& y) const {
    // Of an infinite mean its limit.
    return formula::square(N(formula::either(x < infinite, N((y - x) / x), N(y / x - 1)))) / y;
  }
};

/// That of a sum of gamma variables as many as a Poisson variable is, halfway between both.
struct CompoundDeviance {
  template <class N>
  METRICS_INLINE N operator()(const N& x, const N& y) const {
    const N root_of_mean = formula::root(x);
    return 4 * root_of_mean * formula::square(N(1 - formula::root(y) / root_of_mean));
  }
};

/// 2 (y^q / (q (q - 1)) - y x^(q - 1) / (q - 1) + x^q / q), with q = 2 - p.
class PowerDeviance {
 public:
  static constexpr bool is_long = true;

  explicit PowerDeviance(double power)
      : q_(2 - power),
        of_infinite_(power > 2 ? 0 : infinite),
        by_target_(2 / (q_ * (q_ - 1))),
        by_both_(2 / (q_ - 1)),
        by_mean_(2 / q_) {}

  /// Of numbers with the ratio of both taken out, x^q (((y / x)^q - 1) / q - (y - x) / x) times 2 / (q - 1): that takes
  /// two logarithms and two exponentials without digits beyond float64, because a power of x alone is a factor.
  template <class N>
  METRICS_INLINE N operator()(const N& x, const N& y) const {
    const N apart = (y - x) / x;
    const N logarithm = kernels::logarithm_beside_1(N(formula::at_least(y, 0.0) / x), apart);
    const N grown = kernels::exponential_minus_one(N(q_ * logarithm)) * (1 / q_);
    const auto unlimited = x == infinite;
    const N base = formula::exponential(N(q_ * formula::logarithm(N(formula::either(unlimited, y, x)))));
    // Of an infinite x its limit; NaN, where both are infinite.
    const N limit = (of_infinite_ == 0 ? base * by_target_ : N(of_infinite_)) + y * 0;
    return formula::either(unlimited, limit, base * ((grown - apart) * by_both_));
  }
  Tensor operator()(const Tensor& x, const Tensor& y) const {
    const Tensor of_mean = x.pow(q_ - 1);
    const Tensor of_square = formula::either(x < infinite, Tensor(x * of_mean), of_infinite_);
    return y.clamp_min(0).pow(q_) * by_target_ - y * of_mean * by_both_ + of_square * by_mean_;
  }

 private:
  double q_, of_infinite_, by_target_, by_both_, by_mean_;
};

/// Calls f with the deviance of power p: by arithmetic where that is as exact, because powers take ten times as long.
template <class F>
auto with_deviance(double p, const F& f) {
  if (p == 0) return f(NormalDeviance{});
  if (p == 1) return f(PoissonDeviance{});
  if (p == 1.5) return f(CompoundDeviance{});
  if (p == 2) return f(GammaDeviance{});
  if (p == 3) return f(InverseGaussianDeviance{});
  return f(PowerDeviance{p});
}

}  // namespace

struct terms::Deviance::Formula {
  double p;

  template <class N>
  METRICS_INLINE N operator()(const N& x, const N& y) const {
    return with_deviance(p, [&](const auto& deviance) METRICS_INLINED { return deviance(x, y); });
  }

  kernels::pairs::Summed<DoubleDouble> sums(const kernels::pairs::Pairs& pairs) const {
    return with_deviance(p, [&](const auto& deviance) { return detail::checked_sums(deviance, *this, pairs); });
  }

  void check_least(double x, double y) const {
    const bool positive_targets = p >= 2, negative_targets = p < 1;
    if (p == 0) return;
    if (x > 0 && (negative_targets || (positive_targets ? y > 0 : y >= 0))) return;
    std::ostringstream message;
    message << "for power=" << p << ", `preds` must be above 0";
    if (!negative_targets) message << ", and `targets` " << (positive_targets ? "above 0" : "not below 0");
    message << "; the least of `preds` is " << x << ", of `targets` " << y;
    throw InvalidArgument(message.str());
  }
};

auto terms::Deviance::formula(const Options& options) -> Formula {
  return {.p = options.power};
}

void terms::Deviance::check(const Options& options) {
  if (std::isfinite(options.power) && (options.power <= 0 || options.power >= 1)) return;
  std::ostringstream message;
  message
      << "power: expected a finite number that is not between 0 and 1, for which there is no such distribution, got "
      << options.power;
  throw InvalidArgument(message.str());
}

METRICS_DEFINE_CLASS(TweedieDevianceScore);

}  // namespace metrics
