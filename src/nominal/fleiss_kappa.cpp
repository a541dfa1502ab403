#include "../core/loaded_states.h"
#include "families/numbers.h"
#include <metrics/core/define.h>
#include <metrics/nominal/fleiss_kappa.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/one_hot.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <sstream>
#include <vector>

namespace metrics {

namespace {

[[noreturn]] void refuse_ratings(const std::string& expected, const Tensor& given) {
  std::ostringstream message;
  message << "input `ratings`: expected " << expected << ", got " << given.scalar_type() << given.sizes();
  throw InvalidArgument(message.str());
}

/// How many raters gave each sample each category, [N, categories].
Tensor counts_of(const Tensor& ratings, nominal::RatingMode mode) {
  if (mode == nominal::RatingMode::Probs) {
    if (ratings.dim() != 3 || !ratings.is_floating_point() || ratings.size(1) == 0) {
      refuse_ratings("floating numbers [N, categories, raters], because `mode` is probs", ratings);
    }
    return at::one_hot(at::argmax(ratings, 1), ratings.size(1)).sum(1);
  }
  if (ratings.dim() != 2 || ratings.is_floating_point()) {
    refuse_ratings("counts, integers [N, categories], because `mode` is counts", ratings);
  }
  if ((ratings < 0).any().item<bool>()) refuse_ratings("counts that are not negative", ratings);
  return ratings.to(at::kLong);
}

}  // namespace

namespace definitions {

void FleissKappa::declare(States& states, const Options&) {
  states.add("counts", Reduction::Cat);
}

void FleissKappa::update(States& states, const Options& options, const Tensor& ratings) {
  states["counts"].append(counts_of(ratings, options.mode));
}

void FleissKappa::complete_from_torchmetrics(States& states, const Options&) {
  const State& counts = states["counts"];
  require_integer_rows(counts);
  require_counts(counts);
  if (counts.rows() == 0 || counts.tensor().dim() == 2) return;
  throw StateMisfit(counts.name(), c10::str("expected [N, categories], got shape ", counts.tensor().sizes()));
}

Tensor FleissKappa::finalise(const States& states, const Options&) {
  const State& kept = states["counts"];
  const auto nothing = std::numeric_limits<double>::quiet_NaN();
  if (kept.rows() == 0) return families::tensor_of(nothing).to(states.device());
  const Tensor counts = kept.tensor().to(at::kCPU, at::kDouble).contiguous();
  const auto* count = counts.const_data_ptr<double>();
  const int64_t samples = counts.size(0), categories = counts.size(1);
  std::vector<double> of_category(static_cast<std::size_t>(categories));
  double raters = 0, squares = 0;
  for (int64_t sample = 0; sample < samples; ++sample) {
    double of_sample = 0;
    for (double& sum : of_category) {
      sum += *count;
      of_sample += *count;
      squares += *count * *count;
      ++count;
    }
    raters = std::max(raters, of_sample);
  }
  const auto n = static_cast<double>(samples);
  const double agreed = (squares / n - raters) / (raters * (raters - 1));
  double by_chance = 0;
  for (const double sum : of_category) by_chance += (sum / (n * raters)) * (sum / (n * raters));
  return families::tensor_of((agreed - by_chance) / (1 - by_chance + 1e-5)).to(states.device());
}

}  // namespace definitions

METRICS_DEFINE_CLASS(FleissKappa);

}  // namespace metrics
