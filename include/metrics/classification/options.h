#pragma once

// Written by scripts/generate_options.py from src/classification/options.toml: change that, and run it.

#include <metrics/classification/choices.h>
#include <metrics/core/fields.h>

#include <array>
#include <cstdint>
#include <optional>

namespace metrics {

// What listings say of options: a sentence, and the default as Python prints it.
namespace classification::about {

inline constexpr FieldText num_classes{"Number of classes."};
inline constexpr FieldText num_classes_optional{
    "Number of classes; may be left out when `average` is micro and `top_k` 1.", "None"};
inline constexpr FieldText num_labels{"Number of labels."};
inline constexpr FieldText threshold{"A score above it is a yes.", "0.5"};
inline constexpr FieldText top_k{
    "A target among this many best scored classes is predicted right; the lower class comes first among equals.", "1"};
inline constexpr FieldText multidim_average{"What becomes of dimensions beyond samples and classes.", "'global'"};
inline constexpr FieldText average{"How the scores of classes or labels become one.", "'macro'"};
inline constexpr FieldText average_curves{"How the curves of classes become one.", "'none'"};
inline constexpr FieldText average_class_areas{
    "How the areas of classes become one: macro, weighted by the samples of each class, or none.", "'macro'"};
inline constexpr FieldText average_label_areas{"How the areas of labels become one.", "'macro'"};
inline constexpr FieldText average_class_log_areas{
    "Macro: the mean over the classes whose area is a number; none: an area for each class.", "'none'"};
inline constexpr FieldText average_mean_class_log_areas{
    "Macro: the mean over the classes whose area is a number; none: an area for each class.", "'macro'"};
inline constexpr FieldText average_label_log_areas{
    "Macro: the mean over the labels whose area is a number; none: an area for each label.", "'none'"};
inline constexpr FieldText average_mean_label_log_areas{
    "Macro: the mean over the labels whose area is a number; none: an area for each label.", "'macro'"};
inline constexpr FieldText ignore_index_question{"Targets of this value are left out; it may be 0 or 1.", "None"};
inline constexpr FieldText ignore_index_class{"Targets of this value are left out; it may be a class or not.", "None"};
inline constexpr FieldText ignore_index_class_of_average{
    "Targets of this value are left out; a class of this value has no part in the micro and macro averages.", "None"};
inline constexpr FieldText ignore_index_class_of_match{
    "Targets of this value cannot be missed; it may be a class or not.", "None"};
inline constexpr FieldText ignore_index_question_of_match{
    "Targets of this value cannot be missed; it may be 0 or 1.", "None"};
inline constexpr FieldText validate_args_questions{"Whether labels and scores are checked.", "True"};
inline constexpr FieldText validate_args_classes{"Whether labels and scores are checked.", "True"};
inline constexpr FieldText validate_args_confusion{"Whether labels and scores are checked.", "True"};
inline constexpr FieldText validate_args_class_match{
    "Whether labels are checked to be classes, and scores to be numbers.", "True"};
inline constexpr FieldText validate_args_label_match{"Whether labels and scores are checked.", "True"};
inline constexpr FieldText validate_args_curve{"Whether labels and scores are checked.", "True"};
inline constexpr FieldText validate_args_class_curves{"Whether labels and scores are checked.", "True"};
inline constexpr FieldText validate_args_unasked{
    "Whether labels and scores are checked; the class does not unless asked to.", "False"};
inline constexpr FieldText validate_args_calibration{"Whether labels and scores are checked.", "True"};
inline constexpr FieldText validate_args_class_calibration{"Whether labels and scores are checked.", "True"};
inline constexpr FieldText validate_args_hinge{"Whether labels and scores are checked.", "True"};
inline constexpr FieldText validate_args_unasked_hinge{
    "Whether labels and scores are checked; the class does unless asked not to.", "False"};
inline constexpr FieldText validate_args_class_hinge{"Whether labels and scores are checked.", "True"};
inline constexpr FieldText validate_args_unasked_class_hinge{
    "Whether labels and scores are checked; the class does unless asked not to.", "False"};
inline constexpr FieldText validate_args_ranking{"Whether labels and scores are checked.", "True"};
inline constexpr FieldText zero_division_counts{"Score where a formula would divide by 0: 0 or 1.", "0.0"};
inline constexpr FieldText zero_division_jaccard{"Score where neither a target nor a prediction is positive.", "0.0"};
inline constexpr FieldText zero_division_jaccard_of_each{
    "Score of a class or label that is neither a target nor predicted.", "0.0"};
inline constexpr FieldText input{
    "What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].", "'auto'"};
inline constexpr FieldText input_class_curves{
    "What the scores are: logits, which are ranked by the logarithm of their softmax, probabilities, or logits if "
    "any lies outside [0, 1].", "'auto'"};
inline constexpr FieldText input_confidences{
    "What the scores are: logits, of which the softmax is taken, probabilities, or logits if any of them lies "
    "outside [0, 1].", "'auto'"};
inline constexpr FieldText input_margins{
    "What the scores are: logits, of which the sigmoid is taken, probabilities, or logits if any of them lies "
    "outside [0, 1].", "'auto'"};
inline constexpr FieldText input_class_margins{
    "What the scores are: logits, of which the softmax is taken, probabilities, or logits if any of them lies "
    "outside [0, 1].", "'auto'"};
inline constexpr FieldText beta{"How many times as much recall weighs as precision; above 0."};
inline constexpr FieldText normalize{"What the entries of the matrix are fractions of.", "'none'"};
inline constexpr FieldText weights{"How much a mistake weighs, by the distance of the two classes.", "'none'"};
inline constexpr FieldText thresholds{
    "Where a curve has its points: at each score that occurs, or at as many equal steps from 0 to 1, or at those "
    "given.", "None"};
inline constexpr FieldText normalization{
    "What becomes of the scores of a binary curve that lie outside [0, 1].", "'sigmoid'"};
inline constexpr FieldText max_fpr{
    "The area up to this false positive rate, in (0, 1], scaled so that chance gives 0.5 (McClish 1989); without "
    "it all.", "None"};
inline constexpr FieldText fpr_range{
    "Between which false positive rates the area lies, 0 <= lower < upper <= 1.", "[0.001, 0.1]"};
inline constexpr FieldText n_bins{"Into how many equal parts [0, 1] is divided.", "15"};
inline constexpr FieldText norm{
    "How the bins' errors become one: their mean, the root of their mean square, or the greatest.", "'l1'"};
inline constexpr FieldText squared{"Whether the loss of a sample is squared.", "False"};
inline constexpr FieldText multiclass_mode{
    "Whether a class's score is held against the best other one, or each class against yes or no.", "'crammer-singer'"};
inline constexpr FieldText num_groups{"Number of groups."};
inline constexpr FieldText task{
    "Which ratios are computed: of positive predictions, of true positive rates, or both.", "'all'"};
inline constexpr FieldText min_recall{"Recall must be at least this, in [0, 1]."};
inline constexpr FieldText min_precision{"Precision must be at least this, in [0, 1]."};
inline constexpr FieldText min_sensitivity{"Sensitivity must be at least this, in [0, 1]."};
inline constexpr FieldText min_specificity{"Specificity must be at least this, in [0, 1]."};

}  // namespace classification::about

/// Options of BinaryStatScores, and of every binary metric over its counts.
struct BinaryStatScoresOptions {
  /// A score above it is a yes.
  double threshold = 0.5;
  /// What becomes of dimensions beyond samples and classes.
  classification::MultidimAverage multidim_average = classification::MultidimAverage::Global;
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it a predicted label that is neither 0 nor 1 is wrong, a target is
  /// left out, and NaN is above no threshold.
  bool validate_args = true;
  /// Score where a formula would divide by 0: 0 or 1. Only precision, recall, the F-scores and the negative predictive
  /// value have a use for it.
  double zero_division = 0;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinaryStatScoresOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::threshold, &Self::multidim_average, &Self::ignore_index, &Self::validate_args,
                           &Self::zero_division, &Self::input>()
        .about({about::threshold, about::multidim_average, about::ignore_index_question, about::validate_args_questions,
                about::zero_division_counts, about::input});
  }
};

