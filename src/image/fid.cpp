#include <metrics/core/define.h>
#include <metrics/image/fid.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/linalg_cholesky_ex.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/linalg_eigvalsh.h>
#include <ATen/ops/linalg_svdvals.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace metrics {

namespace {

/// The states of one population. Under torchmetrics' names for sums they hold the mean and the centred products
/// Σ (x - mean) (x - mean)ᵀ, because sums lose the covariance to rounding where the mean is large.
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

double fraction_of(int64_t m, int64_t n) {
  return static_cast<double>(m) / static_cast<double>(n + m);
}

/// Adds rowsᵀ rows to `products`, in blocks of `width` columns, of which those below the diagonal are left out.
void add_products(const Tensor& products, const Tensor& rows, int64_t width) {
  const int64_t columns = rows.size(1);
  for (int64_t begin = 0; begin < columns; begin += width) {
    const Tensor block = rows.narrow(1, begin, std::min(width, columns - begin));
    const Tensor rest = rows.narrow(1, begin, columns - begin);
    products.narrow(0, begin, block.size(1)).narrow(1, begin, rest.size(1)).addmm_(block.t(), rest);
  }
}

/// Copies to below the diagonal what `add_products` has left out there.
void mirror(const Tensor& products, int64_t width) {
  const int64_t columns = products.size(0);
  for (int64_t begin = width; begin < columns; begin += width) {
    const int64_t rows = std::min(width, columns - begin);
    products.narrow(0, begin, rows).narrow(1, 0, begin).copy_(products.narrow(1, begin, rows).narrow(0, 0, begin).t());
  }
}

/// How wide blocks of the products are. With few samples, computing the whole symmetric product is cheaper than
/// mirroring one half.
int64_t width_of_blocks(int64_t samples, int64_t features) {
  constexpr int64_t enough = 256;
  return samples < enough ? features : enough;
}

/// Folds in a block of samples: they are converted and centred where the product then finds them in the cache.
/// `memory` is for one row more than those.
void add_block(Tensor& mean, const Tensor& products, const Tensor& features, int64_t n, int64_t width,
               const Tensor& memory) {
  const int64_t m = features.size(0);
  const Tensor rows = memory.narrow(0, 0, m + 1);
  Tensor centred = rows.narrow(0, 0, m);
  centred.copy_(features);
  const Tensor block_mean = centred.mean(0);
  centred.sub_(block_mean);
  const Tensor delta = block_mean - mean;
  rows.select(0, m).copy_(delta * std::sqrt(static_cast<double>(n) * fraction_of(m, n)));
  add_products(products, rows, width);
  mean.add_(delta, fraction_of(m, n));
}

void add_samples(States& states, const Population& population, const Tensor& features) {
  const int64_t m = features.size(0);
  const int64_t n = population.count_in(states);
  const int64_t rows_of_block = std::max<int64_t>(1024, features.size(1));
  const int64_t width = width_of_blocks(m, features.size(1));
  // Before the first write, because a copy of the products to go back to would cost as much as a batch.
  const Tensor memory =
      at::empty({std::min(m, rows_of_block) + 1, features.size(1)}, population.mean_in(states).options());
  Tensor& mean = states[population.sum].tensor_to_write();
  Tensor& products = states[population.products].tensor_to_write();
  State& samples = states[population.samples];
  int64_t* const counted = samples.tensor().is_cpu() ? samples.counts() : nullptr;
  for (int64_t begin = 0; begin < m; begin += rows_of_block) {
    add_block(mean, products, features.slice(0, begin, std::min(m, begin + rows_of_block)), n + begin, width, memory);
  }
  mirror(products, width);
  if (counted != nullptr) {
    *counted += m;
  } else {
    samples.add(at::full({}, m, samples.tensor().options()));
  }
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

/// How the features of a population vary.
struct Spread {
  Tensor covariance;
  int64_t samples;
};

Spread spread_in(const States& states, const Population& population) {
  const int64_t samples = population.count_in(states);
  return {population.products_in(states) / static_cast<double>(samples - 1), samples};
}

/// Returns F with F Fᵀ = covariance: by Cholesky where all directions vary, else without those in which only rounding
/// does.
Tensor factor(const Spread& spread) {
  const Tensor& covariance = spread.covariance;
  const double rounding = static_cast<double>(covariance.size(0)) * std::numeric_limits<double>::epsilon();
  if (spread.samples > covariance.size(0)) {
    const auto [lower, failed] = at::linalg_cholesky_ex(covariance);
    const auto varies = [&] { return lower.diagonal().square().min() > covariance.diagonal().max() * rounding; };
    if (failed.item<int>() == 0 && varies().item<bool>()) return lower;
  }
  const auto [variances, directions] = at::linalg_eigh(covariance);
  const int64_t kept = (variances > variances.max() * rounding).sum().item<int64_t>();
  const int64_t first = variances.size(0) - kept;  // in ascending order
  return directions.narrow(1, first, kept) * variances.narrow(0, first, kept).sqrt();
}

/// Whether roots of the eigenvalues of a product are exact enough in all: rounding of the product by `rounding` changes
/// one of λ by half of it / √λ. The bound is below what a float32 result shows.
bool are_exact(const Tensor& roots, double rounding) {
  constexpr double enough = 1e-8;
  const Tensor errors = rounding / 2 / roots;
  return (errors.norm() < enough * roots.sum()).item<bool>();
}

/// tr (Σ₁ Σ₂)^½ = Σ √λ(F₁ᵀ Σ₂ F₁) = Σ σ(F₁ᵀ F₂). Eigenvalues are had in a third of the time of singular values, but
/// these are as exact as the largest, where roots of small eigenvalues turn rounding of 1e-16 into 1e-8.
Tensor trace_of_root(const Spread& first, const Spread& second) {
  if (second.samples < first.samples) return trace_of_root(second, first);  // the factor may have fewer columns
  const Tensor root = factor(first);
  if (root.size(1) == 0) return at::zeros({}, root.options());
  const Tensor product = root.t().mm(second.covariance).mm(root);
  const Tensor roots = at::linalg_eigvalsh(product).clamp_min(0).sqrt();
  const Tensor size = first.covariance.norm() * second.covariance.norm();
  if (are_exact(roots, size.item<double>() * std::numeric_limits<double>::epsilon())) return roots.sum();
  return at::linalg_svdvals(root.t().mm(factor(second))).sum();
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
    if (n > 0) population.products_in(into).addr_(delta, delta, 1, static_cast<double>(n) * fraction_of(m, n));
    population.mean_in(into).add_(delta, fraction_of(m, n));
  }
}

Tensor FrechetInceptionDistance::finalise(const States& states, const Options&) {
  const auto& [real, fake] = populations();
  const Spread first = spread_in(states, real);
  const Spread second = spread_in(states, fake);
  const auto is_defined = [](const Spread& spread) {
    return spread.samples >= 2 && at::isfinite(spread.covariance).all().item<bool>();
  };
  if (!is_defined(first) || !is_defined(second)) {
    return at::full({}, std::numeric_limits<double>::quiet_NaN(), first.covariance.options());
  }
  const Tensor distance = (real.mean_in(states) - fake.mean_in(states)).square().sum();
  const Tensor traces = first.covariance.trace() + second.covariance.trace();
  return (distance + traces - 2 * trace_of_root(first, second)).clamp_min(0);
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

METRICS_DEFINE_CLASS(FrechetInceptionDistance);

}  // namespace metrics
