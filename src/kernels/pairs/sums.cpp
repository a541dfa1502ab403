#include "sums.h"

#include "exact_products.h"
#include "sum_blocks.h"

#include <bit>
#include <limits>

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace metrics::kernels::pairs {

namespace {

METRICS_MULTIVERSIONED void widen(const BFloat16* from, int64_t count, float* to) {
  for (int64_t i = 0; i < count; ++i) to[i] = wide(from[i]);
}

METRICS_MULTIVERSIONED void widen_by_integers(const Half* from, int64_t count, float* to) {
  for (int64_t i = 0; i < count; ++i) to[i] = wide(from[i]);
}

#ifdef __x86_64__
[[gnu::target("arch=x86-64-v3")]] void widen_by_instruction(const Half* from, int64_t count, float* to) {
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i))));
  }
  for (; i < count; ++i) to[i] = wide(from[i]);
}
#endif

void widen(const Half* from, int64_t count, float* to) {
#ifdef __x86_64__
  // Not made of the loop by the compiler, and exact, too.
  static const bool has_instruction = this_machine() != Machine::Any;
  if (has_instruction) return widen_by_instruction(from, count, to);
#endif
  widen_by_integers(from, count, to);
}

METRICS_MULTIVERSIONED void widen(const float* from, int64_t count, double* to) {
  for (int64_t i = 0; i < count; ++i) to[i] = static_cast<double>(from[i]);
}

}  // namespace

void widen(const void* from, Element element, int64_t first, int64_t count, double* to) {
  with_element(from, element, [&]<class E>(const E* numbers) {
    if constexpr (std::is_same_v<E, double>) {
      std::copy_n(numbers + first, count, to);
    } else if constexpr (std::is_same_v<E, float>) {
      widen(numbers + first, count, to);
    } else {
      constexpr int64_t part = 512;
      float wide[part];
      for (int64_t i = 0; i < count; i += part) {
        const int64_t length = std::min(part, count - i);
        widen(numbers + first + i, length, wide);
        widen(wide, length, to + i);
      }
    }
  });
}

void widen(const void* from, Element element, int64_t first, int64_t count, float* to) {
  if (element == Element::Half) return widen(static_cast<const Half*>(from) + first, count, to);
  widen(static_cast<const BFloat16*>(from) + first, count, to);
}

METRICS_MULTIVERSIONED void widen_counts(const int64_t* from, int64_t count, double* to) {
  // Machines without AVX-512 convert no vectors of them. Up to 2^52 they are a number's last bits; of those up to 2^53
  // the halves are exact.
  uint64_t any = 0;
  for (int64_t i = 0; i < count; ++i) any |= static_cast<uint64_t>(from[i]);
  if (any < uint64_t{1} << 52) {
    for (int64_t i = 0; i < count; ++i) {
      to[i] = from_bits(static_cast<uint64_t>(from[i]) | bits_of(0x1p52)) - 0x1p52;
    }
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    const auto bits = static_cast<uint64_t>(from[i]);
    const double high = from_bits((bits >> 32) | bits_of(0x1p84)) - (0x1p84 + 0x1p52);
    to[i] = high + from_bits((bits & 0xffffffff) | bits_of(0x1p52));
  }
}

void spread_weights(const Pairs& pairs, int64_t row, int64_t rows, double* to) {
  if (pairs.columns == 1 && pairs.rows_of_weight == 1) {
    if (pairs.float_weights != nullptr) return widen(pairs.float_weights + row, rows, to);
    return widen_counts(pairs.integer_weights + row, rows, to);
  }
  for (int64_t i = row; i < row + rows; ++i) to = std::fill_n(to, pairs.columns, pairs.weight(i));
}