/// Options of MulticlassStatScores, and of every multiclass metric over its counts.
struct MulticlassStatScoresOptions {
  /// Number of classes; may be left out when `average` is micro and `top_k` 1.
  std::optional<int64_t> num_classes{};
  /// A target among this many best scored classes is predicted right; the lower class comes first among equals.
  int64_t top_k = 1;
  /// How the scores of classes or labels become one.
  classification::Average average = classification::Average::Macro;
  /// What becomes of dimensions beyond samples and classes.
  classification::MultidimAverage multidim_average = classification::MultidimAverage::Global;
  /// Targets of this value are left out; it may be a class or not.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it a label outside the classes is never right and of no class, and
  /// NaN is the greatest score, the first of several, as it is for torch's argmax.
  bool validate_args = true;
  /// Score where a formula would divide by 0: 0 or 1. Only precision, recall, the F-scores and the negative predictive
  /// value have a use for it.
  double zero_division = 0;

  static constexpr auto fields() {
    using Self = MulticlassStatScoresOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_classes, &Self::top_k, &Self::average, &Self::multidim_average,
                           &Self::ignore_index, &Self::validate_args, &Self::zero_division>()
        .about({about::num_classes_optional, about::top_k, about::average, about::multidim_average,
                about::ignore_index_class, about::validate_args_classes, about::zero_division_counts});
  }
};

/// Options of MultilabelStatScores, and of every multilabel metric over its counts.
struct MultilabelStatScoresOptions {
  /// Number of labels.
  Required<int64_t> num_labels;
  /// A score above it is a yes.
  double threshold = 0.5;
  /// How the scores of classes or labels become one.
  classification::Average average = classification::Average::Macro;
  /// What becomes of dimensions beyond samples and classes.
  classification::MultidimAverage multidim_average = classification::MultidimAverage::Global;
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it a predicted label that is neither 0 nor 1 is wrong, a target is
  /// left out, and NaN is above no threshold.
  bool validate_args = true;
  /// Score where a formula would divide by 0: 0 or 1. Only precision, recall, the F-scores and the negative predictive
  /// value have a use for it.
  double zero_division = 0;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MultilabelStatScoresOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_labels, &Self::threshold, &Self::average, &Self::multidim_average,
                           &Self::ignore_index, &Self::validate_args, &Self::zero_division, &Self::input>()
        .about({about::num_labels, about::threshold, about::average, about::multidim_average,
                about::ignore_index_question, about::validate_args_questions, about::zero_division_counts,
                about::input});
  }
};

/// Options of BinaryFBetaScore: `beta`, and those of BinaryStatScores.
struct BinaryFBetaScoreOptions {
  /// How many times as much recall weighs as precision; above 0.
  Required<double> beta;
  /// A score above it is a yes.
  double threshold = 0.5;
  /// What becomes of dimensions beyond samples and classes.
  classification::MultidimAverage multidim_average = classification::MultidimAverage::Global;
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it a predicted label that is neither 0 nor 1 is wrong, a target is
  /// left out, and NaN is above no threshold.
  bool validate_args = true;
  /// Score where a formula would divide by 0: 0 or 1. Only precision, recall, the F-scores and the negative predictive
  /// value have a use for it.
  double zero_division = 0;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinaryFBetaScoreOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::beta, &Self::threshold, &Self::multidim_average, &Self::ignore_index,
                           &Self::validate_args, &Self::zero_division, &Self::input>()
        .about({about::beta, about::threshold, about::multidim_average, about::ignore_index_question,
                about::validate_args_questions, about::zero_division_counts, about::input});
  }
};

/// Options of MulticlassFBetaScore: `beta`, and those of MulticlassStatScores.
struct MulticlassFBetaScoreOptions {
  /// How many times as much recall weighs as precision; above 0.
  Required<double> beta;
  /// Number of classes; may be left out when `average` is micro and `top_k` 1.
  std::optional<int64_t> num_classes{};
  /// A target among this many best scored classes is predicted right; the lower class comes first among equals.
  int64_t top_k = 1;
  /// How the scores of classes or labels become one.
  classification::Average average = classification::Average::Macro;
  /// What becomes of dimensions beyond samples and classes.
  classification::MultidimAverage multidim_average = classification::MultidimAverage::Global;
  /// Targets of this value are left out; it may be a class or not.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it a label outside the classes is never right and of no class, and
  /// NaN is the greatest score, the first of several, as it is for torch's argmax.
  bool validate_args = true;
  /// Score where a formula would divide by 0: 0 or 1. Only precision, recall, the F-scores and the negative predictive
  /// value have a use for it.
  double zero_division = 0;

  static constexpr auto fields() {
    using Self = MulticlassFBetaScoreOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::beta, &Self::num_classes, &Self::top_k, &Self::average, &Self::multidim_average,
                           &Self::ignore_index, &Self::validate_args, &Self::zero_division>()
        .about({about::beta, about::num_classes_optional, about::top_k, about::average, about::multidim_average,
                about::ignore_index_class, about::validate_args_classes, about::zero_division_counts});
  }
};

/// Options of MultilabelFBetaScore: `beta`, and those of MultilabelStatScores.
struct MultilabelFBetaScoreOptions {
  /// How many times as much recall weighs as precision; above 0.
  Required<double> beta;
  /// Number of labels.
  Required<int64_t> num_labels;
  /// A score above it is a yes.
  double threshold = 0.5;
  /// How the scores of classes or labels become one.
  classification::Average average = classification::Average::Macro;
  /// What becomes of dimensions beyond samples and classes.
  classification::MultidimAverage multidim_average = classification::MultidimAverage::Global;
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it a predicted label that is neither 0 nor 1 is wrong, a target is
  /// left out, and NaN is above no threshold.
  bool validate_args = true;
  /// Score where a formula would divide by 0: 0 or 1. Only precision, recall, the F-scores and the negative predictive
  /// value have a use for it.
  double zero_division = 0;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MultilabelFBetaScoreOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::beta, &Self::num_labels, &Self::threshold, &Self::average, &Self::multidim_average,
                           &Self::ignore_index, &Self::validate_args, &Self::zero_division, &Self::input>()
        .about({about::beta, about::num_labels, about::threshold, about::average, about::multidim_average,
                about::ignore_index_question, about::validate_args_questions, about::zero_division_counts,
                about::input});
  }
};

/// Options of every binary metric over a confusion matrix: what decides how pairs are counted.
struct BinaryConfusionOptions {
  /// A score above it is a yes.
  double threshold = 0.5;
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it a predicted label that is neither 0 nor 1 is wrong, a target is
  /// left out, and NaN is above no threshold.
  bool validate_args = true;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinaryConfusionOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::threshold, &Self::ignore_index, &Self::validate_args, &Self::input>()
        .about({about::threshold, about::ignore_index_question, about::validate_args_questions, about::input});
  }
};

