#include "sums.h"

#include "exact_products.h"
#include "sum_blocks.h"

#include <bit>
#include <limits>

namespace metrics::kernels::pairs {

METRICS_MULTIVERSIONED void widen(const BFloat16* from, int64_t count, float* to) {
  for (int64_t i = 0; i < count; ++i) to[i] = wide(from[i]);
}
METRICS_MULTIVERSIONED void widen(const Half* from, int64_t count, float* to) {
  for (int64_t i = 0; i < count; ++i) to[i] = wide(from[i]);
}

namespace {

struct SquaredError {
  METRICS_INLINE double operator()(double x, double y) const {
    const double error = x - y;
    return error * error;
  }
};

struct Fit {
  static constexpr int64_t sums = 3, maxima = 0, minima = 0, lanes = 16;
  METRICS_INLINE void fold(double* into, int64_t stride, double x, double y, double, double first_y) const {
    const double error = x - y;
    const double v = y - first_y;
    into[0] += v;
    into[stride] += v * v;
    into[2 * stride] += error * error;
  }
};

struct ErrorFit {
  static constexpr int64_t sums = 4, maxima = 0, minima = 0, lanes = 16;
  METRICS_INLINE void fold(double* into, int64_t stride, double x, double y, double first_x, double first_y) const {
    const double v = y - first_y;
    const double w = (y - x) - (first_y - first_x);
    into[0] += v;
    into[stride] += v * v;
    into[2 * stride] += w;
    into[3 * stride] += w * w;
  }
};

struct BesideTarget {
  static constexpr int64_t sums = 3, maxima = 1, minima = 1, lanes = 16;
  METRICS_INLINE void fold(double* into, int64_t stride, double x, double y, double, double first_y) const {
    const double error = x - y;
    const double v = y - first_y;
    into[0] += error * error;
    into[stride] += v;
    into[2 * stride] += v * v;
    raise(into[3 * stride], y);
    lower(into[4 * stride], y);
  }
};

struct Moments {
  static constexpr int64_t sums = 5, maxima = 2, minima = 2, lanes = 16;
  METRICS_INLINE void fold(double* into, int64_t stride, double x, double y, double first_x, double first_y) const {
    const double u = x - first_x;
    const double v = y - first_y;
    into[0] += u;
    into[stride] += v;
    into[2 * stride] += u * u;
    into[3 * stride] += v * v;
    into[4 * stride] += u * v;
    raise(into[5 * stride], u);
    raise(into[6 * stride], v);
    lower(into[7 * stride], u);
    lower(into[8 * stride], v);
  }
};

}  // namespace

ByColumn<DoubleDouble> squared_errors(const Pairs& pairs) {
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
  std::vector<double> x(static_cast<std::size_t>(rows)), y(static_cast<std::size_t>(rows));
  const auto summed_at = [&](double scale) {
    for (int64_t i = 0; i < rows; ++i) {
      x[static_cast<std::size_t>(i)] = preds[i * pairs.columns] * scale;
      y[static_cast<std::size_t>(i)] = target[i * pairs.columns] * scale;
    }
    std::array<double, width<Fit>> sums{};
    sum_block(Fit{}, x.data(), y.data(), rows, 1, sums.data());
    return sums;
  };
  FitSums own;
  const std::size_t of_target = square_scale_of(largest_target);
  const double scale = square_scales[of_target];
  const auto scaled = summed_at(scale);
  const TargetSums sums(static_cast<double>(rows), target[0] * scale, scaled[0], scaled[1]);
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

ByColumn<ErrorFitSums> error_fit_sums(const Pairs& pairs) {
  ByColumn<ErrorFitSums> totals(static_cast<std::size_t>(pairs.columns));
  each_block(ErrorFit{}, pairs, [&](const Block& block) {
    const auto n = static_cast<double>(block.rows);
    for (int64_t column = 0; column < pairs.columns; ++column) {
      ErrorFitSums& total = totals[static_cast<std::size_t>(column)];
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

ByColumn<ErrorBesideTarget> errors_beside_targets(const Pairs& pairs) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  ByColumn<ErrorBesideTarget> totals(static_cast<std::size_t>(pairs.columns), {.squared_error = {},
                                                                               .target = {},
                                                                               .squared_target = {},
                                                                               .least = infinity,
                                                                               .greatest = -infinity,
                                                                               .mean = 0,
                                                                               .var = 0,
                                                                               .n = 0});
  each_block(BesideTarget{}, pairs, [&](const Block& block) {
    const auto n = static_cast<double>(block.rows);
    for (int64_t column = 0; column < pairs.columns; ++column) {
      ErrorBesideTarget& total = totals[static_cast<std::size_t>(column)];
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

ByColumn<FitSums> fit_sums(const Pairs& pairs) {
  ByColumn<FitSums> totals(static_cast<std::size_t>(pairs.columns));
  int64_t row = 0;
  each_block(Fit{}, pairs, [&](const Block& block) {
    const int64_t first_row = row;
    row += block.rows;
    for (int64_t column = 0; column < pairs.columns; ++column) {
      FitSums& total = totals[static_cast<std::size_t>(column)];
      const double first = block.first_y(column);
      const bool tame = is_tame(block.of(1, column)) && is_tame(block.of(2, column)) && std::abs(first) < 0x1p250;
      if (pairs.element == Element::Double && !tame) {
        const FitSums own = scaled_fit(pairs, first_row, block.rows, column);
        total.target = total.target + own.target;
        add(total.squared_target, own.squared_target);
        add(total.squared_error, own.squared_error);
        continue;
      }
      const TargetSums own(static_cast<double>(block.rows), first, block.of(0, column), block.of(1, column));
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
  const auto n = static_cast<double>(rows);
  const auto each = [&](const auto& take) {
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t at = i * pairs.columns;
      take((x[at] - x[0]) * by_x, (y[at] - y[0]) * by_y);
    }
  };
  double mean_u = 0, mean_v = 0;
  each([&](double u, double v) {
    mean_u += u / n;
    mean_v += v / n;
  });
  PairMoments<double> own{};
  own.mean_x = x[0] + mean_u / by_x;
  own.mean_y = y[0] + mean_v / by_y;
  own.n_total = n;
  each([&](double u, double v) {
    raise(own.max_abs_dev_x, std::abs(u - mean_u));
    raise(own.max_abs_dev_y, std::abs(v - mean_v));
    own.var_x += (u - mean_u) * (u - mean_u);
    own.var_y += (v - mean_v) * (v - mean_v);
    own.corr_xy += (u - mean_u) * (v - mean_v);
  });
  own.max_abs_dev_x /= by_x;
  own.max_abs_dev_y /= by_y;
  return rescaled(own, scale(own.max_abs_dev_x) / by_x, scale(own.max_abs_dev_y) / by_y);
}

}  // namespace

ByColumn<PairMoments<double>> pair_moments(const Pairs& pairs) {
  ByColumn<PairMoments<double>> totals(static_cast<std::size_t>(pairs.columns));
  int64_t row = 0;
  each_block(Moments{}, pairs, [&](const Block& block) {
    const auto n = static_cast<double>(block.rows);
    const int64_t first_row = row;
    row += block.rows;
    for (int64_t column = 0; column < pairs.columns; ++column) {
      PairMoments<double>& total = totals[static_cast<std::size_t>(column)];
      const Spread spread{.x = std::max(block.of(5, column), -block.of(7, column)),
                          .y = std::max(block.of(6, column), -block.of(8, column))};
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
          .max_abs_dev_x = std::max(block.of(5, column) - mean_u, mean_u - block.of(7, column)),
          .max_abs_dev_y = std::max(block.of(6, column) - mean_v, mean_v - block.of(8, column)),
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