namespace {

struct SquaredError {
  template <class N>
  METRICS_INLINE N operator()(const N& x, const N& y) const {
    const N error = x - y;
    return error * error;
  }
};

struct Fit {
  static constexpr int64_t sums = 3, maxima = 0, minima = 0;
  template <class N, class Weigh>
  METRICS_INLINE void fold(N* into, int64_t stride, const Weigh& weigh, const N& x, const N& y, const N&,
                           const N& first_y) const {
    const N error = x - y;
    const N v = y - first_y;
    const N of_v = weigh(v);
    into[0] += of_v;
    into[stride] += of_v * v;
    into[2 * stride] += weigh(error) * error;
  }
};

struct ErrorFit {
  static constexpr int64_t sums = 4, maxima = 0, minima = 0;
  template <class N, class Weigh>
  METRICS_INLINE void fold(N* into, int64_t stride, const Weigh& weigh, const N& x, const N& y, const N& first_x,
                           const N& first_y) const {
    const N v = y - first_y;
    const N w = (y - x) - (first_y - first_x);
    const N of_v = weigh(v), of_w = weigh(w);
    into[0] += of_v;
    into[stride] += of_v * v;
    into[2 * stride] += of_w;
    into[3 * stride] += of_w * w;
  }
};

struct BesideTarget {
  static constexpr int64_t sums = 3, maxima = 1, minima = 1;
  template <class N, class Weigh>
  METRICS_INLINE void fold(N* into, int64_t stride, const Weigh& weigh, const N& x, const N& y, const N&,
                           const N& first_y) const {
    const N error = x - y;
    const N v = y - first_y;
    const N of_v = weigh(v);
    into[0] += weigh(error) * error;
    into[stride] += of_v;
    into[2 * stride] += of_v * v;
    raise(into[3 * stride], y);
    lower(into[4 * stride], y);
  }
};

struct Moments {
  static constexpr int64_t sums = 5, maxima = 2, minima = 0;
  template <class N, class Weigh>
  METRICS_INLINE void fold(N* into, int64_t stride, const Weigh& weigh, const N& x, const N& y, const N& first_x,
                           const N& first_y) const {
    const N u = x - first_x;
    const N v = y - first_y;
    const N of_u = weigh(u), of_v = weigh(v);
    into[0] += of_u;
    into[stride] += of_v;
    into[2 * stride] += of_u * u;
    into[3 * stride] += of_v * v;
    into[4 * stride] += of_u * v;
    raise(into[5 * stride], magnitude(u));
    raise(into[6 * stride], magnitude(v));
  }
};

}  // namespace

Summed<DoubleDouble> squared_errors(const Pairs& pairs) {
  return sums_of(SquaredError{}, pairs);
}

std::vector<double> row_squared_errors(const Pairs& pairs) {
  std::vector<double> totals(static_cast<std::size_t>(pairs.rows));
  const Pairs flat{.preds = pairs.preds,
                   .target = pairs.target,
                   .element = pairs.element,
                   .rows = pairs.rows * pairs.columns,
                   .columns = 1};
  const auto sum_one = [&](int64_t row) {
    const int64_t end = (row + 1) * pairs.columns;
    DoubleDouble total;
    for (int64_t begin = row * pairs.columns; begin < end; begin += elements_per_block) {
      double results[width<SumOf<SquaredError>> + 2];
      sum_rows(SumOf<SquaredError>{}, flat, begin, std::min(elements_per_block, end - begin), results);
      total = total + results[0];
    }
    totals[static_cast<std::size_t>(row)] = total.value();
  };
  parallel(pairs.rows, pairs.columns, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) sum_one(row);
  });
  return totals;
}

namespace {

/// The sums of y and y² from those of y = first + v: Σ y = Σ v + n first, and Σ y² = Σ v² + first (Σ v + Σ y).
struct TargetSums {
  DoubleDouble sum, squares;