/// Options of every multiclass metric over a confusion matrix: what decides how pairs are counted.
struct MulticlassConfusionOptions {
  /// Number of classes.
  Required<int64_t> num_classes;
  /// Targets of this value are left out; it may be a class or not.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it rows with a label outside the classes are left out, and NaN is
  /// the greatest score, the first of several.
  bool validate_args = true;

  static constexpr auto fields() {
    using Self = MulticlassConfusionOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_classes, &Self::ignore_index, &Self::validate_args>()
        .about({about::num_classes, about::ignore_index_class, about::validate_args_confusion});
  }
};

/// Options of every multilabel metric over a confusion matrix: what decides how pairs are counted.
struct MultilabelConfusionOptions {
  /// Number of labels.
  Required<int64_t> num_labels;
  /// A score above it is a yes.
  double threshold = 0.5;
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it a predicted label that is neither 0 nor 1 is wrong, a target is
  /// left out, and NaN is above no threshold.
  bool validate_args = true;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MultilabelConfusionOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_labels, &Self::threshold, &Self::ignore_index, &Self::validate_args,
                           &Self::input>()
        .about({about::num_labels, about::threshold, about::ignore_index_question, about::validate_args_questions,
                about::input});
  }
};

/// Options of BinaryConfusionMatrix: BinaryConfusionOptions, and `normalize`.
struct BinaryConfusionMatrixOptions {
  /// A score above it is a yes.
  double threshold = 0.5;
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// What the entries of the matrix are fractions of.
  classification::Normalize normalize = classification::Normalize::None;
  /// Whether labels and scores are checked. Without it a predicted label that is neither 0 nor 1 is wrong, a target is
  /// left out, and NaN is above no threshold.
  bool validate_args = true;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinaryConfusionMatrixOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::threshold, &Self::ignore_index, &Self::normalize, &Self::validate_args,
                           &Self::input>()
        .about({about::threshold, about::ignore_index_question, about::normalize, about::validate_args_questions,
                about::input});
  }
};

/// Options of MulticlassConfusionMatrix: MulticlassConfusionOptions, and `normalize`.
struct MulticlassConfusionMatrixOptions {
  /// Number of classes.
  Required<int64_t> num_classes;
  /// Targets of this value are left out; it may be a class or not.
  std::optional<int64_t> ignore_index{};
  /// What the entries of the matrix are fractions of.
  classification::Normalize normalize = classification::Normalize::None;
  /// Whether labels and scores are checked. Without it rows with a label outside the classes are left out, and NaN is
  /// the greatest score, the first of several.
  bool validate_args = true;

  static constexpr auto fields() {
    using Self = MulticlassConfusionMatrixOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_classes, &Self::ignore_index, &Self::normalize, &Self::validate_args>()
        .about({about::num_classes, about::ignore_index_class, about::normalize, about::validate_args_confusion});
  }
};

/// Options of MultilabelConfusionMatrix: MultilabelConfusionOptions, and `normalize`.
struct MultilabelConfusionMatrixOptions {
  /// Number of labels.
  Required<int64_t> num_labels;
  /// A score above it is a yes.
  double threshold = 0.5;
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// What the entries of the matrix are fractions of.
  classification::Normalize normalize = classification::Normalize::None;
  /// Whether labels and scores are checked. Without it a predicted label that is neither 0 nor 1 is wrong, a target is
  /// left out, and NaN is above no threshold.
  bool validate_args = true;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MultilabelConfusionMatrixOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_labels, &Self::threshold, &Self::ignore_index, &Self::normalize,
                           &Self::validate_args, &Self::input>()
        .about({about::num_labels, about::threshold, about::ignore_index_question, about::normalize,
                about::validate_args_questions, about::input});
  }
};

/// Options of BinaryCohenKappa: BinaryConfusionOptions, and `weights`.
struct BinaryCohenKappaOptions {
  /// A score above it is a yes.
  double threshold = 0.5;
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// How much a mistake weighs, by the distance of the two classes.
  classification::KappaWeights weights = classification::KappaWeights::None;
  /// Whether labels and scores are checked. Without it a predicted label that is neither 0 nor 1 is wrong, a target is
  /// left out, and NaN is above no threshold.
  bool validate_args = true;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinaryCohenKappaOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::threshold, &Self::ignore_index, &Self::weights, &Self::validate_args, &Self::input>()
        .about({about::threshold, about::ignore_index_question, about::weights, about::validate_args_questions,
                about::input});
  }
};

/// Options of MulticlassCohenKappa: MulticlassConfusionOptions, and `weights`.
struct MulticlassCohenKappaOptions {
  /// Number of classes.
  Required<int64_t> num_classes;
  /// Targets of this value are left out; it may be a class or not.
  std::optional<int64_t> ignore_index{};
  /// How much a mistake weighs, by the distance of the two classes.
  classification::KappaWeights weights = classification::KappaWeights::None;
  /// Whether labels and scores are checked. Without it rows with a label outside the classes are left out, and NaN is
  /// the greatest score, the first of several.
  bool validate_args = true;

  static constexpr auto fields() {
    using Self = MulticlassCohenKappaOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_classes, &Self::ignore_index, &Self::weights, &Self::validate_args>()
        .about({about::num_classes, about::ignore_index_class, about::weights, about::validate_args_confusion});
  }
};

/// Options of BinaryJaccardIndex: BinaryConfusionOptions, and `zero_division`.
struct BinaryJaccardIndexOptions {
  /// A score above it is a yes.
  double threshold = 0.5;
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it a predicted label that is neither 0 nor 1 is wrong, a target is
  /// left out, and NaN is above no threshold.
  bool validate_args = true;
  /// Score where neither a target nor a prediction is positive.
  double zero_division = 0;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinaryJaccardIndexOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::threshold, &Self::ignore_index, &Self::validate_args, &Self::zero_division,
                           &Self::input>()
        .about({about::threshold, about::ignore_index_question, about::validate_args_questions,
                about::zero_division_jaccard, about::input});
  }
};

/// Options of MulticlassJaccardIndex: MulticlassConfusionOptions, `average` and `zero_division`.
struct MulticlassJaccardIndexOptions {
  /// Number of classes.
  Required<int64_t> num_classes;
  /// How the scores of classes or labels become one.
  classification::Average average = classification::Average::Macro;
  /// Targets of this value are left out; a class of this value has no part in the micro and macro averages.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it rows with a label outside the classes are left out, and NaN is
  /// the greatest score, the first of several.
  bool validate_args = true;
  /// Score of a class or label that is neither a target nor predicted.
  double zero_division = 0;

  static constexpr auto fields() {
    using Self = MulticlassJaccardIndexOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_classes, &Self::average, &Self::ignore_index, &Self::validate_args,
                           &Self::zero_division>()
        .about({about::num_classes, about::average, about::ignore_index_class_of_average,
                about::validate_args_confusion, about::zero_division_jaccard_of_each});
  }
};

