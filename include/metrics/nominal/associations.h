#pragma once

#include <metrics/core/member.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// What associations of two nominal variables share: how often each pair of values occurs. One adds its name, its traits
// and a formula over the table (see theils_u.h).

namespace metrics {

namespace families {

struct Contingency;

}  // namespace families

namespace nominal {

/// What becomes of NaN.
enum class NanStrategy {
  Replace,  ///< It is the value that `nan_replace_value` says.
  Drop,     ///< Its row is left out.
};

}  // namespace nominal

template <>
inline constexpr std::array<std::string_view, 2> enum_names<nominal::NanStrategy> = {"replace", "drop"};

/// Options of every association.
struct AssociationOptions {
  /// How many values the variables have.
  Required<int64_t> num_classes;
  nominal::NanStrategy nan_strategy = nominal::NanStrategy::Replace;
  /// What NaN is replaced by, one of the values.
  std::optional<double> nan_replace_value = 0.0;

  static constexpr auto fields() {
    using Self = AssociationOptions;
    return metrics::fields<&Self::num_classes, &Self::nan_strategy, &Self::nan_replace_value>();
  }
};

/// Options of those that are made of χ² and of the numbers of values that occur.
struct CorrectedAssociationOptions {
  /// How many values the variables have.
  Required<int64_t> num_classes;
  /// Whether what small samples add to the value is taken off it.
  bool bias_correction = true;
  nominal::NanStrategy nan_strategy = nominal::NanStrategy::Replace;
  /// What NaN is replaced by, one of the values.
  std::optional<double> nan_replace_value = 0.0;

  static constexpr auto fields() {
    using Self = CorrectedAssociationOptions;
    return metrics::fields<&Self::num_classes, &Self::bias_correction, &Self::nan_strategy, &Self::nan_replace_value>();
  }
};

/// Options of a functional, whose values are whatever occurs.
struct BatchAssociationOptions {
  nominal::NanStrategy nan_strategy = nominal::NanStrategy::Replace;
  /// What NaN is replaced by, a whole number.
  std::optional<double> nan_replace_value = 0.0;

  static constexpr auto fields() {
    using Self = BatchAssociationOptions;
    return metrics::fields<&Self::nan_strategy, &Self::nan_replace_value>();
  }
};

struct CorrectedBatchAssociationOptions {
  /// Whether what small samples add to the value is taken off it.
  bool bias_correction = true;
  nominal::NanStrategy nan_strategy = nominal::NanStrategy::Replace;
  /// What NaN is replaced by, a whole number.
  std::optional<double> nan_replace_value = 0.0;

  static constexpr auto fields() {
    using Self = CorrectedBatchAssociationOptions;
    return metrics::fields<&Self::bias_correction, &Self::nan_strategy, &Self::nan_replace_value>();
  }
};

/// What all associations of two nominal variables share. `preds` and `target`: values [N], whole numbers from 0 to
/// `num_classes` - 1 in integers or floating numbers, or scores [N, C], of which the greatest is the value.
struct METRICS_API Associations {
  using Options = AssociationOptions;
  using Gathered = families::Contingency;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                     const Weights& weights);
  static void complete_from_torchmetrics(States& states, const Options& options);
  static std::string update_key(const Options& options);
  static Gathered gathered(const States& states, const Options& options);
};

}  // namespace metrics