  TargetSums(double n, double first, double sum_of_v, double squares_of_v)
      : sum(exact_product(n, first) + sum_of_v),
        squares(product(sum + sum_of_v, DoubleDouble{first, 0}) + squares_of_v) {}
};

/// Whether squares of this sum are neither lost nor too many for float64.
bool is_tame(double sum_of_squares) {
  return sum_of_squares >= 0x1p-500 && sum_of_squares <= 0x1p500;
}

/// Which of the scales squares of numbers up to `largest` take.
std::size_t square_scale_of(double largest) {
  if (largest == 0 || !std::isfinite(largest)) return 0;
  return largest > most_unscaled ? 1 : largest < least_unscaled ? 2 : 0;
}

/// The sums of one column of a block whose numbers are scaled before they are squared. Only float64 holds such numbers.
FitSums scaled_fit(const Pairs& pairs, int64_t row, int64_t rows, int64_t column) {
  const double* preds = static_cast<const double*>(pairs.preds) + row * pairs.columns + column;
  const double* target = static_cast<const double*>(pairs.target) + row * pairs.columns + column;
  double largest_target = 0, largest_error = 0;
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t at = i * pairs.columns;
    raise(largest_target, std::abs(target[at]));
    raise(largest_error, std::abs(preds[at] - target[at]));
  }
  std::vector<double> x(static_cast<std::size_t>(rows)), y(x.size()), weights(x.size());
  for (int64_t i = 0; i < rows; ++i) weights[static_cast<std::size_t>(i)] = pairs.weight(row + i);
  const Pairs scaled_pairs{.preds = x.data(),
                           .target = y.data(),
                           .element = Element::Double,
                           .rows = rows,
                           .columns = 1,
                           .real_weights = weights.data()};
  const auto summed_at = [&](double scale) {
    for (int64_t i = 0; i < rows; ++i) {
      x[static_cast<std::size_t>(i)] = preds[i * pairs.columns] * scale;
      y[static_cast<std::size_t>(i)] = target[i * pairs.columns] * scale;
    }
    std::array<double, width<Fit> + 2> sums{};
    sum_rows(Fit{}, scaled_pairs, 0, rows, sums.data());
    return sums;
  };
  FitSums own;
  const std::size_t of_target = square_scale_of(largest_target);
  const double scale = square_scales[of_target];
  const auto scaled = summed_at(scale);
  const TargetSums sums(scaled[width<Fit> - 1], target[0] * scale, scaled[0], scaled[1]);
  own.target = {sums.sum.high / scale, sums.sum.low / scale};
  own.squared_target[of_target] = sums.squares;
  const std::size_t of_error = square_scale_of(largest_error);
  own.squared_error[of_error] = own.squared_error[of_error] + summed_at(square_scales[of_error])[2];
  return own;
}

void add(SquareSums& into, const SquareSums& sums) {
  for (std::size_t scale = 0; scale < sums.size(); ++scale) into[scale] = into[scale] + sums[scale];
}

}  // namespace

Summed<ErrorFitSums> error_fit_sums(const Pairs& pairs) {
  Summed<ErrorFitSums> totals(pairs);
  each_block(ErrorFit{}, pairs, [&](const Block& block) {
    const double n = block.count();
    totals.add_weights(block);
    for (int64_t column = 0; column < pairs.columns; ++column) {
      ErrorFitSums& total = totals.of[static_cast<std::size_t>(column)];
      const double first_y = block.first_y(column), first_error = first_y - block.first_x(column);
      const TargetSums target(n, first_y, block.of(0, column), block.of(1, column));
      const TargetSums error(n, first_error, block.of(2, column), block.of(3, column));
      total.target = total.target + target.sum;
      total.squared_target = total.squared_target + target.squares;
      total.error = total.error + error.sum;
      total.squared_error = total.squared_error + error.squares;
    }
  });
  return totals;
}

Summed<ErrorBesideTarget> errors_beside_targets(const Pairs& pairs) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  Summed<ErrorBesideTarget> totals(pairs, {.squared_error = {},
                                           .target = {},
                                           .squared_target = {},
                                           .least = infinity,
                                           .greatest = -infinity,
                                           .mean = 0,
                                           .var = 0,
                                           .n = 0});
  each_block(BesideTarget{}, pairs, [&](const Block& block) {
    const double n = block.count();
    totals.add_weights(block);
    for (int64_t column = 0; column < pairs.columns; ++column) {
      ErrorBesideTarget& total = totals.of[static_cast<std::size_t>(column)];
      const double first = block.first_y(column), sum = block.of(1, column), mean_v = sum / n;
      total.squared_error = total.squared_error + block.of(0, column);
      const TargetSums target(n, first, sum, block.of(2, column));
      total.target = total.target + target.sum;
      total.squared_target = total.squared_target + target.squares;
      raise(total.greatest, block.of(3, column));
      lower(total.least, block.of(4, column));
      const MomentsOf<double> both = merged(MomentsOf<double>{total.mean, total.var, total.n},
                                            MomentsOf<double>{first + mean_v, block.of(2, column) - sum * mean_v, n});
      total.mean = both.mean;
      total.var = both.var;
      total.n = both.n;
    }
  });
  return totals;
}

