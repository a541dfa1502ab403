#pragma once

#include <metrics/core/functional.h>
#include <metrics/core/metric_of.h>
#include <metrics/core/texts.h>

#include <array>
#include <string_view>

namespace metrics {

namespace definitions {

struct WordErrorRate {
  static constexpr std::string_view name = "WordErrorRate";
  static constexpr std::string_view functional = "word_error_rate";
  using Options = NoOptions;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static constexpr MetricTraits traits{.higher_is_better = false, .commits_last = true};
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Texts& preds, const Texts& target);
  static Tensor finalise(const States& states, const Options& options);
  static void complete_from_torchmetrics(States& states, const Options& options);
};

}  // namespace definitions

/// Computes the word error rate: the words that have to be inserted, deleted or replaced to make the targets of the
/// predictions (Levenshtein distances, added over all pairs), for each word of the targets. `preds` and `target`: a
/// text or a list of texts, the i-th of one with the i-th of the other. Above 1 where more is wrong than there are
/// words; without words in any target NaN, or infinity if something was predicted. Words are what Python's
/// `str.split()` gives: runs between Unicode white space, as they are, without regard to case, punctuation or normal
/// forms. Texts are UTF-8; bytes that are none are part of the word they stand in, and words are equal when all their
/// bytes are. Throws InvalidArgument for lists of different lengths. Source: torchmetrics' WordErrorRate.
METRICS_CLASS(WordErrorRate);

namespace functional {

/// The same of one batch. Source: torchmetrics' word_error_rate.
inline constexpr Functional<definitions::WordErrorRate> word_error_rate{};

}  // namespace functional
}  // namespace metrics
