#pragma once

#include <metrics/classification/curves.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace metrics {

/// Options of BinaryLogAUC and of its functional, which differ in a default.
template <bool validated>
struct BinaryLogAUCDefaults {
  /// Between which false positive rates the area lies, 0 <= lower < upper <= 1. From 0 on the logarithm has no
  /// beginning, and the area is NaN.
  std::array<double, 2> fpr_range{0.001, 0.1};
  Thresholds thresholds{};
  /// Targets of this value do not count; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked; the class does not unless asked to. Without it targets other than 0 and 1
  /// do not count, and NaN is below all scores.
  bool validate_args = validated;
  ScoreInput input = ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinaryLogAUCDefaults;
    return metrics::fields<&Self::fpr_range, &Self::thresholds, &Self::ignore_index, &Self::validate_args,
                           &Self::input>();
  }
  template <bool other>
  operator BinaryLogAUCDefaults<other>() const {
    return {fpr_range, thresholds, ignore_index, validate_args, input};
  }
};
/// Options of BinaryLogAUC.
using BinaryLogAUCOptions = BinaryLogAUCDefaults<false>;
/// Options of functional::binary_logauc: labels are checked unless asked not to.
using BinaryLogAUCFunctionalOptions = BinaryLogAUCDefaults<true>;

/// Options of MulticlassLogAUC and of its functional, which differ in a default.
template <Average averaged>
struct MulticlassLogAUCDefaults {
  int64_t num_classes = 0;
  /// As for BinaryLogAUC.
  std::array<double, 2> fpr_range{0.001, 0.1};
  /// Macro: the mean over the classes whose area is a number. None: an area for each class.
  Average average = averaged;
  Thresholds thresholds{};
  /// Targets of this value do not count; it may be a class or not.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it rows whose target is no class do not count, and NaN is below all
  /// scores.
  bool validate_args = true;
  /// Logits are ranked by the logarithm of their softmax.
  ScoreInput input = ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MulticlassLogAUCDefaults;
    return metrics::fields<&Self::num_classes, &Self::fpr_range, &Self::average, &Self::thresholds, &Self::ignore_index,
                           &Self::validate_args, &Self::input>(1);
  }
  template <Average other>
  operator MulticlassLogAUCDefaults<other>() const {
    return {num_classes, fpr_range, average, thresholds, ignore_index, validate_args, input};
  }
};
/// Options of MulticlassLogAUC.
using MulticlassLogAUCOptions = MulticlassLogAUCDefaults<Average::None>;
/// Options of functional::multiclass_logauc: the macro average unless asked otherwise.
using MulticlassLogAUCFunctionalOptions = MulticlassLogAUCDefaults<Average::Macro>;

/// Options of MultilabelLogAUC and of its functional, which differ in a default.
template <Average averaged>
struct MultilabelLogAUCDefaults {
  int64_t num_labels = 0;
  /// As for BinaryLogAUC.
  std::array<double, 2> fpr_range{0.001, 0.1};
  /// Macro: the mean over the labels whose area is a number. None: an area for each label.
  Average average = averaged;
  Thresholds thresholds{};
  /// Targets of this value do not count; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it targets other than 0 and 1 do not count, and NaN is below all
  /// scores.
  bool validate_args = true;
  ScoreInput input = ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MultilabelLogAUCDefaults;
    return metrics::fields<&Self::num_labels, &Self::fpr_range, &Self::average, &Self::thresholds, &Self::ignore_index,
                           &Self::validate_args, &Self::input>(1);
  }
  template <Average other>
  operator MultilabelLogAUCDefaults<other>() const {
    return {num_labels, fpr_range, average, thresholds, ignore_index, validate_args, input};
  }
};
/// Options of MultilabelLogAUC.
using MultilabelLogAUCOptions = MultilabelLogAUCDefaults<Average::None>;
/// Options of functional::multilabel_logauc: the macro average unless asked otherwise.
using MultilabelLogAUCFunctionalOptions = MultilabelLogAUCDefaults<Average::Macro>;

namespace scores {

/// The area of a metric's options.
struct METRICS_API LogArea {
  template <class O>
  explicit LogArea(const O& options) : fpr_range(options.fpr_range) {
    if constexpr (requires { options.average; }) average = options.average;
  }
  void check() const;
  Tensor value(const classification::GatheredCurve& curve) const;

  std::array<double, 2> fpr_range;
  Average average = Average::None;
};

/// `Defaults` are the options of its functional.
template <class Defaults>
struct LogAUC {
  using FunctionalOptions = Defaults;
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  template <class O>
  static void check(const O& options) {
    LogArea(options).check();
  }
  template <class O>
  static Tensor value(const classification::GatheredCurve& curve, const O& options) {
    return LogArea(options).value(curve);
  }
};

}  // namespace scores

/// Computes the area under the ROC curve over the logarithm of the false positive rate, between two of these, divided
/// by the area that a perfect curve has there: a scalar (Mysinger and Shoichet 2010).
/// `preds`: scores [N, ...]; `target`: labels of the same shape. Between points the curve runs straight, and straight
/// on to (0, 0) and (1, 1) where thresholds that are given end before. NaN without negatives; 0 for a curve of fewer
/// than two points. Source: torchmetrics' BinaryLogAUC.
METRICS_METRIC(BinaryLogAUC, binary_logauc,
               Member<BinaryCurve, scores::LogAUC<BinaryLogAUCFunctionalOptions>, BinaryLogAUCOptions>);

/// Computes the same area for each class: [C], or their mean, a scalar.
/// `preds`: scores [N, C, ...]; `target`: classes [N, ...]. Source: torchmetrics' MulticlassLogAUC.
METRICS_METRIC(MulticlassLogAUC, multiclass_logauc,
               Member<MulticlassCurve, scores::LogAUC<MulticlassLogAUCFunctionalOptions>, MulticlassLogAUCOptions>);

/// Computes the same area for each label: [L], or their mean, a scalar.
/// `preds`: scores [N, L, ...]; `target`: labels, as `preds`. Source: torchmetrics' MultilabelLogAUC.
METRICS_METRIC(MultilabelLogAUC, multilabel_logauc,
               Member<MultilabelCurve, scores::LogAUC<MultilabelLogAUCFunctionalOptions>, MultilabelLogAUCOptions>);

}  // namespace metrics