Summed<FitSums> fit_sums(const Pairs& pairs) {
  Summed<FitSums> totals(pairs);
  int64_t row = 0;
  each_block(Fit{}, pairs, [&](const Block& block) {
    const int64_t first_row = row;
    row += block.rows;
    totals.add_weights(block);
    for (int64_t column = 0; column < pairs.columns; ++column) {
      FitSums& total = totals.of[static_cast<std::size_t>(column)];
      const double first = block.first_y(column);
      const bool tame = is_tame(block.of(1, column)) && is_tame(block.of(2, column)) && std::abs(first) < 0x1p250;
      if (pairs.element == Element::Double && !tame) {
        const FitSums own = scaled_fit(pairs, first_row, block.rows, column);
        total.target = total.target + own.target;
        add(total.squared_target, own.squared_target);
        add(total.squared_error, own.squared_error);
        continue;
      }
      const TargetSums own(block.count(), first, block.of(0, column), block.of(1, column));
      total.target = total.target + own.sum;
      total.squared_target[0] = total.squared_target[0] + own.squares;
      total.squared_error[0] = total.squared_error[0] + block.of(2, column);
    }
  });
  return totals;
}

namespace {

/// The largest distance of a block's column from its first number.
struct Spread {
  double x, y;
};

/// The moments of one column of a block whose deviations are scaled before anything of them is summed. Only float64
/// holds such numbers.
PairMoments<double> scaled_moments(const Pairs& pairs, int64_t row, int64_t rows, int64_t column, Spread spread) {
  const double* x = static_cast<const double*>(pairs.preds) + row * pairs.columns + column;
  const double* y = static_cast<const double*>(pairs.target) + row * pairs.columns + column;
  const double by_x = scale(spread.x), by_y = scale(spread.y);
  const auto each = [&](const auto& take) {
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t at = i * pairs.columns;
      take((x[at] - x[0]) * by_x, (y[at] - y[0]) * by_y, pairs.weight(row + i));
    }
  };
  double n = 0, mean_u = 0, mean_v = 0;
  for (int64_t i = 0; i < rows; ++i) n += pairs.weight(row + i);
  each([&](double u, double v, double weight) {
    mean_u += u * weight / n;
    mean_v += v * weight / n;
  });
  PairMoments<double> own{};
  own.mean_x = x[0] + mean_u / by_x;
  own.mean_y = y[0] + mean_v / by_y;
  own.n_total = n;
  each([&](double u, double v, double weight) {
    raise(own.max_abs_dev_x, std::abs(u - mean_u));
    raise(own.max_abs_dev_y, std::abs(v - mean_v));
    own.var_x += weight * (u - mean_u) * (u - mean_u);
    own.var_y += weight * (v - mean_v) * (v - mean_v);
    own.corr_xy += weight * (u - mean_u) * (v - mean_v);
  });
  own.max_abs_dev_x /= by_x;
  own.max_abs_dev_y /= by_y;
  return rescaled(own, scale(own.max_abs_dev_x) / by_x, scale(own.max_abs_dev_y) / by_y);
}

}  // namespace

Summed<PairMoments<double>> pair_moments(const Pairs& pairs) {
  Summed<PairMoments<double>> totals(pairs);
  int64_t row = 0;
  each_block(Moments{}, pairs, [&](const Block& block) {
    const double n = block.count();
    totals.add_weights(block);
    const int64_t first_row = row;
    row += block.rows;
    for (int64_t column = 0; column < pairs.columns; ++column) {
      PairMoments<double>& total = totals.of[static_cast<std::size_t>(column)];
      const Spread spread{.x = block.of(5, column), .y = block.of(6, column)};
      if (scale(spread.x) != 1 || scale(spread.y) != 1) {
        total = merged(total, scaled_moments(pairs, first_row, block.rows, column, spread));
        continue;
      }
      // Of x = first + u: the mean is first + mean(u), and the centred sum of squares Σ u² - Σ u mean(u).
      const double mean_u = block.of(0, column) / n;
      const double mean_v = block.of(1, column) / n;
      const PairMoments<double> own{
          .mean_x = block.first_x(column) + mean_u,
          .mean_y = block.first_y(column) + mean_v,
          // A scale: between half and twice the largest distance from the mean.
          .max_abs_dev_x = spread.x,
          .max_abs_dev_y = spread.y,
          .var_x = block.of(2, column) - block.of(0, column) * mean_u,
          .var_y = block.of(3, column) - block.of(1, column) * mean_v,
          .corr_xy = block.of(4, column) - block.of(0, column) * mean_v,
          .n_total = n,
      };
      total = merged(total, own);
    }
  });
  return totals;
}

}  // namespace metrics::kernels::pairs
