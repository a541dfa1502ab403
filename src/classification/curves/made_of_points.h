#pragma once

#include "counted_area.h"
#include "curves.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

// What is made of a curve, point by point from the highest threshold to the lowest: `begin(positives, negatives)`, then
// `add(tp, fp, threshold)`, and at the end `result()`. Where it is made in parts, `go_on_from` follows `begin`.

namespace metrics::classification::curves {

template <class Number>
struct ToThresholds {
  using Made = CurveCounts;
  CurveCounts made;

  void begin(const Number& positives, const Number& negatives, std::size_t most) {
    made.positives = rounded(positives);
    made.negatives = rounded(negatives);
    made.tp.reserve(most);
    made.fp.reserve(most);
    made.thresholds.reserve(most);
  }
  template <class Threshold>
  void add(const Number& tp, const Number& fp, const Threshold& threshold) {
    made.tp.push_back(rounded(tp));
    made.fp.push_back(rounded(fp));
    made.thresholds.push_back(threshold());
  }
  CurveCounts result() { return std::move(made); }
};

template <class Number>
struct ToCounts {
  using Made = CurveCounts;
  CurveCounts made;

  void begin(const Number& positives, const Number& negatives, std::size_t) {
    made.positives = rounded(positives);
    made.negatives = rounded(negatives);
  }
  template <class Threshold>
  void add(const Number& tp, const Number& fp, const Threshold&) {
    made.tp.push_back(rounded(tp));
    made.fp.push_back(rounded(fp));
  }
  CurveCounts result() { return std::move(made); }
};

template <class Number>
struct ToRocArea {
  using Made = RocArea;
  using Part = CountedArea<Number>;
  CountedArea<Number> area;
  Number last_tp{}, last_fp{};

  /// Begins at a point, where those before are another's part.
  void go_on_from(const Number& tp, const Number& fp) {
    last_tp = tp;
    last_fp = fp;
  }
  Part part() const { return area; }
  static RocArea whole(std::span<const Part> parts) {
    if (parts.empty()) return {};
    CountedArea<Number> sum = parts.front();
    for (const Part& part : parts.subspan(1)) sum.twice = sum.twice + part.twice;
    return sum.result();
  }

  void begin(const Number& positives, const Number& negatives, std::size_t) {
    area.positives = positives;
    area.negatives = negatives;
  }
  template <class Threshold>
  void add(const Number& tp, const Number& fp, const Threshold&) {
    area.add(last_tp, last_fp, tp, fp);
    last_tp = tp;
    last_fp = fp;
  }
  RocArea result() const { return area.result(); }
};

template <class Number>
struct ToPrecisionSum {
  using Made = PrecisionSum;
  using Part = PrecisionSum;
  PrecisionSum made;
  Number last_tp{};

  void go_on_from(const Number& tp, const Number&) { last_tp = tp; }
  Part part() const { return made; }
  static PrecisionSum whole(std::span<const Part> parts) {
    PrecisionSum sum;
    for (const Part& part : parts) {
      sum.positives = part.positives;
      sum.sum += part.sum;
    }
    return sum;
  }

  void begin(const Number& positives, const Number&, std::size_t) { made.positives = rounded(positives); }
  template <class Threshold>
  void add(const Number& tp, const Number& fp, const Threshold&) {
    if (equal(tp, last_tp)) return;
    made.sum += rounded(minus(tp, last_tp)) * (rounded(tp) / rounded(tp + fp));
    last_tp = tp;
  }
  PrecisionSum result() const { return made; }
};

template <template <class> class To>
using Made = typename To<int64_t>::Made;

template <template <class> class To>
constexpr bool is_roc_area = std::is_same_v<Made<To>, RocArea>;

/// Whether it matters how scores are read: for the order of yes-or-no questions it does not.
template <template <class> class To>
constexpr bool needs_reading = std::is_same_v<To<int64_t>, ToThresholds<int64_t>>;

}  // namespace metrics::classification::curves
