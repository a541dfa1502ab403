#include "../core/loaded_states.h"
#include "families/pairs.h"
#include "kernels/pairs/moments.h"
#include <metrics/core/define.h>
#include <metrics/core/warning.h>
#include <metrics/regression/pearson.h>

#include <ATen/ops/full_like.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <limits>

namespace metrics {

namespace {

using Moments = kernels::pairs::PairMoments<Tensor>;

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

/// The same on the numbers where they lie.
void fold_in(States& states, const std::vector<kernels::pairs::PairMoments<double>>& batch) {
  std::vector<kernels::pairs::PairMoments<double>> moments(batch.size());
  each_moment<double>([&](const char* name, auto member) {
    const double* held = states[name].tensor().const_data_ptr<double>();
    for (std::size_t column = 0; column < moments.size(); ++column) moments[column].*member = held[column];
  });
  for (std::size_t column = 0; column < moments.size(); ++column) {
    moments[column] = merged(moments[column], batch[column]);
  }
  each_moment<double>([&](const char* name, auto member) {
    const Tensor held = states[name].tensor();
    for (std::size_t column = 0; column < moments.size(); ++column) {
      held.mutable_data_ptr<double>()[column] = moments[column].*member;
    }
  });
}

void rescale(States& states, const Moments& moments, const Tensor& by_x, const Tensor& by_y) {
  const Moments now = rescaled(moments, by_x, by_y);
  each_moment<Tensor>([&](const char* name, auto member) { states[name].set(now.*member); });
}

/// By two passes over the batch, which is as exact as the kernel and has derivatives.
Moments batch_moments(const families::pairs::WidePairs& pairs) {
  const auto& [x, y] = pairs;
  const auto mean = [](const Tensor& values) {
    const Tensor scale = kernels::pairs::scale(values.detach().abs().amax(0));
    return values.mul(scale).mean(0).div(scale);
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
          .var_x = u.square().sum(0),
          .var_y = v.square().sum(0),
          .corr_xy = u.mul(v).sum(0),
          .n_total = at::full_like(mean_x.detach(), static_cast<double>(x.size(0)))};
}

}  // namespace

namespace definitions {

void PearsonCorrCoef::check(const Options& options) {
  families::pairs::check_num_outputs(options.num_outputs);
}

void PearsonCorrCoef::declare(States& states, const Options& options) {
  each_moment<Tensor>([&](const char* moment, auto) {
    states.add(moment, Reduction::Own, at::zeros({options.num_outputs}, at::kDouble));
  });
}

void PearsonCorrCoef::update(States& states, const Options& options, const Tensor& preds, const Tensor& target) {
  const int64_t columns = options.num_outputs;
  families::pairs::check_pairs(preds, target);
  if (columns > 1 || preds.dim() != 1) families::pairs::check_outputs(preds, columns);
  if (preds.numel() == 0) return;
  if (families::pairs::has_kernel(preds) && !families::pairs::carries_gradients(preds, target)) {
    fold_in(states, kernels::pairs::pair_moments(families::pairs::KernelPairs(preds, target, columns).get()));
  } else {
    fold_in(states, batch_moments(families::pairs::wide_pairs(preds, target, columns)));
  }
}

void PearsonCorrCoef::merge(States& into, const States& from, const Options&) {
  fold_in(into, moments_in(from));
}

void PearsonCorrCoef::show_as_torchmetrics(States& states, const Options&) {
  const Moments moments = moments_in(states);
  rescale(states, moments, 1 / kernels::pairs::scale(moments.max_abs_dev_x),
          1 / kernels::pairs::scale(moments.max_abs_dev_y));
}

void PearsonCorrCoef::complete_from_torchmetrics(States& states, const Options&) {
  require_counts(states["n_total"]);
  const Moments moments = moments_in(states);
  rescale(states, moments, kernels::pairs::scale(moments.max_abs_dev_x), kernels::pairs::scale(moments.max_abs_dev_y));
}

Tensor PearsonCorrCoef::finalise(const States& states, const Options&) {
  const Moments moments = moments_in(states);
  const auto varies = [](const Tensor& var) { return (var > 0).logical_and(at::isfinite(var)); };
  const Tensor defined = varies(moments.var_x).logical_and(varies(moments.var_y));
  if (states.update_count() > 0 && !defined.all().item<bool>()) {
    warn("PearsonCorrCoef: predictions or targets do not vary, or are not finite: their correlation is NaN");
  }
  // What is masked must not be divided by 0 either: its derivative would be NaN for all.
  const auto deviation = [&](const Tensor& var) { return at::where(defined, var, 1.0).sqrt(); };
  const Tensor correlation = moments.corr_xy.div(deviation(moments.var_x)).div(deviation(moments.var_y));
  return families::pairs::of_outputs(
      at::where(defined, correlation.clamp(-1, 1), std::numeric_limits<double>::quiet_NaN()));
}

Tensor PearsonCorrCoef::functional_value(const Tensor& preds, const Tensor& target) {
  const int64_t columns = preds.dim() == 2 ? preds.size(1) : 1;
  return families::pairs::of_outputs(MetricOf<PearsonCorrCoef>::value_of({.num_outputs = columns}, {preds, target}));
}

}  // namespace definitions

METRICS_DEFINE_CLASS(PearsonCorrCoef);

}  // namespace metrics
