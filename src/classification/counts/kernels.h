#pragma once

#include "kernels/element.h"

#include <cstdint>
#include <optional>

/// The loops under counting.h, on raw memory. They know no tensors, and check nothing but what they are asked to.
namespace metrics::classification::counts::kernels {

using namespace metrics::kernels;

/// Scores of `samples` x `classes` x `positions`. Either the classes or the positions lie next to each other: their
/// stride is 1.
struct Scores {
  const void* data;
  Element element;
  int64_t samples, classes, positions;
  int64_t sample_stride, class_stride, position_stride;
};

/// Which targets contribute nothing.
struct Ignored {
  bool any;
  int64_t value;

  explicit Ignored(std::optional<int64_t> index) : any(index.has_value()), value(index.value_or(0)) {}
  bool operator()(int64_t target) const { return any & (target == value); }
};

/// Writes the predicted class of each sample and position, and returns whether any score, of whatever row, is NaN.
/// `target` is read only if `top_k` is above 1; it may hold anything.
bool predict(const Scores& scores, const int64_t* target, int64_t top_k, int64_t* predicted);

enum class LabelType { Int64, Int32, Int16, Int8, UInt8 };

/// Labels next to each other.
struct Labels {
  const void* data;
  LabelType type;
};

/// Returns whether the labels of all rows that are not ignored are in [0, classes). `predicted` may be null.
bool labels_in_range(const int64_t* target, const int64_t* predicted, int64_t rows, int64_t classes, Ignored ignored);

/// How many rows are not ignored, and in how many of them the prediction is the target.
struct Hits {
  int64_t rows, right;
};
Hits count_hits(const int64_t* target, const int64_t* predicted, int64_t rows, Ignored ignored);

/// Counts into `counts` [4, classes].
void add_counts(int64_t* counts, int64_t classes, const int64_t* target, const int64_t* predicted, int64_t rows,
                Ignored ignored);

/// Adds to counts [4] of all classes together.
void add_hits(int64_t* counts, int64_t classes, Hits hits);

/// Counts all classes together into `counts` [4].
void add_micro_counts(int64_t* counts, int64_t classes, const int64_t* target, const int64_t* predicted, int64_t rows,
                      Ignored ignored);

/// Counts into `confusion` [classes, classes].
void add_confusion(int64_t* confusion, int64_t classes, const int64_t* target, const int64_t* predicted, int64_t rows,
                   Ignored ignored);

/// Labels of `samples` x `positions`, and what was predicted, of the same type.
struct LabelPairs {
  Labels target;
  const void* predicted;
  int64_t samples, positions;
  int64_t classes;  ///< At least one. Labels outside of [0, classes) are looked for.
  Ignored ignored;
};

struct ExactLabels {
  int64_t samples = 0;    ///< How many have no wrong row among those that are not ignored.
  bool no_class = false;  ///< A row that is not ignored has a label outside of [0, classes).
};

/// Counts the samples without a wrong row; where `exact` is not null it is written for each whether it is one: 1 or 0.
ExactLabels count_exact(int64_t* exact, const LabelPairs& pairs);

/// Yes-or-no questions, of which a binary or multilabel metric has one for each element of its inputs: whether that is
/// positive. Contiguous [samples, labels, positions].
struct Questions {
  const void* scores;  ///< Null if the predictions are labels.
  Element element;
  std::optional<Labels> predicted;  ///< Nothing if they are scores.
  Labels target;
  int64_t samples, labels, positions;
};

/// What a score is compared with, for each reading of it.
struct Cutoffs {
  double probability, logit;
};

struct Seen {
  bool outside = false;  ///< A score that was counted lies outside [0, 1].
  bool invalid = false;  ///< A label that is not ignored is neither 0 nor 1, or a score of one is NaN.
};

/// Adds to both tables, [4, labels], or with `samplewise` [samples, 4, labels]. Questions whose target is neither 0 nor
/// 1 add nothing.
Seen add_threshold_counts(int64_t* probabilities, int64_t* logits, bool samplewise, const Questions& questions,
                          Cutoffs cutoffs, Ignored ignored);

/// Adds to both numbers, or with `samplewise` to both tables [samples], the positions at which no label is wrong.
/// Questions whose target is neither 0 nor 1 cannot be.
Seen add_exact_counts(int64_t* probabilities, int64_t* logits, bool samplewise, const Questions& questions,
                      Cutoffs cutoffs, Ignored ignored);

}  // namespace metrics::classification::counts::kernels
