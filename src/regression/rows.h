#pragma once

#include "families/pairs.h"
#include "kernels/fastest.h"
#include "kernels/lanes.h"
#include "kernels/pairs/sum_blocks.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

// Values that each row of two inputs has of its own, such as a divergence or a similarity. What is summed along a row
// is a struct:
//
//   struct Row {
//     static constexpr std::size_t sums;
//     static constexpr bool of_fractions;  // whether the numbers of a row are divided by their sum first
//     template <class N> void terms(N* of, const N& x, const N& y) const;
//     double value(const std::array<double, sums>& totals) const;
//   };
//
// Terms are computed of several rows at once, one element beside the other, because short rows would leave lanes empty.

namespace metrics::regression {

/// Elements that are worked at once, of several rows or of a part of one: all that is made of them stays in the nearest
/// cache.
inline constexpr int64_t elements_at_once = 512;
/// Rows of so many columns fill lanes of their own.
inline constexpr int64_t long_row = 48;

/// The sum of numbers, whose order depends on their count alone.
template <int64_t lanes>
METRICS_INLINE double sum_in_lanes(const double* numbers, int64_t count) {
  constexpr int64_t side_by_side = 8;
  double sum = 0;
  int64_t i = 0;
  if (count >= 2 * side_by_side) {
    kernels::Doubles<lanes> sums[side_by_side / lanes];
    for (auto& each : sums) each = kernels::Doubles<lanes>(0.0);
    for (; i + side_by_side <= count; i += side_by_side) {
      for (int64_t part = 0; part < side_by_side / lanes; ++part) {
        sums[part] += kernels::read_lanes<lanes>(numbers + i + part * lanes);
      }
    }
    double of_lanes[side_by_side];
    for (int64_t part = 0; part < side_by_side / lanes; ++part) write_lanes(sums[part], of_lanes + part * lanes);
    for (const double each : of_lanes) sum += each;
  }
  for (; i < count; ++i) sum += numbers[i];
  return sum;
}

/// The numbers of some rows, or of a part of one, and the terms that are made of them.
template <class Row>
class RowPart {
 public:
  /// Reads elements of [first, first + count).
  void read(const kernels::pairs::Pairs& pairs, int64_t first, int64_t count) {
    kernels::pairs::widen(pairs.preds, pairs.element, first, count, x_.data());
    kernels::pairs::widen(pairs.target, pairs.element, first, count, y_.data());
    count_ = count;
  }

  template <int64_t lanes>
  METRICS_INLINE std::array<double, 2> sums_of_numbers(int64_t first, int64_t count) const {
    return {sum_in_lanes<lanes>(x_.data() + first, count), sum_in_lanes<lanes>(y_.data() + first, count)};
  }

  METRICS_INLINE void divide(int64_t first, int64_t count, const std::array<double, 2>& by) {
    const double of_x = 1 / by[0], of_y = 1 / by[1];
    double* const x = x_.data() + first;
    double* const y = y_.data() + first;
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) {
      x[i] *= of_x;
      y[i] *= of_y;
    }
  }

  /// Computes the terms of all elements, which are then added row by row: of rows that would leave lanes empty.
  template <int64_t lanes>
  METRICS_INLINE void compute_terms(const Row& row) {
    // Up to a lane more than there are, of what the buffers held before, which nobody adds.
    for (int64_t i = 0; i < count_; i += lanes) {
      const auto terms = terms_at<lanes>(row, i);
      for (std::size_t term = 0; term < Row::sums; ++term) write_lanes(terms[term], terms_[term].data() + i);
    }
  }
  template <int64_t lanes>
  METRICS_INLINE void add_computed(std::array<double, Row::sums>& totals, int64_t first, int64_t count) const {
    for (std::size_t term = 0; term < Row::sums; ++term) {
      totals[term] += sum_in_lanes<lanes>(terms_[term].data() + first, count);
    }
  }

  /// Computes and adds the terms of one long row, or of a part of it.
  template <int64_t lanes>
  METRICS_INLINE void add_terms(const Row& row, std::array<double, Row::sums>& totals, int64_t first, int64_t count) {
    constexpr int64_t side_by_side = 16;
    using N = kernels::Doubles<lanes>;
    std::array<std::array<N, Row::sums>, side_by_side / lanes> sums;
    for (auto& of_lanes : sums) of_lanes.fill(N(0.0));
    int64_t i = 0;
    for (; i + side_by_side <= count; i += side_by_side) {
#pragma GCC unroll 8
      for (std::size_t part = 0; part < sums.size(); ++part) {
        const auto terms = terms_at<lanes>(row, first + i + static_cast<int64_t>(part) * lanes);
#pragma GCC unroll 8
        for (std::size_t term = 0; term < Row::sums; ++term) sums[part][term] += terms[term];
      }
    }
    for (std::size_t term = 0; term < Row::sums; ++term) {
      double of_lanes[side_by_side];
      for (std::size_t part = 0; part < sums.size(); ++part) {
        write_lanes(sums[part][term], of_lanes + static_cast<int64_t>(part) * lanes);
      }
      for (const double each : of_lanes) totals[term] += each;
    }
    for (; i < count; i += lanes) {
      const auto terms = terms_at<lanes>(row, first + i);
      for (std::size_t term = 0; term < Row::sums; ++term) {
        double of_lanes[lanes];
        write_lanes(terms[term], of_lanes);
        for (int64_t lane = 0; lane < std::min(lanes, count - i); ++lane) totals[term] += of_lanes[lane];
      }
    }
  }

