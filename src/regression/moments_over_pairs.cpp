#include "../core/loaded_states.h"
#include "families/numbers.h"
#include "families/pairs.h"
#include "kernels/pairs/moments.h"
#include <metrics/regression/moments_over_pairs.h>

#include <ATen/ops/full_like.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace metrics {

namespace {

using Moments = kernels::pairs::PairMoments<Tensor>;

constexpr std::size_t number_of_moments = 8;

/// Calls f(state's name, member of PairMoments) for each state.
template <class T, class F>
void each_moment(F&& f) {
  using kernels::pairs::PairMoments;
  f("mean_x", &PairMoments<T>::mean_x);
  f("mean_y", &PairMoments<T>::mean_y);
  f("max_abs_dev_x", &PairMoments<T>::max_abs_dev_x);
  f("max_abs_dev_y", &PairMoments<T>::max_abs_dev_y);
  f("var_x", &PairMoments<T>::var_x);
  f("var_y", &PairMoments<T>::var_y);
  f("corr_xy", &PairMoments<T>::corr_xy);
  f("n_total", &PairMoments<T>::n_total);
}

Moments moments_in(const States& states) {
  Moments moments;
  each_moment<Tensor>([&](const char* name, auto member) { moments.*member = states[name].tensor(); });
  return moments;
}

void fold_in(States& states, const Moments& batch) {
  const Moments moments = merged(moments_in(states), batch);
  States::Attempt attempt(states);
  each_moment<Tensor>([&](const char* name, auto member) { states[name].set(moments.*member); });
  attempt.succeed();
}

using NumbersByColumn = kernels::pairs::ByColumn<kernels::pairs::PairMoments<double>>;

/// The same on the numbers where they lie. All memory to write to is asked for before the first write.
void fold_in(States& states, const NumbersByColumn& batch) {
  std::array<double*, number_of_moments> held;
  each_moment<double>([&, next = held.begin()](const char* name, auto) mutable {
    *next++ = states[name].tensor_to_write().mutable_data_ptr<double>();
  });
  for (std::size_t column = 0; column < batch.size(); ++column) {
    kernels::pairs::PairMoments<double> moments;
    each_moment<double>(
        [&, next = held.begin()](const char*, auto member) mutable { moments.*member = (*next++)[column]; });
    moments = merged(moments, batch[column]);
    each_moment<double>(
        [&, next = held.begin()](const char*, auto member) mutable { (*next++)[column] = moments.*member; });
  }
}

/// The moments of each column as numbers, where they are such on the CPU.
std::optional<NumbersByColumn> numbers_in(const States& states) {
  NumbersByColumn moments(static_cast<std::size_t>(states["n_total"].tensor().numel()));
  bool are_here = true;
  each_moment<double>([&](const char* name, auto member) {
    const Tensor& held = states[name].tensor();
    const families::Doubles numbers(held);
    are_here = are_here && numbers.are_here() && numbers.size() == static_cast<int64_t>(moments.size());
    for (std::size_t column = 0; are_here && column < moments.size(); ++column) {
      moments[column].*member = numbers[static_cast<int64_t>(column)];
    }
  });
  return are_here ? std::optional(std::move(moments)) : std::nullopt;
}

void rescale(States& states, const Moments& moments, const Tensor& by_x, const Tensor& by_y) {
  const Moments now = rescaled(moments, by_x, by_y);
  each_moment<Tensor>([&](const char* name, auto member) { states[name].set(now.*member); });
}

/// By two passes over the batch, which is as exact as the kernel and has derivatives. `weights`: [N, 1], undefined
/// where each row counts once.
Moments batch_moments(const families::pairs::WidePairs& pairs, const Tensor& weights) {
  const auto& [x, y] = pairs;
  const auto sum = [&](const Tensor& values) { return (weights.defined() ? values.mul(weights) : values).sum(0); };
  const Tensor total = weights.defined() ? weights.sum() : Tensor();
  const auto mean = [&](const Tensor& values) {
    const Tensor scale = kernels::pairs::scale(values.detach().abs().amax(0));
    const Tensor scaled = values.mul(scale);
    return (weights.defined() ? sum(scaled).div(total) : scaled.mean(0)).div(scale);
  };
  const Tensor mean_x = mean(x);
  const Tensor mean_y = mean(y);
  const Tensor away_x = x.sub(mean_x);
  const Tensor away_y = y.sub(mean_y);
  const Tensor max_abs_dev_x = away_x.detach().abs().amax(0);
  const Tensor max_abs_dev_y = away_y.detach().abs().amax(0);
  const Tensor u = away_x.mul(kernels::pairs::scale(max_abs_dev_x));
  const Tensor v = away_y.mul(kernels::pairs::scale(max_abs_dev_y));
  return {.mean_x = mean_x,
          .mean_y = mean_y,
          .max_abs_dev_x = max_abs_dev_x,
          .max_abs_dev_y = max_abs_dev_y,
          .var_x = sum(u.square()),
          .var_y = sum(v.square()),
          .corr_xy = sum(u.mul(v)),
          .n_total = weights.defined() ? total.expand(mean_x.sizes()).clone()
                                       : at::full_like(mean_x.detach(), static_cast<double>(x.size(0)))};
}

}  // namespace

void MomentsOverPairs::check(const Options& options) {
  families::pairs::check_num_outputs(options.num_outputs);
}

void MomentsOverPairs::declare(States& states, const Options& options) {
  each_moment<Tensor>([&](const char* moment, auto) {
    states.add(moment, Reduction::Own, at::zeros({options.num_outputs}, at::kDouble));
  });
}

void MomentsOverPairs::update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                              const Weights& weights) {
  const int64_t columns = options.num_outputs;
  families::pairs::check_pairs(preds, target);
  if (columns > 1 || preds.dim() != 1) families::pairs::check_outputs(preds, columns);
  if (preds.numel() == 0) return;
  if (families::pairs::has_kernel(preds) && !families::pairs::carries_gradients(preds, target)) {
    const families::pairs::KernelPairs pairs(preds, target, columns, weights);
    return fold_in(states, kernels::pairs::pair_moments(pairs.get()).of);
  }
  const auto column = [&] {
    return weights.tensor().to(at::TensorOptions(at::kDouble).device(preds.device())).unsqueeze(1);
  };
  fold_in(states,
          batch_moments(families::pairs::wide_pairs(preds, target, columns), weights.given() ? column() : Tensor()));
}

void MomentsOverPairs::merge(States& into, const States& from, const Options&) {
  const auto numbers = numbers_in(from);
  if (numbers && numbers_in(into)) return fold_in(into, *numbers);
  fold_in(into, moments_in(from));
}

void MomentsOverPairs::show_as_torchmetrics(States& states, const Options&) {
  const Moments moments = moments_in(states);
  rescale(states, moments, 1 / kernels::pairs::scale(moments.max_abs_dev_x),
          1 / kernels::pairs::scale(moments.max_abs_dev_y));
}

void MomentsOverPairs::complete_from_torchmetrics(States& states, const Options&) {
  require_sums_of_weights(states["n_total"]);
  const Moments moments = moments_in(states);
  rescale(states, moments, kernels::pairs::scale(moments.max_abs_dev_x), kernels::pairs::scale(moments.max_abs_dev_y));
}

std::string MomentsOverPairs::update_key(const Options& options) {
  return "MomentsOverPairs(num_outputs=" + std::to_string(options.num_outputs) + ")";
}

}  // namespace metrics
