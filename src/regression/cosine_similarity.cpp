#include "../core/loaded_states.h"
#include "families/numbers.h"
#include "families/pairs.h"
#include "rows.h"
#include <metrics/core/define.h>
#include <metrics/regression/cosine_similarity.h>

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <array>
#include <cmath>
#include <limits>
#include <sstream>

namespace metrics {

namespace {

bool keeps_rows(const CosineSimilarityOptions& options) {
  return options.reduction == regression::Reduction::None;
}

void check_vectors(const Tensor& preds, const Tensor& target) {
  families::pairs::check_pairs(preds, target);
  if (preds.dim() == 2) return;
  std::ostringstream message;
  message << "inputs [N, D] of two dimensions expected, got shape " << preds.sizes();
  throw InvalidArgument(message.str());
}

/// The sums that the cosine of a row is made of (regression/rows.h).
struct CosineOfRow {
  static constexpr std::size_t sums = 3;
  static constexpr bool of_fractions = false;

  template <class N>
  METRICS_INLINE void terms(N* of, const N& x, const N& y) const {
    of[0] = x * y;
    of[1] = x * x;
    of[2] = y * y;
  }
  METRICS_INLINE double value(const std::array<double, 3>& totals) const {
    return totals[0] / (std::sqrt(totals[1]) * std::sqrt(totals[2]));
  }
};

/// Of rows without elements NaN.
Tensor cosines_of(const Tensor& preds, const Tensor& target) {
  Tensor cosines = at::full({preds.size(0)}, std::numeric_limits<double>::quiet_NaN(), at::kDouble);
  if (preds.numel() == 0) return cosines;
  const families::pairs::KernelPairs pairs(preds, target, preds.size(1));
  regression::all_row_values(CosineOfRow{}, pairs.get(), cosines.mutable_data_ptr<double>());
  return cosines;
}

DoubleDouble sum_of_cosines(const Tensor& preds, const Tensor& target, const Weights& weights) {
  if (preds.size(0) == 0) return {};
  if (preds.numel() == 0) return {std::numeric_limits<double>::quiet_NaN(), 0};
  const families::pairs::KernelPairs pairs(preds, target, preds.size(1), weights);
  return regression::sum_of_row_values(CosineOfRow{}, pairs.get());
}

Tensor tensor_of_cosines(const Tensor& preds, const Tensor& target) {
  const Tensor x = preds.to(at::kDouble), y = target.to(at::kDouble);
  return (x * y).sum(1) / (x.square().sum(1).sqrt() * y.square().sum(1).sqrt());
}

Tensor as_rows(const States& states, const Tensor& cosines) {
  return cosines.to(states.dtype() == at::kDouble ? at::kDouble : at::kFloat);
}

/// Takes back what show_as_torchmetrics shows.
void restore(States& states, const CosineSimilarityOptions& options) {
  const Tensor preds = states["preds"].tensor(), target = states["target"].tensor();
  const int64_t rows = preds.size(0);
  const bool fits = preds.sizes() == at::IntArrayRef({rows, 1, 2}) && (rows == 1 || keeps_rows(options));
  if (!fits || target.sizes() != at::IntArrayRef({rows, 1, 3})) {
    throw StateMisfit(fits ? "target" : "preds",
                      c10::str("expected what CosineSimilarity keeps, [N, 1, 2] beside target [N, 1, 3], got ",
                               preds.sizes(), " and ", target.sizes()));
  }
  const Tensor values = preds.select(1, 0).clone();
  for (const char* state : {"preds", "target"}) states[state].reset(states.device());
  if (keeps_rows(options)) return states["_similarities"].append(as_rows(states, values.select(1, 0)));
  const auto total = values[0][1].item<double>();
  if (!(total >= 0) || total > 0x1p62) throw StateMisfit("preds", "holds a total that is no number of rows");
  const Tensor sum = values.select(0, 0).select(0, 0).to(at::kDouble), count = values.select(0, 0).select(0, 1);
  states["_sum_similarity"].assign(sum, at::zeros_like(sum), {});
  if (total == std::floor(total)) return states["_total"].assign(count.to(at::kLong), {}, {});
  states["_total"].weigh();
  states["_total"].assign(count.to(at::kDouble), at::zeros_like(sum), {});
}

}  // namespace

namespace definitions {

void CosineSimilarity::declare(States& states, const Options& options) {
  // Torchmetrics' rows, of which none is ever kept.
  for (const char* state : {"preds", "target"}) states.add(state, Reduction::Cat);
  if (keeps_rows(options)) return states.add("_similarities", Reduction::Cat);
  states.add("_sum_similarity", Reduction::Sum, at::zeros({}, at::kFloat));
  states.add("_total", Reduction::Sum, at::zeros({}, at::kLong));
}

RowWeights CosineSimilarity::taken_weights(const Options& options) {
  return keeps_rows(options) ? RowWeights::Integers : RowWeights::Any;
}

void CosineSimilarity::update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                              const Weights& weights) {
  check_vectors(preds, target);
  const int64_t rows = preds.size(0);
  const bool by_kernel = families::pairs::has_kernel(preds) && !families::pairs::carries_gradients(preds, target);
  if (keeps_rows(options)) {
    Tensor cosines = by_kernel ? cosines_of(preds, target) : tensor_of_cosines(preds, target);
    if (weights.given()) cosines = cosines.index_select(0, detail::repeated_rows(weights).to(cosines.device()));
    return states["_similarities"].append(as_rows(states, cosines));
  }
  const families::pairs::WeightsOfPairs of_rows(weights, rows);
  families::pairs::CountToAdd total(states, "_total", of_rows.total());
  if (by_kernel) {
    states["_sum_similarity"].add(sum_of_cosines(preds, target, weights));
  } else {
    const Tensor cosines = tensor_of_cosines(preds, target);
    states["_sum_similarity"].add(
        (weights.given() ? cosines * of_rows.column().to(cosines.device()).squeeze(1) : cosines).sum());
  }
  total.add();
}

Tensor CosineSimilarity::finalise(const States& states, const Options& options) {
  if (keeps_rows(options)) {
    const Tensor cosines = states["_similarities"].tensor();
    return cosines.defined() ? cosines : at::empty({0}, at::kDouble);
  }
  const Tensor sum = states["_sum_similarity"].tensor();
  if (options.reduction == regression::Reduction::Sum) return sum;
  return families::value_of([](const auto& of_all, const auto& n) { return of_all / n; }, sum,
                            states["_total"].tensor());
}

std::string CosineSimilarity::update_key(const Options& options) {
  return std::string(name) + (keeps_rows(options) ? "(rows)" : "(sum)");
}

void CosineSimilarity::complete_from_torchmetrics(States& states, const Options& options) {
  require_equal_rows(states, {"preds", "target"});
  const Tensor preds = states["preds"].tensor(), target = states["target"].tensor();
  if (!preds.defined() || preds.size(0) == 0) return;
  for (const char* state : {"preds", "target"}) require_floating_rows(states[state]);
  if (preds.dim() > 2) return restore(states, options);
  if (preds.dim() != 2 || preds.sizes() != target.sizes()) {
    throw StateMisfit("target", c10::str("expected rows of shape ", preds.sizes(), ", got ", target.sizes()));
  }
  update(states, options, preds, target, Weights{});
  for (const char* state : {"preds", "target"}) states[state].reset(states.device());
}

// The rows themselves are gone. What is kept stands in items of three dimensions, whose last ones do not fit together:
// torchmetrics fails at them, in place of going on without what was.
void CosineSimilarity::show_as_torchmetrics(States& states, const Options& options) {
  const auto show = [&](const Tensor& first, const Tensor& second) {
    const Tensor nothing = at::zeros_like(first);
    states["preds"].assign(at::stack({first, second}, 1).unsqueeze(1), {}, {});
    states["target"].assign(at::stack({nothing, nothing, nothing}, 1).unsqueeze(1), {}, {});
  };
  if (keeps_rows(options)) {
    const Tensor cosines = states["_similarities"].tensor();
    if (cosines.defined() && cosines.size(0) > 0) show(cosines, at::zeros_like(cosines));
    return;
  }
  const Tensor total = states["_total"].tensor().to(at::kDouble);
  if (total.item<double>() != 0)
    show(states["_sum_similarity"].tensor().to(at::kDouble).reshape({1}), total.reshape({1}));
}

}  // namespace definitions

METRICS_DEFINE_CLASS(CosineSimilarity);

}  // namespace metrics