 private:
  template <int64_t lanes>
  METRICS_INLINE std::array<kernels::Doubles<lanes>, Row::sums> terms_at(const Row& row, int64_t i) const {
    std::array<kernels::Doubles<lanes>, Row::sums> terms;
    row.terms(terms.data(), kernels::read_lanes<lanes>(x_.data() + i), kernels::read_lanes<lanes>(y_.data() + i));
    return terms;
  }

  using Numbers = std::array<double, elements_at_once + 8>;
  Numbers x_{}, y_{};
  std::array<Numbers, Row::sums> terms_;
  int64_t count_ = 0;
};

/// Writes the values of so many rows.
template <class Row>
void row_values(const Row& row, const kernels::pairs::Pairs& pairs, int64_t first, int64_t rows, double* values) {
  const int64_t columns = pairs.columns;
  RowPart<Row> part;
  if (columns <= elements_at_once) {
    const int64_t at_once = elements_at_once / columns;
    for (int64_t begin = 0; begin < rows; begin += at_once) {
      const int64_t count = std::min(at_once, rows - begin);
      part.read(pairs, (first + begin) * columns, count * columns);
      kernels::fastest_in_lanes([&](auto lanes) METRICS_INLINED {
        for (int64_t i = 0; Row::of_fractions && i < count; ++i) {
          part.divide(i * columns, columns, part.template sums_of_numbers<lanes()>(i * columns, columns));
        }
        const bool is_long = columns >= long_row;
        if (!is_long) part.template compute_terms<lanes()>(row);
        for (int64_t i = 0; i < count; ++i) {
          std::array<double, Row::sums> totals{};
          if (is_long) {
            part.template add_terms<lanes()>(row, totals, i * columns, columns);
          } else {
            part.template add_computed<lanes()>(totals, i * columns, columns);
          }
          values[begin + i] = row.value(totals);
        }
      });
    }
    return;
  }
  for (int64_t i = 0; i < rows; ++i) {
    const auto each_part = [&](const auto& take) {
      for (int64_t column = 0; column < columns; column += elements_at_once) {
        const int64_t count = std::min(elements_at_once, columns - column);
        part.read(pairs, (first + i) * columns + column, count);
        kernels::fastest_in_lanes([&](auto lanes) METRICS_INLINED { take(lanes, count); });
      }
    };
    std::array<double, 2> divisors{1, 1};
    if constexpr (Row::of_fractions) {
      divisors = {0, 0};
      each_part([&](auto lanes, int64_t count) METRICS_INLINED {
        const auto sums = part.template sums_of_numbers<lanes()>(0, count);
        divisors[0] += sums[0];
        divisors[1] += sums[1];
      });
    }
    std::array<double, Row::sums> totals{};
    each_part([&](auto lanes, int64_t count) METRICS_INLINED {
      if (Row::of_fractions) part.divide(0, count, divisors);
      part.template add_terms<lanes()>(row, totals, 0, count);
    });
    values[i] = row.value(totals);
  }
}

/// Writes the values of all rows.
template <class Row>
void all_row_values(const Row& row, const kernels::pairs::Pairs& pairs, double* values) {
  kernels::parallel(pairs.rows, pairs.columns,
                    [&](int64_t begin, int64_t end) { row_values(row, pairs, begin, end - begin, values + begin); });
}

/// The sum of the values of all rows, each times what it weighs, in blocks of rows.
template <class Row>
DoubleDouble sum_of_row_values(const Row& row, const kernels::pairs::Pairs& pairs) {
  constexpr int64_t most_rows = 256;
  const int64_t rows_of_block = std::clamp<int64_t>(kernels::pairs::elements_per_block / pairs.columns, 1, most_rows);
  const int64_t blocks = (pairs.rows + rows_of_block - 1) / rows_of_block;
  kernels::pairs::Scratch<double, 64> sums(blocks);
  kernels::parallel(blocks, rows_of_block * pairs.columns, [&](int64_t begin, int64_t end) {
    std::array<double, most_rows> values;
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = block * rows_of_block, rows = std::min(rows_of_block, pairs.rows - first);
      row_values(row, pairs, first, rows, values.data());
      double sum = 0;
      for (int64_t i = 0; i < rows; ++i) sum += values[static_cast<std::size_t>(i)] * pairs.weight(first + i);
      sums.data()[block] = sum;
    }
  });
  DoubleDouble total;
  for (int64_t block = 0; block < blocks; ++block) total = total + sums.data()[block];
  return total;
}

}  // namespace metrics::regression