/// Options of MultilabelJaccardIndex: MultilabelConfusionOptions, `average` and `zero_division`.
struct MultilabelJaccardIndexOptions {
  /// Number of labels.
  Required<int64_t> num_labels;
  /// A score above it is a yes.
  double threshold = 0.5;
  /// How the scores of classes or labels become one.
  classification::Average average = classification::Average::Macro;
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it a predicted label that is neither 0 nor 1 is wrong, a target is
  /// left out, and NaN is above no threshold.
  bool validate_args = true;
  /// Score of a class or label that is neither a target nor predicted.
  double zero_division = 0;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MultilabelJaccardIndexOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_labels, &Self::threshold, &Self::average, &Self::ignore_index,
                           &Self::validate_args, &Self::zero_division, &Self::input>()
        .about({about::num_labels, about::threshold, about::average, about::ignore_index_question,
                about::validate_args_questions, about::zero_division_jaccard_of_each, about::input});
  }
};

/// Options of MulticlassExactMatch.
struct MulticlassExactMatchOptions {
  /// Number of classes.
  Required<int64_t> num_classes;
  /// What becomes of dimensions beyond samples and classes.
  classification::MultidimAverage multidim_average = classification::MultidimAverage::Global;
  /// Targets of this value cannot be missed; it may be a class or not.
  std::optional<int64_t> ignore_index{};
  /// Whether labels are checked to be classes, and scores to be numbers. Without it NaN is the greatest score.
  bool validate_args = true;

  static constexpr auto fields() {
    using Self = MulticlassExactMatchOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_classes, &Self::multidim_average, &Self::ignore_index, &Self::validate_args>()
        .about({about::num_classes, about::multidim_average, about::ignore_index_class_of_match,
                about::validate_args_class_match});
  }
};

/// Options of MultilabelExactMatch.
struct MultilabelExactMatchOptions {
  /// Number of labels.
  Required<int64_t> num_labels;
  /// A score above it is a yes.
  double threshold = 0.5;
  /// What becomes of dimensions beyond samples and classes.
  classification::MultidimAverage multidim_average = classification::MultidimAverage::Global;
  /// Targets of this value cannot be missed; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it a predicted label that is neither 0 nor 1 is wrong, a target
  /// cannot be missed, and NaN is above no threshold.
  bool validate_args = true;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MultilabelExactMatchOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_labels, &Self::threshold, &Self::multidim_average, &Self::ignore_index,
                           &Self::validate_args, &Self::input>()
        .about({about::num_labels, about::threshold, about::multidim_average, about::ignore_index_question_of_match,
                about::validate_args_label_match, about::input});
  }
};

/// Options of BinaryPrecisionRecallCurve, BinaryROC, BinaryEER and BinaryAveragePrecision.
struct BinaryCurveOptions {
  /// Where a curve has its points: at each score that occurs, or at as many equal steps from 0 to 1, or at those given.
  classification::Thresholds thresholds{};
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it targets other than 0 and 1 are left out, and NaN is below all
  /// scores.
  bool validate_args = true;
  /// What becomes of the scores of a binary curve that lie outside [0, 1].
  classification::Normalization normalization = classification::Normalization::Sigmoid;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinaryCurveOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::thresholds, &Self::ignore_index, &Self::validate_args, &Self::normalization,
                           &Self::input>()
        .about({about::thresholds, about::ignore_index_question, about::validate_args_curve, about::normalization,
                about::input});
  }
};

/// Options of MulticlassPrecisionRecallCurve, MulticlassROC and MulticlassEER.
struct MulticlassCurveOptions {
  /// Number of classes.
  Required<int64_t> num_classes;
  /// Where a curve has its points: at each score that occurs, or at as many equal steps from 0 to 1, or at those given.
  classification::Thresholds thresholds{};
  /// How the curves of classes become one. None: a curve a class. Micro: the curve of all scores, each asking whether
  /// its class is the target. Macro: the mean of the curves, at the false positive rates (precisions) of all of them.
  classification::Average average = classification::Average::None;
  /// Targets of this value are left out; it may be a class or not.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it rows whose target is no class are left out, and NaN is below all
  /// scores.
  bool validate_args = true;
  /// What the scores are: logits, which are ranked by the logarithm of their softmax, probabilities, or logits if any
  /// lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MulticlassCurveOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_classes, &Self::thresholds, &Self::average, &Self::ignore_index,
                           &Self::validate_args, &Self::input>()
        .about({about::num_classes, about::thresholds, about::average_curves, about::ignore_index_class,
                about::validate_args_class_curves, about::input_class_curves});
  }
};

/// Options of MultilabelPrecisionRecallCurve, MultilabelROC and MultilabelEER.
struct MultilabelCurveOptions {
  /// Number of labels.
  Required<int64_t> num_labels;
  /// Where a curve has its points: at each score that occurs, or at as many equal steps from 0 to 1, or at those given.
  classification::Thresholds thresholds{};
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it targets other than 0 and 1 are left out, and NaN is below all
  /// scores.
  bool validate_args = true;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MultilabelCurveOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_labels, &Self::thresholds, &Self::ignore_index, &Self::validate_args,
                           &Self::input>()
        .about({about::num_labels, about::thresholds, about::ignore_index_question, about::validate_args_curve,
                about::input});
  }
};

/// Options of MulticlassAUROC and MulticlassAveragePrecision.
struct MulticlassAreaOptions {
  /// Number of classes.
  Required<int64_t> num_classes;
  /// How the areas of classes become one: macro, weighted by the samples of each class, or none.
  classification::Average average = classification::Average::Macro;
  /// Where a curve has its points: at each score that occurs, or at as many equal steps from 0 to 1, or at those given.
  classification::Thresholds thresholds{};
  /// Targets of this value are left out; it may be a class or not.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it rows whose target is no class are left out, and NaN is below all
  /// scores.
  bool validate_args = true;
  /// What the scores are: logits, which are ranked by the logarithm of their softmax, probabilities, or logits if any
  /// lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MulticlassAreaOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_classes, &Self::average, &Self::thresholds, &Self::ignore_index,
                           &Self::validate_args, &Self::input>()
        .about({about::num_classes, about::average_class_areas, about::thresholds, about::ignore_index_class,
                about::validate_args_class_curves, about::input_class_curves});
  }
};

/// Options of MultilabelAUROC and MultilabelAveragePrecision.
struct MultilabelAreaOptions {
  /// Number of labels.
  Required<int64_t> num_labels;
  /// How the areas of labels become one. Micro: of the scores of all labels together. Weighted: by the positive samples
  /// of each label.
  classification::Average average = classification::Average::Macro;
  /// Where a curve has its points: at each score that occurs, or at as many equal steps from 0 to 1, or at those given.
  classification::Thresholds thresholds{};
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it targets other than 0 and 1 are left out, and NaN is below all
  /// scores.
  bool validate_args = true;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MultilabelAreaOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_labels, &Self::average, &Self::thresholds, &Self::ignore_index,
                           &Self::validate_args, &Self::input>()
        .about({about::num_labels, about::average_label_areas, about::thresholds, about::ignore_index_question,
                about::validate_args_curve, about::input});
  }
};

/// Options of BinaryAUROC.
struct BinaryAUROCOptions {
  /// The area up to this false positive rate, in (0, 1], scaled so that chance gives 0.5 (McClish 1989); without it
  /// all.
  std::optional<double> max_fpr{};
  /// Where a curve has its points: at each score that occurs, or at as many equal steps from 0 to 1, or at those given.
  classification::Thresholds thresholds{};
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it targets other than 0 and 1 are left out, and NaN is below all
  /// scores.
  bool validate_args = true;
  /// What becomes of the scores of a binary curve that lie outside [0, 1].
  classification::Normalization normalization = classification::Normalization::Sigmoid;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinaryAUROCOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::max_fpr, &Self::thresholds, &Self::ignore_index, &Self::validate_args,
                           &Self::normalization, &Self::input>()
        .about({about::max_fpr, about::thresholds, about::ignore_index_question, about::validate_args_curve,
                about::normalization, about::input});
  }
};

