#pragma once

#include <metrics/core/fields.h>
#include <metrics/core/state.h>
#include <metrics/export.h>

#include <array>
#include <cstdint>
#include <string_view>

// What options of classification metrics choose from.

namespace metrics {

/// How the scores of classes or labels become one.
enum class Average {
  Micro,     ///< All counted together.
  Macro,     ///< The mean over classes; those that occur neither as target nor as prediction are left out.
  Weighted,  ///< The mean weighted by how often each is the target.
  None,      ///< One score each.
};
template <>
inline constexpr std::array<std::string_view, 4> enum_names<Average> = {"micro", "macro", "weighted", "none"};

/// What becomes of dimensions beyond samples and classes.
enum class MultidimAverage {
  Global,      ///< They are more samples.
  Samplewise,  ///< Each sample gets a score of its own, over them.
};
template <>
inline constexpr std::array<std::string_view, 2> enum_names<MultidimAverage> = {"global", "samplewise"};

/// What the scores of binary and multilabel metrics are. Predictions that are labels are neither.
enum class ScoreInput {
  Auto,           ///< Logits if any of all the scores that count lies outside [0, 1]: over all batches, on all ranks.
  Logits,         ///< Compared after a sigmoid.
  Probabilities,  ///< Compared as they are.
};
template <>
inline constexpr std::array<std::string_view, 3> enum_names<ScoreInput> = {"auto", "logits", "probabilities"};

/// What the entries of a confusion matrix are shares of.
enum class Normalize {
  True,  ///< Of their target: each row sums to 1.
  Pred,  ///< Of their prediction: each column sums to 1.
  All,   ///< Of all.
  None,  ///< They are counts.
};
template <>
inline constexpr std::array<std::string_view, 4> enum_names<Normalize> = {"true", "pred", "all", "none"};

/// What definitions share that count under both readings of their scores: in a state dict torchmetrics' names hold the
/// counts of the reading that holds.
struct METRICS_API TwoReadings {
  template <class Options>
  static void show_as_torchmetrics(States& states, const Options& options) {
    show_reading(states, options.input);
  }
  /// torchmetrics has decided already: both readings begin with its counts.
  template <class Options>
  static void complete_from_torchmetrics(States& states, const Options& options) {
    complete_readings(states, options.input);
  }

 private:
  static void show_reading(States& states, ScoreInput input);
  static void complete_readings(States& states, ScoreInput input);
};

}  // namespace metrics
