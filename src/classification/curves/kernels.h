#pragma once

#include "bins.h"
#include "classification/counts/kernels.h"
#include "sorting.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

/// The loops under curves.cpp, on raw memory.
namespace metrics::classification::curves::kernels {

using namespace metrics::kernels;
using counts::kernels::Ignored;

/// What was seen among the scores and targets that are not left out.
struct Seen {
  bool outside = false;  ///< A score outside [0, 1]; NaN is not.
  bool nan = false;
  bool invalid = false;  ///< A target that is no label.
};

/// Scores of yes-or-no questions with their targets: contiguous [samples, labels, positions].
struct Questions {
  const void* scores;
  Element element;
  const int64_t* target;
  int64_t samples, labels, positions;
  Ignored ignored;

  int64_t size() const { return samples * labels * positions; }
};

/// Scores of classes with their target: contiguous [rows, classes].
struct ClassRows {
  const void* scores;
  Element element;
  const int64_t* target;
  int64_t rows, classes;
  Ignored ignored;

  int64_t size() const { return rows * classes; }
};

/// Counts of buckets [thresholds, labels, 2, 2]: [k, l, y, 1] of scores that reach k + 1 thresholds, [0, l, y, 0] of
/// those that reach none, y being the target.
template <class Number>
struct BucketTable {
  Number* counts;
  int64_t labels;

  void add(int64_t reached, int64_t label, int64_t target, Number count) const {
    const int64_t above = reached > 0;
    counts[(((reached - above) * labels + label) * 2 + target) * 2 + above] += count;
  }
};

/// Which tables a batch is counted into, for each reading of its scores.
struct BucketTables {
  int64_t* as_probability;  ///< Null where that reading is not counted.
  int64_t* as_logit;
};

/// Looks at all scores and targets, and counts nothing.
Seen look(const Questions& questions);
Seen look(const ClassRows& rows);

/// Counts the scores whose target is 0 or 1; targets may hold anything.
void count_buckets(const Questions& questions, const CurvePlan::Bins& bins, BucketTables tables);

/// Counts each score of the rows whose target is a class: as it is, and after the softmax of its row.
void count_buckets(const ClassRows& rows, const CurvePlan::Bins& bins, BucketTables tables);

/// The same adding up weights, int64 or double, of rows that have `positions` positions each: of a question batch its
/// samples, of classes its rows. Into tables [thresholds, labels, 2, 2] as counts are, null where a reading is not
/// counted.
template <class Number>
struct WeightTables {
  Number* as_probability;
  Number* as_logit;
};
template <class Number>
struct RowsWeights {
  const Number* weights;
  int64_t positions;

  Number operator[](int64_t row) const { return weights[positions == 1 ? row : row / positions]; }
};
template <class Number>
void add_weights(const Questions& questions, const CurvePlan::Bins& bins, RowsWeights<Number> weights,
                 WeightTables<Number> tables);
template <class Number>
void add_weights(const ClassRows& rows, const CurvePlan::Bins& bins, RowsWeights<Number> weights,
                 WeightTables<Number> tables);

/// Writes 1, 0, or for targets that are left out `skipped`.
void encode_questions(const int64_t* target, int64_t count, Ignored ignored, int8_t skipped, int8_t* codes);

/// Returns where the keys of scores lie.
METRICS_API KeyRange<uint32_t> key_range(std::span<const float> scores);
METRICS_API KeyRange<uint64_t> key_range(std::span<const double> scores);

/// Writes what is sorted for each score: see `ranked`.
METRICS_API void rank(std::span<const float> scores, const uint8_t* yes, const Places<uint32_t>& places,
                      uint32_t* items);
METRICS_API void rank(std::span<const float> scores, const uint8_t* yes, const Places<uint32_t>& places,
                      uint64_t* items);
METRICS_API void rank(std::span<const double> scores, const uint8_t* yes, const Places<uint64_t>& places,
                      uint64_t* items);
METRICS_API void rank(std::span<const double> scores, const uint8_t* yes, const Places<uint64_t>& places,
                      uint128* items);

/// The ranks, from 0 on, of sorted items: of all whose target is yes together.
struct RankSum {
  int64_t positives = 0;
  uint64_t sum = 0;
  int64_t halves =
      0;  ///< To be added to twice the sum, as if each of two items at one place came first half the times.
};

/// Returns nothing where many items share a place, and where they are more than 2^31.
std::optional<RankSum> rank_sum(std::span<const uint32_t> items);
std::optional<RankSum> rank_sum(std::span<const uint64_t> items);

/// What turns the scores of a row into the logarithms of their softmax: (score - greatest) - excess.
struct RowNorm {
  double greatest, excess;

  double log_softmax(double score) const { return (score == greatest ? 0 : score - greatest) - excess; }
};

/// Writes the softmax of rows [rows, classes], with the bits by which count_buckets compares it with thresholds.
METRICS_API void softmax(const float* scores, int64_t rows, int64_t classes, float* probabilities);
METRICS_API void softmax(const double* scores, int64_t rows, int64_t classes, double* probabilities);

/// Returns the norms of rows [rows, classes]. They do not depend on the order of a row's scores.
METRICS_API std::vector<RowNorm> row_norms(const void* scores, Element element, int64_t rows, int64_t classes);

}  // namespace metrics::classification::curves::kernels