struct BinaryLogAUCFunctionalOptions;

/// Options of BinaryLogAUC.
struct BinaryLogAUCOptions {
  /// Between which false positive rates the area lies, 0 <= lower < upper <= 1. From 0 on the logarithm has no
  /// beginning, and the area is NaN.
  std::array<double, 2> fpr_range{0.001, 0.1};
  /// Where a curve has its points: at each score that occurs, or at as many equal steps from 0 to 1, or at those given.
  classification::Thresholds thresholds{};
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked; the class does not unless asked to. Without it targets other than 0 and 1
  /// are left out, and NaN is below all scores.
  bool validate_args = false;
  /// What becomes of the scores of a binary curve that lie outside [0, 1].
  classification::Normalization normalization = classification::Normalization::Sigmoid;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinaryLogAUCOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::fpr_range, &Self::thresholds, &Self::ignore_index, &Self::validate_args,
                           &Self::normalization, &Self::input>()
        .about({about::fpr_range, about::thresholds, about::ignore_index_question, about::validate_args_unasked,
                about::normalization, about::input});
  }
  operator BinaryLogAUCFunctionalOptions() const;  // by name
};

/// Options of functional::binary_logauc: labels are checked unless asked not to.
struct BinaryLogAUCFunctionalOptions {
  /// Between which false positive rates the area lies, 0 <= lower < upper <= 1. From 0 on the logarithm has no
  /// beginning, and the area is NaN.
  std::array<double, 2> fpr_range{0.001, 0.1};
  /// Where a curve has its points: at each score that occurs, or at as many equal steps from 0 to 1, or at those given.
  classification::Thresholds thresholds{};
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it targets other than 0 and 1 are left out, and NaN is below all
  /// scores.
  bool validate_args = true;
  /// What becomes of the scores of a binary curve that lie outside [0, 1].
  classification::Normalization normalization = classification::Normalization::Sigmoid;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinaryLogAUCFunctionalOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::fpr_range, &Self::thresholds, &Self::ignore_index, &Self::validate_args,
                           &Self::normalization, &Self::input>()
        .about({about::fpr_range, about::thresholds, about::ignore_index_question, about::validate_args_curve,
                about::normalization, about::input});
  }
  operator BinaryLogAUCOptions() const;  // by name
};

struct MulticlassLogAUCFunctionalOptions;

/// Options of MulticlassLogAUC.
struct MulticlassLogAUCOptions {
  /// Number of classes.
  Required<int64_t> num_classes;
  /// Between which false positive rates the area lies, 0 <= lower < upper <= 1. From 0 on the logarithm has no
  /// beginning, and the area is NaN.
  std::array<double, 2> fpr_range{0.001, 0.1};
  /// Macro: the mean over the classes whose area is a number; none: an area for each class.
  classification::Average average = classification::Average::None;
  /// Where a curve has its points: at each score that occurs, or at as many equal steps from 0 to 1, or at those given.
  classification::Thresholds thresholds{};
  /// Targets of this value are left out; it may be a class or not.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it rows whose target is no class are left out, and NaN is below all
  /// scores.
  bool validate_args = true;
  /// What the scores are: logits, which are ranked by the logarithm of their softmax, probabilities, or logits if any
  /// lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MulticlassLogAUCOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_classes, &Self::fpr_range, &Self::average, &Self::thresholds, &Self::ignore_index,
                           &Self::validate_args, &Self::input>()
        .about({about::num_classes, about::fpr_range, about::average_class_log_areas, about::thresholds,
                about::ignore_index_class, about::validate_args_class_curves, about::input_class_curves});
  }
  operator MulticlassLogAUCFunctionalOptions() const;  // by name
};

/// Options of functional::multiclass_logauc: the macro average unless asked otherwise.
struct MulticlassLogAUCFunctionalOptions {
  /// Number of classes.
  Required<int64_t> num_classes;
  /// Between which false positive rates the area lies, 0 <= lower < upper <= 1. From 0 on the logarithm has no
  /// beginning, and the area is NaN.
  std::array<double, 2> fpr_range{0.001, 0.1};
  /// Macro: the mean over the classes whose area is a number; none: an area for each class.
  classification::Average average = classification::Average::Macro;
  /// Where a curve has its points: at each score that occurs, or at as many equal steps from 0 to 1, or at those given.
  classification::Thresholds thresholds{};
  /// Targets of this value are left out; it may be a class or not.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it rows whose target is no class are left out, and NaN is below all
  /// scores.
  bool validate_args = true;
  /// What the scores are: logits, which are ranked by the logarithm of their softmax, probabilities, or logits if any
  /// lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MulticlassLogAUCFunctionalOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_classes, &Self::fpr_range, &Self::average, &Self::thresholds, &Self::ignore_index,
                           &Self::validate_args, &Self::input>()
        .about({about::num_classes, about::fpr_range, about::average_mean_class_log_areas, about::thresholds,
                about::ignore_index_class, about::validate_args_class_curves, about::input_class_curves});
  }
  operator MulticlassLogAUCOptions() const;  // by name
};

struct MultilabelLogAUCFunctionalOptions;

/// Options of MultilabelLogAUC.
struct MultilabelLogAUCOptions {
  /// Number of labels.
  Required<int64_t> num_labels;
  /// Between which false positive rates the area lies, 0 <= lower < upper <= 1. From 0 on the logarithm has no
  /// beginning, and the area is NaN.
  std::array<double, 2> fpr_range{0.001, 0.1};
  /// Macro: the mean over the labels whose area is a number; none: an area for each label.
  classification::Average average = classification::Average::None;
  /// Where a curve has its points: at each score that occurs, or at as many equal steps from 0 to 1, or at those given.
  classification::Thresholds thresholds{};
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it targets other than 0 and 1 are left out, and NaN is below all
  /// scores.
  bool validate_args = true;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MultilabelLogAUCOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_labels, &Self::fpr_range, &Self::average, &Self::thresholds, &Self::ignore_index,
                           &Self::validate_args, &Self::input>()
        .about({about::num_labels, about::fpr_range, about::average_label_log_areas, about::thresholds,
                about::ignore_index_question, about::validate_args_curve, about::input});
  }
  operator MultilabelLogAUCFunctionalOptions() const;  // by name
};

/// Options of functional::multilabel_logauc: the macro average unless asked otherwise.
struct MultilabelLogAUCFunctionalOptions {
  /// Number of labels.
  Required<int64_t> num_labels;
  /// Between which false positive rates the area lies, 0 <= lower < upper <= 1. From 0 on the logarithm has no
  /// beginning, and the area is NaN.
  std::array<double, 2> fpr_range{0.001, 0.1};
  /// Macro: the mean over the labels whose area is a number; none: an area for each label.
  classification::Average average = classification::Average::Macro;
  /// Where a curve has its points: at each score that occurs, or at as many equal steps from 0 to 1, or at those given.
  classification::Thresholds thresholds{};
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it targets other than 0 and 1 are left out, and NaN is below all
  /// scores.
  bool validate_args = true;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MultilabelLogAUCFunctionalOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_labels, &Self::fpr_range, &Self::average, &Self::thresholds, &Self::ignore_index,
                           &Self::validate_args, &Self::input>()
        .about({about::num_labels, about::fpr_range, about::average_mean_label_log_areas, about::thresholds,
                about::ignore_index_question, about::validate_args_curve, about::input});
  }
  operator MultilabelLogAUCOptions() const;  // by name
};

