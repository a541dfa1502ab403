#pragma once

#include <metrics/classification/curves.h>

#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

// How many of sorted cut-offs a score reaches. A grid says how many of them lie in cells before that of the score, and
// comparisons with those in its cell make the number exact.

namespace metrics::classification {

namespace curves {

/// The number of cut-offs that a score of type T (float or double) reaches is its bucket. NaN reaches none.
template <class T>
class Lookup {
 public:
  /// `cuts` ascend; those that no score reaches are NaN, and last.
  explicit Lookup(std::vector<T> cuts);

  int64_t buckets() const { return buckets_; }

  /// The cell of a score. It only has to be monotone in the score, which it is whatever the rounding.
  static int32_t cell(T score, T low, T scale, T last) {
    T cell = (score - low) * scale;
    cell = cell > 0 ? cell : 0;
    return static_cast<int32_t>(cell < last ? cell : last);
  }

  // What loops over scores read.
  T low = 0;
  T scale = 0;
  T last = 0;                   ///< The index of the last cell.
  int32_t steps = 0;            ///< The most cut-offs that lie in one cell.
  std::vector<int32_t> before;  ///< How many cut-offs lie in cells before each.
  std::vector<T> cuts;          ///< Followed by NaN, so that `steps` comparisons from any of them stay inside.

 private:
  bool lay_out_cells(int64_t cells, std::span<const T> finite);

  int64_t buckets_;
};

/// A lookup of raw scores, and how many thresholds each of its buckets reaches when the scores are read as
/// probabilities and when they are read as logits.
template <class T>
struct ScoreLookup {
  Lookup<T> lookup;
  std::vector<int32_t> as_probability, as_logit;
};

/// A value that is made when it is first asked for.
template <class T>
class Lazy {
 public:
  template <class Make>
  const T& get(const Make& make) const {
    std::call_once(once_, [&] { value_.emplace(make()); });
    return *value_;
  }

 private:
  mutable std::once_flag once_;
  mutable std::optional<T> value_;
};

}  // namespace curves

/// The thresholds of a binned curve, and the lookups that follow from them.
struct METRICS_API CurvePlan::Bins {
  explicit Bins(const CurveRule& rule);

  int64_t size() const { return static_cast<int64_t>(values.size()); }
  /// For probabilities.
  template <class T>
  const curves::Lookup<T>& probabilities() const;
  /// For raw scores, as the rule's input reads them: of both readings where it is to be found out.
  template <class T>
  const curves::ScoreLookup<T>& scores() const;

  std::vector<double> values;  ///< As they are given.
  std::vector<double> sorted;
  std::vector<int64_t> order;  ///< Where each of the sorted was given.
  ScoreInput input;

 private:
  template <class T>
  struct Of {
    curves::Lazy<curves::Lookup<T>> probabilities;
    curves::Lazy<curves::ScoreLookup<T>> scores;
  };
  template <class T>
  const Of<T>& of() const;

  Of<float> of_float_;
  Of<double> of_double_;
};

}  // namespace metrics::classification
