#pragma once

#include "kernels/fastest.h"
#include "kernels/lanes.h"
#include "kernels/uint128.h"
#include <metrics/core/double_double.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

// Sums of the weights of a class in integers, which add up without rounding and without waiting for one another: a
// weight is a whole number of units, of which all of a class together stay below 2^62, and what it lacks of that. Of
// integers and float32 that are not too far apart that is nothing; else it is so little that sums of it are exact
// enough in float64.

namespace metrics::classification::curves {

/// A weight in units.
struct WeightInUnits {
  uint64_t whole;
  double rest;
};

/// The unit of a class, a power of two.
class WeightUnit {
 public:
  WeightUnit() = default;
  /// For so many weights of which this is the greatest.
  WeightUnit(double greatest, int64_t count) {
    if (!(greatest > 0)) return;
    const int digits = std::ilogb(greatest) + 1;
    const int of_sum = 61 - static_cast<int>(std::bit_width(static_cast<uint64_t>(count))), of_each = 50;
    // Within what has a reciprocal; beyond it weights have fewer digits in units, and more that they lack.
    const int scale = std::min(std::min(of_sum, of_each) - digits, 1000);
    per_unit_ = std::ldexp(1.0, scale);
    unit_ = std::ldexp(1.0, -scale);
  }

  METRICS_INLINE double in_units(double weight) const { return weight * per_unit_; }
  METRICS_INLINE static WeightInUnits split(double in_units) {
    // Added to a number below 2^51, this leaves the whole number that is nearest as the lowest bits.
    constexpr double cut = 0x1.8p52;
    const double shifted = in_units + cut;
    return {std::bit_cast<uint64_t>(shifted) - std::bit_cast<uint64_t>(cut), in_units - (shifted - cut)};
  }
  /// What a weight lacks of whole units, in fractions of one, of which so many are one: of weights above a millionth of
  /// the greatest that is exact.
  static constexpr double fractions = 0x1p32;
  METRICS_INLINE static uint64_t in_fractions(double rest) { return split(rest * fractions).whole; }
  double unit() const { return unit_; }

 private:
  double per_unit_ = 1, unit_ = 1;
};

/// A sum of weights of a class.
struct WeightSum {
  uint64_t whole = 0;
  double rest = 0;
  double unit = 1;

  void add(const WeightInUnits& weight) {
    whole += weight.whole;
    rest += weight.rest;
  }
};

inline double rounded(const WeightSum& sum) {
  const auto whole = static_cast<int64_t>(sum.whole);
  const auto high = static_cast<double>(whole);
  return (high + (static_cast<double>(whole - static_cast<int64_t>(high)) + sum.rest)) * sum.unit;
}
/// The same with the digits that one double has no room for.
inline DoubleDouble double_double_of(const WeightSum& sum) {
  const auto whole = static_cast<int64_t>(sum.whole);
  const auto high = static_cast<double>(whole);
  const DoubleDouble both = two_sum(high, static_cast<double>(whole - static_cast<int64_t>(high)) + sum.rest);
  return {both.high * sum.unit, both.low * sum.unit};
}
inline WeightSum minus(const WeightSum& a, const WeightSum& b) {
  return {a.whole - b.whole, a.rest - b.rest, a.unit};
}
inline bool equal(const WeightSum& a, const WeightSum& b) {
  return a.whole == b.whole && a.rest == b.rest;
}

/// A sum of weights of both classes, whose units differ.
struct WeightSumOfBoth {
  double sum;
};
inline WeightSumOfBoth operator+(const WeightSum& a, const WeightSum& b) {
  return {rounded(a) + rounded(b)};
}
inline double rounded(const WeightSumOfBoth& both) {
  return both.sum;
}

/// The weights of a column whose rows are yes or no.
class ColumnWeights {
 public:
  ColumnWeights(std::span<const double> weights, const uint8_t* yes, std::size_t rows) : weights_(weights.data()) {
    // As their bits numbers that are not negative have the same order.
    int64_t greatest_no = 0, greatest_yes = 0, positives = 0;
    metrics::kernels::fastest([&]() METRICS_INLINED {
      int64_t of_no = 0, of_yes = 0, count = 0;
      for (std::size_t row = 0; row < rows; ++row) {
        const auto bits = std::bit_cast<int64_t>(weights_[row]);
        const int64_t if_yes = yes[row] != 0 ? -1 : 0;
        of_no = std::max(of_no, bits & ~if_yes);
        of_yes = std::max(of_yes, bits & if_yes);
        count -= if_yes;
      }
      greatest_no = of_no;
      greatest_yes = of_yes;
      positives = count;
    });
    units_[0] = WeightUnit(std::bit_cast<double>(greatest_no), static_cast<int64_t>(rows) - positives);
    units_[1] = WeightUnit(std::bit_cast<double>(greatest_yes), positives);
    metrics::kernels::fastest([&]() METRICS_INLINED {
      const WeightUnit of_no = units_[0], of_yes = units_[1];
      int64_t lacking = 0, wide = 0;
      for (std::size_t row = 0; row < rows; ++row) {
        const double weight = weights_[row];
        // Both are computed, because nobody foretells which it is.
        const double in_units =
            metrics::kernels::chosen(yes[row] != 0, of_yes.in_units(weight), of_no.in_units(weight));
        lacking |= WeightUnit::split(in_units).rest != 0;
        wide |= static_cast<double>(static_cast<float>(weight)) != weight;
      }
      lack_ = lacking != 0;
      wide_ = wide != 0;
    });
  }

  /// Whether any weight is not a whole number of units.
  bool lack() const { return lack_; }
  /// Whether any weight is no float32.
  bool wide() const { return wide_; }
  WeightSum none(bool yes) const { return {0, 0, units_[yes].unit()}; }
  double weight(std::size_t row) const { return weights_[row]; }
  double in_units(double weight, bool yes) const { return units_[yes].in_units(weight); }
  /// Asks for the weight of a row that is read soon.
  void prefetch(std::size_t row) const { __builtin_prefetch(weights_ + row); }

 private:
  const double* weights_;
  WeightUnit units_[2];
  bool lack_ = false, wide_ = false;
};

}  // namespace metrics::classification::curves