/// Options of BinaryPrecisionAtFixedRecall.
struct BinaryPrecisionAtFixedRecallOptions {
  /// Recall must be at least this, in [0, 1].
  Required<double> min_recall;
  /// Where a curve has its points: at each score that occurs, or at as many equal steps from 0 to 1, or at those given.
  classification::Thresholds thresholds{};
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it targets other than 0 and 1 are left out, and NaN is below all
  /// scores.
  bool validate_args = true;
  /// What becomes of the scores of a binary curve that lie outside [0, 1].
  classification::Normalization normalization = classification::Normalization::Sigmoid;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinaryPrecisionAtFixedRecallOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::min_recall, &Self::thresholds, &Self::ignore_index, &Self::validate_args,
                           &Self::normalization, &Self::input>()
        .about({about::min_recall, about::thresholds, about::ignore_index_question, about::validate_args_curve,
                about::normalization, about::input});
  }
};

/// Options of MulticlassPrecisionAtFixedRecall.
struct MulticlassPrecisionAtFixedRecallOptions {
  /// Number of classes.
  Required<int64_t> num_classes;
  /// Recall must be at least this, in [0, 1].
  Required<double> min_recall;
  /// Where a curve has its points: at each score that occurs, or at as many equal steps from 0 to 1, or at those given.
  classification::Thresholds thresholds{};
  /// Targets of this value are left out; it may be a class or not.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it rows whose target is no class are left out, and NaN is below all
  /// scores.
  bool validate_args = true;
  /// What the scores are: logits, which are ranked by the logarithm of their softmax, probabilities, or logits if any
  /// lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MulticlassPrecisionAtFixedRecallOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_classes, &Self::min_recall, &Self::thresholds, &Self::ignore_index,
                           &Self::validate_args, &Self::input>()
        .about({about::num_classes, about::min_recall, about::thresholds, about::ignore_index_class,
                about::validate_args_class_curves, about::input_class_curves});
  }
};

/// Options of MultilabelPrecisionAtFixedRecall.
struct MultilabelPrecisionAtFixedRecallOptions {
  /// Number of labels.
  Required<int64_t> num_labels;
  /// Recall must be at least this, in [0, 1].
  Required<double> min_recall;
  /// Where a curve has its points: at each score that occurs, or at as many equal steps from 0 to 1, or at those given.
  classification::Thresholds thresholds{};
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it targets other than 0 and 1 are left out, and NaN is below all
  /// scores.
  bool validate_args = true;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MultilabelPrecisionAtFixedRecallOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_labels, &Self::min_recall, &Self::thresholds, &Self::ignore_index,
                           &Self::validate_args, &Self::input>()
        .about({about::num_labels, about::min_recall, about::thresholds, about::ignore_index_question,
                about::validate_args_curve, about::input});
  }
};

/// Options of BinaryRecallAtFixedPrecision.
struct BinaryRecallAtFixedPrecisionOptions {
  /// Precision must be at least this, in [0, 1].
  Required<double> min_precision;
  /// Where a curve has its points: at each score that occurs, or at as many equal steps from 0 to 1, or at those given.
  classification::Thresholds thresholds{};
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it targets other than 0 and 1 are left out, and NaN is below all
  /// scores.
  bool validate_args = true;
  /// What becomes of the scores of a binary curve that lie outside [0, 1].
  classification::Normalization normalization = classification::Normalization::Sigmoid;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinaryRecallAtFixedPrecisionOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::min_precision, &Self::thresholds, &Self::ignore_index, &Self::validate_args,
                           &Self::normalization, &Self::input>()
        .about({about::min_precision, about::thresholds, about::ignore_index_question, about::validate_args_curve,
                about::normalization, about::input});
  }
};

/// Options of MulticlassRecallAtFixedPrecision.
struct MulticlassRecallAtFixedPrecisionOptions {
  /// Number of classes.
  Required<int64_t> num_classes;
  /// Precision must be at least this, in [0, 1].
  Required<double> min_precision;
  /// Where a curve has its points: at each score that occurs, or at as many equal steps from 0 to 1, or at those given.
  classification::Thresholds thresholds{};
  /// Targets of this value are left out; it may be a class or not.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it rows whose target is no class are left out, and NaN is below all
  /// scores.
  bool validate_args = true;
  /// What the scores are: logits, which are ranked by the logarithm of their softmax, probabilities, or logits if any
  /// lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MulticlassRecallAtFixedPrecisionOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_classes, &Self::min_precision, &Self::thresholds, &Self::ignore_index,
                           &Self::validate_args, &Self::input>()
        .about({about::num_classes, about::min_precision, about::thresholds, about::ignore_index_class,
                about::validate_args_class_curves, about::input_class_curves});
  }
};

/// Options of MultilabelRecallAtFixedPrecision.
struct MultilabelRecallAtFixedPrecisionOptions {
  /// Number of labels.
  Required<int64_t> num_labels;
  /// Precision must be at least this, in [0, 1].
  Required<double> min_precision;
  /// Where a curve has its points: at each score that occurs, or at as many equal steps from 0 to 1, or at those given.
  classification::Thresholds thresholds{};
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it targets other than 0 and 1 are left out, and NaN is below all
  /// scores.
  bool validate_args = true;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MultilabelRecallAtFixedPrecisionOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_labels, &Self::min_precision, &Self::thresholds, &Self::ignore_index,
                           &Self::validate_args, &Self::input>()
        .about({about::num_labels, about::min_precision, about::thresholds, about::ignore_index_question,
                about::validate_args_curve, about::input});
  }
};

/// Options of BinarySensitivityAtSpecificity.
struct BinarySensitivityAtSpecificityOptions {
  /// Specificity must be at least this, in [0, 1].
  Required<double> min_specificity;
  /// Where a curve has its points: at each score that occurs, or at as many equal steps from 0 to 1, or at those given.
  classification::Thresholds thresholds{};
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it targets other than 0 and 1 are left out, and NaN is below all
  /// scores.
  bool validate_args = true;
  /// What becomes of the scores of a binary curve that lie outside [0, 1].
  classification::Normalization normalization = classification::Normalization::Sigmoid;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinarySensitivityAtSpecificityOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::min_specificity, &Self::thresholds, &Self::ignore_index, &Self::validate_args,
                           &Self::normalization, &Self::input>()
        .about({about::min_specificity, about::thresholds, about::ignore_index_question, about::validate_args_curve,
                about::normalization, about::input});
  }
};

/// Options of MulticlassSensitivityAtSpecificity.
struct MulticlassSensitivityAtSpecificityOptions {
  /// Number of classes.
  Required<int64_t> num_classes;
  /// Specificity must be at least this, in [0, 1].
  Required<double> min_specificity;
  /// Where a curve has its points: at each score that occurs, or at as many equal steps from 0 to 1, or at those given.
  classification::Thresholds thresholds{};
  /// Targets of this value are left out; it may be a class or not.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it rows whose target is no class are left out, and NaN is below all
  /// scores.
  bool validate_args = true;
  /// What the scores are: logits, which are ranked by the logarithm of their softmax, probabilities, or logits if any
  /// lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MulticlassSensitivityAtSpecificityOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_classes, &Self::min_specificity, &Self::thresholds, &Self::ignore_index,
                           &Self::validate_args, &Self::input>()
        .about({about::num_classes, about::min_specificity, about::thresholds, about::ignore_index_class,
                about::validate_args_class_curves, about::input_class_curves});
  }
};

