#pragma once

#include <metrics/core/fields.h>
#include <metrics/core/state.h>
#include <metrics/export.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

// What options of classification metrics choose from.

namespace metrics {

namespace classification {

/// What a metric asks of each sample.
enum class Task {
  Binary,      ///< Yes or no.
  Multiclass,  ///< One class of several.
  Multilabel,  ///< Yes or no for each of several labels.
};

/// How the scores of classes or labels become one.
enum class Average {
  Micro,     ///< All counted together.
  Macro,     ///< The mean over classes; those that occur neither as target nor as prediction are left out.
  Weighted,  ///< The mean weighted by how often each is the target.
  None,      ///< One score each.
};

/// What becomes of dimensions beyond samples and classes.
enum class MultidimAverage {
  Global,      ///< They are more samples.
  Samplewise,  ///< Each sample gets a score of its own, over them.
};

/// What the scores of binary and multilabel metrics are. Predictions that are labels are neither.
enum class ScoreInput {
  Auto,           ///< Logits if any score that is not left out lies outside [0, 1]: of all batches, on all ranks.
  Logits,         ///< Compared after a sigmoid.
  Probabilities,  ///< Compared as they are.
};

/// What the entries of a confusion matrix are fractions of.
enum class Normalize {
  True,  ///< Of their target: each row sums to 1.
  Pred,  ///< Of their prediction: each column sums to 1.
  All,   ///< Of all.
  None,  ///< They are counts.
};

/// How much a mistake weighs, by the distance of the two classes.
enum class KappaWeights {
  None,       ///< All alike.
  Linear,     ///< By the distance.
  Quadratic,  ///< By its square.
};

/// Where a curve has its points. None: at each score that occurs, from all scores, which are kept. Else scores are
/// counted between thresholds, in memory that does not grow: a number of them from 0 to 1 in equal steps, a list, or a
/// tensor [T]. A score is a yes at a threshold when it is not below it. Thresholds that a curve without any returned
/// give its points again.
using Thresholds = std::optional<std::variant<int64_t, std::vector<double>, Tensor>>;

/// What becomes of the scores of a binary curve that lie outside [0, 1].
enum class Normalization {
  Sigmoid,  ///< As `input` says.
  Softmax,  ///< Refused: a single score has none.
  None,     ///< They are taken as they are, as with `input` probabilities.
};

/// How the errors of calibration bins become one.
enum class CalibrationNorm {
  L1,   ///< Their mean, weighted by the samples of each bin: the expected calibration error.
  L2,   ///< The root of their mean square, weighted likewise.
  Max,  ///< The greatest.
};

/// What a multiclass hinge loss takes for the margin.
enum class MulticlassMode {
  CrammerSinger,  ///< The target's score minus the best other one: a loss a sample.
  OneVsAll,       ///< Each class's score, its negative where the class is not the target: a loss a class.
};

/// Which ratios of the group that fares worst to the one that fares best are computed.
enum class FairnessTask {
  DemographicParity,  ///< Of the fractions that are predicted positive.
  EqualOpportunity,   ///< Of the true positive rates.
  All,                ///< Both.
};

/// What definitions share that count under both readings of their scores, as probabilities and as logits, because only
/// the last batch may tell which of them applies. In a state dict torchmetrics' names hold the counts of that one.
struct METRICS_API TwoReadings {
  template <class Options>
  static void show_as_torchmetrics(States& states, const Options& options) {
    show_reading(states, options.input);
  }
  /// A torchmetrics checkpoint has one set of counts only: both readings begin with it.
  template <class Options>
  static void complete_from_torchmetrics(States& states, const Options& options) {
    complete_readings(states, options.input);
  }

 private:
  static void show_reading(States& states, ScoreInput input);
  static void complete_readings(States& states, ScoreInput input);
};

}  // namespace classification

// Their names in the dynamic face.
template <>
inline constexpr std::array<std::string_view, 4> enum_names<classification::Average> = {"micro", "macro", "weighted",
                                                                                        "none"};
template <>
inline constexpr std::array<std::string_view, 2> enum_names<classification::MultidimAverage> = {"global", "samplewise"};
template <>
inline constexpr std::array<std::string_view, 3> enum_names<classification::ScoreInput> = {"auto", "logits",
                                                                                           "probabilities"};
template <>
inline constexpr std::array<std::string_view, 4> enum_names<classification::Normalize> = {"true", "pred", "all",
                                                                                          "none"};
template <>
inline constexpr std::array<std::string_view, 3> enum_names<classification::KappaWeights> = {"none", "linear",
                                                                                             "quadratic"};
template <>
inline constexpr std::array<std::string_view, 3> enum_names<classification::CalibrationNorm> = {"l1", "l2", "max"};
template <>
inline constexpr std::array<std::string_view, 2> enum_names<classification::MulticlassMode> = {"crammer-singer",
                                                                                               "one-vs-all"};
template <>
inline constexpr std::array<std::string_view, 3> enum_names<classification::FairnessTask> = {"demographic_parity",
                                                                                             "equal_opportunity", "all"};
template <>
inline constexpr std::array<std::string_view, 3> enum_names<classification::Normalization> = {"sigmoid", "softmax",
                                                                                              "none"};

}  // namespace metrics
