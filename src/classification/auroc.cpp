#include "curve_results.h"
#include <metrics/classification/auroc.h>
#include <metrics/core/define.h>
#include <metrics/core/errors.h>

#include <ATen/ops/scalar_tensor.h>

#include <algorithm>
#include <string>

namespace metrics {

using namespace classification;

namespace {

/// A curve in whole samples: exact ones begin where nothing is a yes.
struct Corner {
  int64_t fp = 0, tp = 0;
};

Corner first_corner(const CurveCounts& counts, const CurvePlan& plan) {
  return plan.bins() ? Corner{counts.fp.front(), counts.tp.front()} : Corner{};
}

/// The area under the curve. In whole samples, twice it is an integer.
double area(const CurveCounts& counts, const CurvePlan& plan) {
  warn_of_missing_samples(counts, plan);
  if (counts.positives == 0 || counts.negatives == 0) return 0;
  Corner last = first_corner(counts, plan);
  int64_t twice = 0;
  for (std::size_t i = 0; i < counts.tp.size(); ++i) {
    twice += (counts.fp[i] - last.fp) * (counts.tp[i] + last.tp);
    last = {counts.fp[i], counts.tp[i]};
  }
  return static_cast<double>(twice) / 2 / static_cast<double>(counts.positives) / static_cast<double>(counts.negatives);
}

/// The area up to a false positive rate, between 0.5 for chance and 1 (McClish 1989, Analyzing a portion of the ROC
/// curve).
double partial_area(const CurveCounts& counts, const CurvePlan& plan, double max_fpr) {
  const auto none = [](const std::vector<int64_t>& c) {
    return c.empty() || *std::max_element(c.begin(), c.end()) == 0;
  };
  if (max_fpr == 1 || none(counts.fp) || none(counts.tp)) return area(counts, plan);
  const auto negatives = static_cast<double>(counts.negatives);
  const auto positives = static_cast<double>(counts.positives);
  const Corner first = first_corner(counts, plan);
  double fpr = static_cast<double>(first.fp) / negatives;
  double tpr = static_cast<double>(first.tp) / positives;
  double sum = 0;
  for (std::size_t i = 0; i < counts.tp.size() && fpr < max_fpr; ++i) {
    double next_fpr = static_cast<double>(counts.fp[i]) / negatives;
    double next_tpr = static_cast<double>(counts.tp[i]) / positives;
    if (next_fpr > max_fpr) {
      next_tpr = tpr + (next_tpr - tpr) * (max_fpr - fpr) / (next_fpr - fpr);
      next_fpr = max_fpr;
    }
    sum += (next_fpr - fpr) * (next_tpr + tpr) / 2;
    fpr = next_fpr;
    tpr = next_tpr;
  }
  const double least = max_fpr * max_fpr / 2;
  return 0.5 * (1 + (sum - least) / (max_fpr - least));
}

std::vector<double> areas(const std::vector<CurveCounts>& curves, const CurvePlan& plan) {
  std::vector<double> result;
  for (const CurveCounts& counts : curves) result.push_back(area(counts, plan));
  return result;
}

Tensor averaged_area(const States& states, const CurvePlan& plan, Average average) {
  const auto curves = ranked_counts(states, plan);
  return averaged_areas(areas(curves, plan), curve_support(curves), average);
}

}  // namespace

void definitions::BinaryAUROC::check(const Options& options) {
  BinaryCurve::check(options);
  if (!options.max_fpr || (*options.max_fpr > 0 && *options.max_fpr <= 1)) return;
  throw InvalidArgument("max_fpr: expected a number in (0, 1], got " + std::to_string(*options.max_fpr));
}

Tensor definitions::BinaryAUROC::finalise(const States& states, const Prepared& p) {
  const CurveCounts counts = std::move(ranked_counts(states, p.plan).front());
  return at::scalar_tensor(partial_area(counts, p.plan, p.max_fpr.value_or(1)), at::kDouble);
}

void definitions::MulticlassAUROC::check(const Options& options) {
  MulticlassCurve::check(options);
  check_curve_average(options.average, {Average::Macro, Average::Weighted, Average::None});
}

Tensor definitions::MulticlassAUROC::finalise(const States& states, const Prepared& p) {
  return averaged_area(states, p.plan, p.average);
}

Tensor definitions::MultilabelAUROC::finalise(const States& states, const Prepared& p) {
  if (p.average != Average::Micro) return averaged_area(states, p.plan, p.average);
  return at::scalar_tensor(area(ranked_micro_counts(states, p.plan), p.plan), at::kDouble);
}

METRICS_DEFINE(definitions::BinaryAUROC);
METRICS_DEFINE(definitions::MulticlassAUROC);
METRICS_DEFINE(definitions::MultilabelAUROC);

namespace functional {

Tensor binary_auroc(const Tensor& preds, const Tensor& target, const BinaryAUROCOptions& options) {
  return compute_once<definitions::BinaryAUROC>(options, preds, target);
}

Tensor multiclass_auroc(const Tensor& preds, const Tensor& target, const MulticlassAreaOptions& options) {
  return compute_once<definitions::MulticlassAUROC>(options, preds, target);
}

Tensor multilabel_auroc(const Tensor& preds, const Tensor& target, const MultilabelAreaOptions& options) {
  return compute_once<definitions::MultilabelAUROC>(options, preds, target);
}

}  // namespace functional
}  // namespace metrics