/// Options of MultilabelSensitivityAtSpecificity.
struct MultilabelSensitivityAtSpecificityOptions {
  /// Number of labels.
  Required<int64_t> num_labels;
  /// Specificity must be at least this, in [0, 1].
  Required<double> min_specificity;
  /// Where a curve has its points: at each score that occurs, or at as many equal steps from 0 to 1, or at those given.
  classification::Thresholds thresholds{};
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it targets other than 0 and 1 are left out, and NaN is below all
  /// scores.
  bool validate_args = true;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MultilabelSensitivityAtSpecificityOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_labels, &Self::min_specificity, &Self::thresholds, &Self::ignore_index,
                           &Self::validate_args, &Self::input>()
        .about({about::num_labels, about::min_specificity, about::thresholds, about::ignore_index_question,
                about::validate_args_curve, about::input});
  }
};

/// Options of BinarySpecificityAtSensitivity.
struct BinarySpecificityAtSensitivityOptions {
  /// Sensitivity must be at least this, in [0, 1].
  Required<double> min_sensitivity;
  /// Where a curve has its points: at each score that occurs, or at as many equal steps from 0 to 1, or at those given.
  classification::Thresholds thresholds{};
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it targets other than 0 and 1 are left out, and NaN is below all
  /// scores.
  bool validate_args = true;
  /// What becomes of the scores of a binary curve that lie outside [0, 1].
  classification::Normalization normalization = classification::Normalization::Sigmoid;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinarySpecificityAtSensitivityOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::min_sensitivity, &Self::thresholds, &Self::ignore_index, &Self::validate_args,
                           &Self::normalization, &Self::input>()
        .about({about::min_sensitivity, about::thresholds, about::ignore_index_question, about::validate_args_curve,
                about::normalization, about::input});
  }
};

/// Options of MulticlassSpecificityAtSensitivity.
struct MulticlassSpecificityAtSensitivityOptions {
  /// Number of classes.
  Required<int64_t> num_classes;
  /// Sensitivity must be at least this, in [0, 1].
  Required<double> min_sensitivity;
  /// Where a curve has its points: at each score that occurs, or at as many equal steps from 0 to 1, or at those given.
  classification::Thresholds thresholds{};
  /// Targets of this value are left out; it may be a class or not.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it rows whose target is no class are left out, and NaN is below all
  /// scores.
  bool validate_args = true;
  /// What the scores are: logits, which are ranked by the logarithm of their softmax, probabilities, or logits if any
  /// lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MulticlassSpecificityAtSensitivityOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_classes, &Self::min_sensitivity, &Self::thresholds, &Self::ignore_index,
                           &Self::validate_args, &Self::input>()
        .about({about::num_classes, about::min_sensitivity, about::thresholds, about::ignore_index_class,
                about::validate_args_class_curves, about::input_class_curves});
  }
};

/// Options of MultilabelSpecificityAtSensitivity.
struct MultilabelSpecificityAtSensitivityOptions {
  /// Number of labels.
  Required<int64_t> num_labels;
  /// Sensitivity must be at least this, in [0, 1].
  Required<double> min_sensitivity;
  /// Where a curve has its points: at each score that occurs, or at as many equal steps from 0 to 1, or at those given.
  classification::Thresholds thresholds{};
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it targets other than 0 and 1 are left out, and NaN is below all
  /// scores.
  bool validate_args = true;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MultilabelSpecificityAtSensitivityOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_labels, &Self::min_sensitivity, &Self::thresholds, &Self::ignore_index,
                           &Self::validate_args, &Self::input>()
        .about({about::num_labels, about::min_sensitivity, about::thresholds, about::ignore_index_question,
                about::validate_args_curve, about::input});
  }
};

/// Options of BinaryCalibrationError.
struct BinaryCalibrationErrorOptions {
  /// Into how many equal parts [0, 1] is divided. A confidence on an edge is in the bin above it; 1 has a bin of its
  /// own.
  int64_t n_bins = 15;
  /// How the bins' errors become one: their mean, the root of their mean square, or the greatest.
  classification::CalibrationNorm norm = classification::CalibrationNorm::L1;
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it targets other than 0 and 1 and scores that are NaN are left out,
  /// and a confidence outside [0, 1] is in the bin next to it.
  bool validate_args = true;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinaryCalibrationErrorOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::n_bins, &Self::norm, &Self::ignore_index, &Self::validate_args, &Self::input>()
        .about({about::n_bins, about::norm, about::ignore_index_question, about::validate_args_calibration,
                about::input});
  }
};

/// Options of MulticlassCalibrationError.
struct MulticlassCalibrationErrorOptions {
  /// Number of classes.
  Required<int64_t> num_classes;
  /// Into how many equal parts [0, 1] is divided. A confidence on an edge is in the bin above it; 1 has a bin of its
  /// own.
  int64_t n_bins = 15;
  /// How the bins' errors become one: their mean, the root of their mean square, or the greatest.
  classification::CalibrationNorm norm = classification::CalibrationNorm::L1;
  /// Targets of this value are left out; it may be a class or not.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it a target outside the classes is never right, rows with a score
  /// that is NaN are left out, and a confidence outside [0, 1] is in the bin next to it.
  bool validate_args = true;
  /// What the scores are: logits, of which the softmax is taken, probabilities, or logits if any of them lies outside
  /// [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MulticlassCalibrationErrorOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_classes, &Self::n_bins, &Self::norm, &Self::ignore_index, &Self::validate_args,
                           &Self::input>()
        .about({about::num_classes, about::n_bins, about::norm, about::ignore_index_class,
                about::validate_args_class_calibration, about::input_confidences});
  }
};

struct BinaryHingeLossFunctionalOptions;

/// Options of BinaryHingeLoss.
struct BinaryHingeLossOptions {
  /// Whether the loss of a sample is squared.
  bool squared = false;
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it targets other than 0 and 1 are left out, and NaN makes the loss
  /// NaN.
  bool validate_args = true;
  /// What the scores are: logits, of which the sigmoid is taken, probabilities, or logits if any of them lies outside
  /// [0, 1]. Margins of a support vector machine are taken as they are by `probabilities`.
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinaryHingeLossOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::squared, &Self::ignore_index, &Self::validate_args, &Self::input>()
        .about({about::squared, about::ignore_index_question, about::validate_args_hinge, about::input_margins});
  }
  operator BinaryHingeLossFunctionalOptions() const;  // by name
};

/// Options of functional::binary_hinge_loss: labels are not checked unless asked to.
struct BinaryHingeLossFunctionalOptions {
  /// Whether the loss of a sample is squared.
  bool squared = false;
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked; the class does unless asked not to. Without it targets other than 0 and 1
  /// are left out, and NaN makes the loss NaN.
  bool validate_args = false;
  /// What the scores are: logits, of which the sigmoid is taken, probabilities, or logits if any of them lies outside
  /// [0, 1]. Margins of a support vector machine are taken as they are by `probabilities`.
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinaryHingeLossFunctionalOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::squared, &Self::ignore_index, &Self::validate_args, &Self::input>()
        .about({about::squared, about::ignore_index_question, about::validate_args_unasked_hinge,
                about::input_margins});
  }
  operator BinaryHingeLossOptions() const;  // by name
};

struct MulticlassHingeLossFunctionalOptions;

