#include <metrics/core/define.h>
#include <metrics/image/fid.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/linalg_cholesky_ex.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/linalg_svdvals.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace metrics {

namespace {

/// The states of one population. Under torchmetrics' names for sums they hold the mean and the centred products
/// Σ (x - mean) (x - mean)ᵀ: beside a large mean the sums would not tell the covariance any more.
struct Population {
  std::string sum, products, samples;

  explicit Population(bool real)
      : sum(real ? "real_features_sum" : "fake_features_sum"),
        products(real ? "real_features_cov_sum" : "fake_features_cov_sum"),
        samples(real ? "real_features_num_samples" : "fake_features_num_samples") {}

  Tensor mean_in(const States& states) const { return states[sum].tensor(); }
  Tensor products_in(const States& states) const { return states[products].tensor(); }
  int64_t count_in(const States& states) const { return states[samples].tensor().item<int64_t>(); }
};

const std::array<Population, 2>& populations() {
  static const std::array<Population, 2> both{Population(true), Population(false)};
  return both;
}

// Chan, Golub, LeVeque (1979): of n and m samples, whose means are `delta` apart, the common mean is delta m / (n + m)
// from that of the n, and their centred products are those of both and delta deltaᵀ n m / (n + m).

double share_of(int64_t m, int64_t n) {
  return static_cast<double>(m) / static_cast<double>(n + m);
}

/// Folds in a block of samples: they are converted and centred where the product then finds them in the cache.
void add_block(States& states, const Population& population, const Tensor& features, int64_t n) {
  const int64_t m = features.size(0);
  const Tensor mean = population.mean_in(states);
  Tensor rows = at::empty({m + 1, features.size(1)}, mean.options());
  Tensor centred = rows.narrow(0, 0, m);
  centred.copy_(features);
  const Tensor block_mean = centred.mean(0);
  centred.sub_(block_mean);
  const Tensor delta = block_mean - mean;
  rows.select(0, m).copy_(delta * std::sqrt(static_cast<double>(n) * share_of(m, n)));
  population.products_in(states).addmm_(rows.t(), rows);
  mean.add_(delta, share_of(m, n));
}

void add_samples(States& states, const Population& population, const Tensor& features) {
  const int64_t m = features.size(0);
  const int64_t n = population.count_in(states);
  const int64_t rows_of_block = std::max<int64_t>(1024, features.size(1));
  for (int64_t begin = 0; begin < m; begin += rows_of_block) {
    add_block(states, population, features.slice(0, begin, std::min(m, begin + rows_of_block)), n + begin);
  }
  states[population.samples].add(at::full({}, m, states[population.samples].tensor().options()));
}

/// Replaces sums by means, or means by sums, with what follows for the products.
enum class Form { Sums, Means };
void convert(States& states, Form form) {
  for (const Population& population : populations()) {
    const auto n = static_cast<double>(population.count_in(states));
    if (n == 0) continue;
    const Tensor held = population.mean_in(states);
    const Tensor mean = form == Form::Sums ? held : held / n;
    const Tensor offset = at::outer(mean, mean) * (form == Form::Sums ? n : -n);
    states[population.sum].set(form == Form::Sums ? held * n : mean);
    states[population.products].set(population.products_in(states) + offset);
  }
}

/// Returns F with F Fᵀ = `covariance`: by Cholesky where all directions vary, else without those in which only
/// rounding does.
Tensor factor(const Tensor& covariance) {
  const double rounding = static_cast<double>(covariance.size(0)) * std::numeric_limits<double>::epsilon();
  const auto [lower, failed] = at::linalg_cholesky_ex(covariance);
  const auto varies = [&] { return lower.diagonal().square().min() > covariance.diagonal().max() * rounding; };
  if (failed.item<int>() == 0 && varies().item<bool>()) return lower;
  const auto [variances, directions] = at::linalg_eigh(covariance);
  const int64_t kept = (variances > variances.max() * rounding).sum().item<int64_t>();
  const int64_t first = variances.size(0) - kept;  // in ascending order
  return directions.narrow(1, first, kept) * variances.narrow(0, first, kept).sqrt();
}

/// tr (Σ₁ Σ₂)^½ = Σ σ(F₁ᵀ F₂): singular values are as exact as the largest, where roots of eigenvalues of a product
/// would turn rounding of 1e-16 into 1e-8.
Tensor trace_of_root(const Tensor& first, const Tensor& second) {
  return at::linalg_svdvals(factor(first).t().mm(factor(second))).sum();
}

Tensor covariance_in(const States& states, const Population& population) {
  return population.products_in(states) / static_cast<double>(population.count_in(states) - 1);
}

}  // namespace

namespace definitions {

void FrechetInceptionDistance::check(const Options& options) {
  check_feature(name, options.feature);
}

void FrechetInceptionDistance::declare(States& states, const Options& options) {
  const int64_t d = options.feature.count();
  for (const Population& population : populations()) {
    states.add(population.sum, Reduction::Own, at::zeros({d}, at::kDouble));
    states.add(population.products, Reduction::Own, at::zeros({d, d}, at::kDouble));
    states.add(population.samples, Reduction::Sum, at::zeros({}, at::kLong));
  }
}

void FrechetInceptionDistance::update(States& states, const Options& options, const Tensor& imgs, bool real) {
  const Tensor features = options.feature.features_of(name, imgs);
  if (features.size(0) > 0) add_samples(states, Population(real), features);
}

void FrechetInceptionDistance::merge(States& into, const States& from, const Options&) {
  for (const Population& population : populations()) {
    const int64_t n = population.count_in(into);
    const int64_t m = population.count_in(from);
    if (m == 0) continue;
    const Tensor delta = population.mean_in(from) - population.mean_in(into);
    population.products_in(into).add_(population.products_in(from));
    if (n > 0) population.products_in(into).addr_(delta, delta, 1, static_cast<double>(n) * share_of(m, n));
    population.mean_in(into).add_(delta, share_of(m, n));
  }
}

Tensor FrechetInceptionDistance::finalise(const States& states, const Options&) {
  const auto& [real, fake] = populations();
  const Tensor first = covariance_in(states, real);
  const Tensor second = covariance_in(states, fake);
  const bool defined = real.count_in(states) >= 2 && fake.count_in(states) >= 2 &&
                       at::isfinite(first).all().item<bool>() && at::isfinite(second).all().item<bool>();
  if (!defined) return at::full({}, std::numeric_limits<double>::quiet_NaN(), first.options());
  const Tensor distance = (real.mean_in(states) - fake.mean_in(states)).square().sum();
  return (distance + first.trace() + second.trace() - 2 * trace_of_root(first, second)).clamp_min(0);
}

bool FrechetInceptionDistance::keeps_on_reset(const Options& options, std::string_view state) {
  return !options.reset_real_features && state.starts_with("real_");
}

std::string FrechetInceptionDistance::update_key(const Options& options) {
  return std::string(name) + "(" + options.feature.key() + ")";
}

void FrechetInceptionDistance::show_as_torchmetrics(States& states, const Options&) {
  convert(states, Form::Sums);
}

void FrechetInceptionDistance::complete_from_torchmetrics(States& states, const Options&) {
  convert(states, Form::Means);
}

}  // namespace definitions

METRICS_DEFINE(definitions::FrechetInceptionDistance);

}  // namespace metrics
