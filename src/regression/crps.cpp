#include "families/numbers.h"
#include "families/pairs.h"
#include "kernels/parallel.h"
#include <metrics/core/define.h>
#include <metrics/regression/crps.h>

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

namespace metrics {

namespace {

void check_ensembles(const Tensor& preds, const Tensor& target) {
  std::ostringstream message;
  if (preds.dim() != 2 || target.dim() != 1 || preds.size(0) != target.size(0)) {
    message << "`preds` [N, M] and `target` [N] expected, got shape " << preds.sizes() << " and " << target.sizes();
  } else if (preds.size(1) < 2) {
    message << "`preds` [N, M] of at least 2 ensemble members expected, got shape " << preds.sizes();
  } else {
    return;
  }
  throw InvalidArgument(message.str());
}

/// The score of one row, whose members are sorted in place. Σᵢⱼ |xᵢ - xⱼ| / 2 is the sum over the gaps between
/// neighbours, each as often as a pair has it between them, so that nothing is lost to an offset.
double score_of(double* members, int64_t count, double target) {
  double distances = 0;
  bool is_number = true;
  for (int64_t i = 0; i < count; ++i) {
    distances += std::abs(members[i] - target);
    is_number = is_number && !std::isnan(members[i]);
  }
  if (!is_number) return std::numeric_limits<double>::quiet_NaN();
  std::sort(members, members + count);
  double gaps = 0;
  for (int64_t i = 1; i < count; ++i) {
    gaps += (members[i] - members[i - 1]) * (static_cast<double>(i) * static_cast<double>(count - i));
  }
  // An infinite member is no number away from itself.
  if (!std::isfinite(members[0]) || !std::isfinite(members[count - 1])) gaps = std::numeric_limits<double>::quiet_NaN();
  const auto n = static_cast<double>(count);
  return distances / n - gaps / n / n;
}

DoubleDouble sum_of_scores(const Tensor& preds, const Tensor& target, const Weights& weights) {
  const int64_t rows = preds.size(0), count = preds.size(1);
  const Tensor x = preds.detach().to(at::kDouble).contiguous(), y = target.detach().to(at::kDouble).contiguous();
  std::vector<double> scores(static_cast<std::size_t>(rows));
  kernels::parallel(rows, count * 8, [&](int64_t begin, int64_t end) {
    std::vector<double> members(static_cast<std::size_t>(count));
    for (int64_t row = begin; row < end; ++row) {
      std::copy_n(x.const_data_ptr<double>() + row * count, count, members.begin());
      scores[static_cast<std::size_t>(row)] = score_of(members.data(), count, y.const_data_ptr<double>()[row]);
    }
  });
  DoubleDouble sum;
  for (std::size_t row = 0; row < scores.size(); ++row) {
    const double weight = !weights.given()         ? 1
                          : weights.are_integers() ? static_cast<double>(weights.integers()[row])
                                                   : weights.reals()[row];
    sum = sum + scores[row] * weight;
  }
  return sum;
}

/// The same in tensors.
Tensor tensor_of_scores(const Tensor& preds, const Tensor& target) {
  const Tensor x = preds.to(at::kDouble), y = target.to(at::kDouble);
  const int64_t count = x.size(1);
  const Tensor sorted = std::get<0>(at::sort(x, 1));
  const Tensor below = at::arange(1, count, x.options());
  const Tensor gaps =
      ((sorted.narrow(1, 1, count - 1) - sorted.narrow(1, 0, count - 1)) * below * (count - below)).sum(1);
  return (x - y.unsqueeze(1)).abs().mean(1) - gaps / (count * count);
}

}  // namespace

namespace definitions {

void ContinuousRankedProbabilityScore::declare(States& states, const Options&) {
  for (const char* state : {"score", "total"}) states.add(state, Reduction::Sum, at::zeros({1}, at::kFloat));
}

void ContinuousRankedProbabilityScore::update(States& states, const Options&, const Tensor& preds, const Tensor& target,
                                              const Weights& weights) {
  check_ensembles(preds, target);
  const families::pairs::WeightsOfPairs of_rows(weights, preds.size(0));
  const DoubleDouble count = of_rows.total().sum;
  State &score = states["score"], &total = states["total"];
  if (families::pairs::has_kernel(preds)) {
    return State::add_all({{score, sum_of_scores(preds, target, weights)}, {total, count}});
  }
  States::Attempt attempt(states);
  const Tensor scores = tensor_of_scores(preds, target);
  const auto weighted = [&] { return scores * of_rows.column().to(scores.device()).squeeze(1); };
  score.add((weights.given() ? weighted() : scores).sum().reshape({1}));
  total.add(at::full({1}, count.value(), scores.options()));
  attempt.succeed();
}

Tensor ContinuousRankedProbabilityScore::finalise(const States& states, const Options&) {
  return families::pairs::of_outputs(families::value_of([](const auto& sum, const auto& n) { return sum / n; },
                                                        states["score"].tensor(), states["total"].tensor()));
}

}  // namespace definitions

METRICS_DEFINE_CLASS(ContinuousRankedProbabilityScore);

}  // namespace metrics