/// Options of MulticlassHingeLoss.
struct MulticlassHingeLossOptions {
  /// Number of classes.
  Required<int64_t> num_classes;
  /// Whether the loss of a sample is squared.
  bool squared = false;
  /// Whether a class's score is held against the best other one, or each class against yes or no.
  classification::MulticlassMode multiclass_mode = classification::MulticlassMode::CrammerSinger;
  /// Targets of this value are left out; it may be a class or not.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it rows whose target is no class are left out, and NaN makes the
  /// loss NaN.
  bool validate_args = true;
  /// What the scores are: logits, of which the softmax is taken, probabilities, or logits if any of them lies outside
  /// [0, 1]. Margins of a support vector machine are taken as they are by `probabilities`.
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MulticlassHingeLossOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_classes, &Self::squared, &Self::multiclass_mode, &Self::ignore_index,
                           &Self::validate_args, &Self::input>()
        .about({about::num_classes, about::squared, about::multiclass_mode, about::ignore_index_class,
                about::validate_args_class_hinge, about::input_class_margins});
  }
  operator MulticlassHingeLossFunctionalOptions() const;  // by name
};

/// Options of functional::multiclass_hinge_loss: labels are not checked unless asked to.
struct MulticlassHingeLossFunctionalOptions {
  /// Number of classes.
  Required<int64_t> num_classes;
  /// Whether the loss of a sample is squared.
  bool squared = false;
  /// Whether a class's score is held against the best other one, or each class against yes or no.
  classification::MulticlassMode multiclass_mode = classification::MulticlassMode::CrammerSinger;
  /// Targets of this value are left out; it may be a class or not.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked; the class does unless asked not to. Without it rows whose target is no
  /// class are left out, and NaN makes the loss NaN.
  bool validate_args = false;
  /// What the scores are: logits, of which the softmax is taken, probabilities, or logits if any of them lies outside
  /// [0, 1]. Margins of a support vector machine are taken as they are by `probabilities`.
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MulticlassHingeLossFunctionalOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_classes, &Self::squared, &Self::multiclass_mode, &Self::ignore_index,
                           &Self::validate_args, &Self::input>()
        .about({about::num_classes, about::squared, about::multiclass_mode, about::ignore_index_class,
                about::validate_args_unasked_class_hinge, about::input_class_margins});
  }
  operator MulticlassHingeLossOptions() const;  // by name
};

/// Options of functional::demographic_parity and functional::equal_opportunity: what decides how answers are counted.
struct BinaryGroupOptions {
  /// A score above it is a yes.
  double threshold = 0.5;
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it a predicted label that is neither 0 nor 1 is wrong, a target is
  /// left out, and NaN is above no threshold.
  bool validate_args = true;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinaryGroupOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::threshold, &Self::ignore_index, &Self::validate_args, &Self::input>()
        .about({about::threshold, about::ignore_index_question, about::validate_args_questions, about::input});
  }
};

/// Options of BinaryGroupStatRates.
struct BinaryGroupStatRatesOptions {
  /// Number of groups.
  Required<int64_t> num_groups;
  /// A score above it is a yes.
  double threshold = 0.5;
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it a predicted label that is neither 0 nor 1 is wrong, a target is
  /// left out, and NaN is above no threshold.
  bool validate_args = true;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinaryGroupStatRatesOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_groups, &Self::threshold, &Self::ignore_index, &Self::validate_args,
                           &Self::input>()
        .about({about::num_groups, about::threshold, about::ignore_index_question, about::validate_args_questions,
                about::input});
  }
};

/// Options of BinaryFairness.
struct BinaryFairnessOptions {
  /// Number of groups.
  Required<int64_t> num_groups;
  /// Which ratios are computed: of positive predictions, of true positive rates, or both.
  classification::FairnessTask task = classification::FairnessTask::All;
  /// A score above it is a yes.
  double threshold = 0.5;
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it a predicted label that is neither 0 nor 1 is wrong, a target is
  /// left out, and NaN is above no threshold.
  bool validate_args = true;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinaryFairnessOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_groups, &Self::task, &Self::threshold, &Self::ignore_index, &Self::validate_args,
                           &Self::input>()
        .about({about::num_groups, about::task, about::threshold, about::ignore_index_question,
                about::validate_args_questions, about::input});
  }
};

/// Options of functional::binary_fairness: there are as many groups as occur.
struct BinaryFairnessFunctionalOptions {
  /// Which ratios are computed: of positive predictions, of true positive rates, or both.
  classification::FairnessTask task = classification::FairnessTask::All;
  /// A score above it is a yes.
  double threshold = 0.5;
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it a predicted label that is neither 0 nor 1 is wrong, a target is
  /// left out, and NaN is above no threshold.
  bool validate_args = true;
  /// What the scores are: logits, probabilities, or logits if any of them lies outside [0, 1].
  classification::ScoreInput input = classification::ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinaryFairnessFunctionalOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::task, &Self::threshold, &Self::ignore_index, &Self::validate_args, &Self::input>()
        .about({about::task, about::threshold, about::ignore_index_question, about::validate_args_questions,
                about::input});
  }
};

/// Options of MultilabelCoverageError, MultilabelRankingAveragePrecision and MultilabelRankingLoss.
struct MultilabelRankingOptions {
  /// Number of labels.
  Required<int64_t> num_labels;
  /// Targets of this value are left out; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it labels other than 0 and 1 are left out, and NaN is below all
  /// scores.
  bool validate_args = true;

  static constexpr auto fields() {
    using Self = MultilabelRankingOptions;
    namespace about = classification::about;
    return metrics::fields<&Self::num_labels, &Self::ignore_index, &Self::validate_args>()
        .about({about::num_labels, about::ignore_index_question, about::validate_args_ranking});
  }
};

inline BinaryLogAUCOptions::operator BinaryLogAUCFunctionalOptions() const {
  return subset<BinaryLogAUCFunctionalOptions>(*this);
}
inline BinaryLogAUCFunctionalOptions::operator BinaryLogAUCOptions() const {
  return subset<BinaryLogAUCOptions>(*this);
}
inline MulticlassLogAUCOptions::operator MulticlassLogAUCFunctionalOptions() const {
  return subset<MulticlassLogAUCFunctionalOptions>(*this);
}
inline MulticlassLogAUCFunctionalOptions::operator MulticlassLogAUCOptions() const {
  return subset<MulticlassLogAUCOptions>(*this);
}
inline MultilabelLogAUCOptions::operator MultilabelLogAUCFunctionalOptions() const {
  return subset<MultilabelLogAUCFunctionalOptions>(*this);
}
inline MultilabelLogAUCFunctionalOptions::operator MultilabelLogAUCOptions() const {
  return subset<MultilabelLogAUCOptions>(*this);
}
inline BinaryHingeLossOptions::operator BinaryHingeLossFunctionalOptions() const {
  return subset<BinaryHingeLossFunctionalOptions>(*this);
}
inline BinaryHingeLossFunctionalOptions::operator BinaryHingeLossOptions() const {
  return subset<BinaryHingeLossOptions>(*this);
}
inline MulticlassHingeLossOptions::operator MulticlassHingeLossFunctionalOptions() const {
  return subset<MulticlassHingeLossFunctionalOptions>(*this);
}
inline MulticlassHingeLossFunctionalOptions::operator MulticlassHingeLossOptions() const {
  return subset<MulticlassHingeLossOptions>(*this);
}

}  // namespace metrics
