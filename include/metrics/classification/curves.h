#pragma once

#include <metrics/classification/options.h>
#include <metrics/core/member.h>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// What every metric over a curve of thresholds shares: its options' types, its inputs, its states. A metric of the
// family adds its options, its name, its traits and a formula over the points of src/classification/curves/curves.h
// (see auroc.h).

namespace metrics {

namespace classification {

/// What the states of a curve metric depend on, and nothing else of its options.
struct CurveRule {
  Task task = Task::Binary;
  int64_t labels = 1;  ///< Classes or labels.
  Thresholds thresholds{};
  std::optional<int64_t> ignore_index{};
  bool validate_args = true;
  ScoreInput input = ScoreInput::Auto;
  /// Whether torchmetrics keeps the scores of all classes in one row, with yes or no for each of them: it does so for
  /// exact micro averages.
  bool flattened = false;
};

/// A rule with what is worked out of it once, which copies share.
class METRICS_API CurvePlan {
 public:
  struct Bins;

  explicit CurvePlan(CurveRule rule);
  const CurveRule& rule() const { return rule_; }
  /// Where scores are counted; null if they are kept.
  const Bins* bins() const { return bins_.get(); }

 private:
  CurveRule rule_;
  std::shared_ptr<const Bins> bins_;
};

namespace curves {

/// Throws InvalidArgument for a number of classes or labels, thresholds or an input that cannot be.
METRICS_API void check(const CurveRule& rule);
/// Throws InvalidArgument for an average that the metric does not have.
METRICS_API void check_average(Average average, std::initializer_list<Average> allowed);
METRICS_API void check_normalization(Normalization normalization);
METRICS_API void declare(States& states, const CurvePlan& plan);
METRICS_API void update(States& states, const CurvePlan& plan, const Tensor& preds, const Tensor& target,
                        const Weights& weights);
METRICS_API void show_as_torchmetrics(States& states, const CurvePlan& plan);
METRICS_API void complete_from_torchmetrics(States& states, const CurvePlan& plan);
METRICS_API std::string update_key(const CurveRule& rule);

}  // namespace curves

/// What a curve metric has gathered: the states, and how they are read.
struct GatheredCurve {
  const States& states;
  const CurvePlan& plan;
};

}  // namespace classification

/// One tensor for all classes or labels, or one each where they differ in length.
using Curves = std::variant<Tensor, std::vector<Tensor>>;

/// What metrics on the curves of `Curve` (which says `rule(options)`) share, whatever their options.
template <class Curve>
struct CurveFamily {
  using Plan = classification::CurvePlan;
  using Rule = Plan;
  using Gathered = classification::GatheredCurve;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};

  template <class O>
  static void check(const O& options) {
    classification::curves::check(Curve::rule(options));
    if constexpr (requires { options.normalization; })
      classification::curves::check_normalization(options.normalization);
  }
  static void declare(States& states, const Plan& plan) { classification::curves::declare(states, plan); }
  static void update(States& states, const Plan& plan, const Tensor& preds, const Tensor& target,
                     const Weights& weights) {
    classification::curves::update(states, plan, preds, target, weights);
  }
  static void show_as_torchmetrics(States& states, const Plan& plan) {
    classification::curves::show_as_torchmetrics(states, plan);
  }
  static void complete_from_torchmetrics(States& states, const Plan& plan) {
    classification::curves::complete_from_torchmetrics(states, plan);
  }
  static std::string update_key(const Plan& plan) { return classification::curves::update_key(plan.rule()); }
  static Gathered gathered(const States& states, const Plan& plan) { return {states, plan}; }
};

/// What metrics on a binary curve share. `preds`: scores [N, ...]; `target`: labels of the same shape.
/// Their options have `thresholds`, `ignore_index`, `validate_args`, `input`, and may have `normalization`.
struct BinaryCurve : CurveFamily<BinaryCurve> {
  using Options = BinaryCurveOptions;
  template <class O>
  static classification::CurveRule rule(const O& o) {
    classification::CurveRule rule{
        classification::Task::Binary, 1, o.thresholds, o.ignore_index, o.validate_args, o.input};
    if constexpr (requires { o.normalization; }) {
      if (o.normalization == classification::Normalization::None)
        rule.input = classification::ScoreInput::Probabilities;
    }
    return rule;
  }
};

/// What metrics on the curves of classes share. `preds`: scores [N, C, ...]; `target`: classes [N, ...].
/// Their options have `num_classes`, `thresholds`, `ignore_index`, `validate_args`, `input`.
struct MulticlassCurve : CurveFamily<MulticlassCurve> {
  using Options = MulticlassCurveOptions;
  template <class O>
  static classification::CurveRule rule(const O& o) {
    classification::CurveRule rule{
        classification::Task::Multiclass, o.num_classes, o.thresholds, o.ignore_index, o.validate_args, o.input};
    if constexpr (requires { o.average; })
      rule.flattened = o.average == classification::Average::Micro && !o.thresholds;
    return rule;
  }
};

/// What metrics on the curves of labels share. `preds`: scores [N, L, ...]; `target`: labels, as `preds`.
/// Their options have `num_labels`, `thresholds`, `ignore_index`, `validate_args`, `input`.
struct MultilabelCurve : CurveFamily<MultilabelCurve> {
  using Options = MultilabelCurveOptions;
  template <class O>
  static classification::CurveRule rule(const O& o) {
    return {classification::Task::Multilabel, o.num_labels, o.thresholds, o.ignore_index, o.validate_args, o.input};
  }
};

}  // namespace metrics
