#include "kernels.h"

#include "kernels/fastest.h"
#include "kernels/math.h"
#include "kernels/parallel.h"
#include "kernels/squared_distance.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <atomic>
#include <cmath>

namespace metrics::pairwise::kernels {

namespace {

using metrics::kernels::fastest;
using metrics::kernels::parallel;
using metrics::kernels::squared_distance;

// A panel of 128 columns is 32 KiB, which a processor's nearest cache holds.
template <class T>
constexpr int64_t rows_of_panel = 256 / sizeof(T);

/// Rows of `x` that meet a panel one after the other while it is in the cache.
constexpr int64_t rows_together = 64;

// A norm: what a difference adds, and what becomes of the sum. `together` columns are added up in the type of the
// numbers, and these sums in float64.

template <class T>
struct Absolute {
  using Number = T;
  static constexpr int64_t together = 8;
  METRICS_INLINE T of(T difference) const { return difference < 0 ? -difference : difference; }
  METRICS_INLINE double root(double sum) const { return sum; }
};

template <class T>
struct Square {
  using Number = T;
  static constexpr int64_t together = 8;
  METRICS_INLINE T of(T difference) const { return difference * difference; }
  METRICS_INLINE double root(double sum) const { return std::sqrt(sum); }
};

/// Of an even or odd whole power, which is written out.
template <int64_t n>
struct WholePower {
  using Number = double;
  static constexpr int64_t together = 8;
  METRICS_INLINE double of(double difference) const {
    const double square = difference * difference;
    if constexpr (n == 4) return square * square;
    return square * (difference < 0 ? -difference : difference);
  }
  METRICS_INLINE double root(double sum) const { return metrics::kernels::power(sum, 1.0 / n); }
};

struct AnyPower {
  using Number = double;
  static constexpr int64_t together = 1;
  double exponent;
  METRICS_INLINE double of(double difference) const {
    return metrics::kernels::power(difference < 0 ? -difference : difference, exponent);
  }
  METRICS_INLINE double root(double sum) const { return metrics::kernels::power(sum, 1 / exponent); }
};

/// The distances of one row from those of a panel.
template <class Norm, class T>
METRICS_INLINE void distances_of_row(const Norm& norm, const T* row, const T* panel, int64_t columns, double* sums) {
  constexpr int64_t height = rows_of_panel<T>;
  using Number = typename Norm::Number;
  const auto term = [&](int64_t column, int64_t lane) METRICS_INLINED {
    return norm.of(static_cast<Number>(row[column]) - static_cast<Number>(panel[column * height + lane]));
  };
  std::fill_n(sums, height, 0.0);
  int64_t i = 0;
  if constexpr (Norm::together == 8) {
    for (; i + 8 <= columns; i += 8) {
#pragma omp simd
      for (int64_t lane = 0; lane < height; ++lane) {
        const Number sum = ((term(i, lane) + term(i + 1, lane)) + (term(i + 2, lane) + term(i + 3, lane))) +
                           ((term(i + 4, lane) + term(i + 5, lane)) + (term(i + 6, lane) + term(i + 7, lane)));
        sums[lane] += static_cast<double>(sum);
      }
    }
  }
  for (; i < columns; ++i) {
#pragma omp simd
    for (int64_t lane = 0; lane < height; ++lane) sums[lane] += static_cast<double>(term(i, lane));
  }
#pragma omp simd
  for (int64_t lane = 0; lane < height; ++lane) sums[lane] = norm.root(sums[lane]);
}

template <class Norm, class T>
void write_part(const Norm& norm, const T* x, int64_t rows, int64_t columns, const T* panel, int64_t height, T* to,
                int64_t stride) {
  fastest([&]() METRICS_INLINED {
    double sums[rows_of_panel<T>];
    for (int64_t row = 0; row < rows; ++row) {
      distances_of_row(norm, x + row * columns, panel, columns, sums);
      T* const into = to + row * stride;
      for (int64_t lane = 0; lane < height; ++lane) into[lane] = static_cast<T>(sums[lane]);
    }
  });
}

template <class Norm, class T>
void write_all(const Norm& norm, const Tensor& x, const T* panels, const Tensor& into) {
  constexpr int64_t height = rows_of_panel<T>;
  const int64_t rows = x.size(0), columns = x.size(1), others = into.size(1), stride = into.stride(0);
  const int64_t groups = (rows + rows_together - 1) / rows_together, count = (others + height - 1) / height;
  const T* const from = x.const_data_ptr<T>();
  T* const to = into.mutable_data_ptr<T>();
  parallel(groups * count, rows_together * height * std::max<int64_t>(1, columns / 8), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = i / count * rows_together, other = i % count * height;
      write_part(norm, from + row * columns, std::min(rows_together, rows - row), columns, panels + other * columns,
                 std::min(height, others - other), to + row * stride + other, stride);
    }
  });
}

template <class T>
void write_by_power(double power, const Tensor& x, const T* panels, const Tensor& into) {
  if (power == 1) return write_all(Absolute<T>{}, x, panels, into);
  if (power == 2) return write_all(Square<T>{}, x, panels, into);
  if (power == 3) return write_all(WholePower<3>{}, x, panels, into);
  if (power == 4) return write_all(WholePower<4>{}, x, panels, into);
  write_all(AnyPower{power}, x, panels, into);
}

template <class T>
Tensor panels_of(const Tensor& rows) {
  constexpr int64_t height = rows_of_panel<T>;
  const int64_t count = rows.size(0), columns = rows.size(1), panels = (count + height - 1) / height;
  Tensor made = at::empty({panels, columns, height}, rows.options());
  const T* const from = rows.const_data_ptr<T>();
  T* const to = made.mutable_data_ptr<T>();
  parallel(panels, columns * height, [&](int64_t begin, int64_t end) {
    for (int64_t panel = begin; panel < end; ++panel) {
      T* const into = to + panel * columns * height;
      for (int64_t lane = 0; lane < height; ++lane) {
        // Behind the last row it is again, because any number will do there.
        const T* const row = from + std::min(panel * height + lane, count - 1) * columns;
        for (int64_t column = 0; column < columns; ++column) into[column * height + lane] = row[column];
      }
    }
  });
  return made;
}

constexpr double near = 0.25;  // of both squares of lengths: from there on products lose two bits

/// Writes the squares, or -1 for pairs that are near, and returns how many these are.
template <class T>
METRICS_INLINE int64_t write_squares(double of_x, const double* of_y, int64_t count, T* products) {
  int64_t found = 0;
#pragma omp simd reduction(+ : found)
  for (int64_t i = 0; i < count; ++i) {
    const double both = of_x + of_y[i];
    const double square = both - 2 * static_cast<double>(products[i]);
    const bool is_far = square >= near * both;  // which NaN is not
    products[i] = is_far ? static_cast<T>(square) : T{-1};
    found += is_far ? 0 : 1;
  }
  return found;
}

template <class T>
bool make_squares(const MeasuredRows& x, const MeasuredRows& y, const Tensor& products) {
  const int64_t rows = products.size(0), others = products.size(1), columns = x.given.size(1);
  const int64_t stride = products.stride(0), most_near = others / 8 + 1;
  const T *const of_x = x.given.const_data_ptr<T>(), *const of_y = y.given.const_data_ptr<T>();
  const auto *const x_squares = x.squares.const_data_ptr<double>(), *const y_squares =
                                                                        y.squares.const_data_ptr<double>();
  T* const to = products.mutable_data_ptr<T>();
  std::atomic<int64_t> all_near = 0;
  parallel(rows, others, [&](int64_t begin, int64_t end) {
    fastest([&]() METRICS_INLINED {
      for (int64_t row = begin; row < end && all_near.load(std::memory_order_relaxed) <= most_near * rows; ++row) {
        T* const into = to + row * stride;
        const int64_t found = write_squares(x_squares[row], y_squares, others, into);
        if (found == 0) continue;
        all_near.fetch_add(found, std::memory_order_relaxed);
        for (int64_t i = 0; i < others; ++i) {
          if (into[i] != T{-1}) continue;
          into[i] = static_cast<T>(squared_distance(of_x + row * columns, of_y + i * columns, columns));
        }
      }
    });
  });
  return all_near.load() <= most_near * rows;
}

template <class T>
void add_sums(const Tensor& matrix, double* sums) {
  const int64_t columns = matrix.size(1), stride = matrix.stride(0);
  const T* const from = matrix.const_data_ptr<T>();
  parallel(matrix.size(0), columns, [&](int64_t begin, int64_t end) {
    fastest([&]() METRICS_INLINED {
      constexpr int64_t lanes = 16;
      for (int64_t row = begin; row < end; ++row) {
        const T* const numbers = from + row * stride;
        double of_lanes[lanes] = {};
        int64_t i = 0;
        for (; i + lanes <= columns; i += lanes) {
#pragma omp simd
          for (int64_t lane = 0; lane < lanes; ++lane) of_lanes[lane] += static_cast<double>(numbers[i + lane]);
        }
        double sum = 0;
        for (; i < columns; ++i) sum += static_cast<double>(numbers[i]);
        for (const double lane : of_lanes) sum += lane;
        sums[row] += sum;
      }
    });
  });
}

}  // namespace

Panels::Panels(const Tensor& rows)
    : panels_(rows.scalar_type() == at::kDouble ? panels_of<double>(rows) : panels_of<float>(rows)) {}

int64_t Panels::height() const {
  return panels_.size(2);
}

void Panels::write_distances(const Tensor& x, int64_t first, double power, const Tensor& into) const {
  const int64_t before = first * panels_.size(1);
  if (x.scalar_type() == at::kDouble) {
    write_by_power(power, x, panels_.const_data_ptr<double>() + before, into);
  } else {
    write_by_power(power, x, panels_.const_data_ptr<float>() + before, into);
  }
}

bool make_squared_distances(const MeasuredRows& x, const MeasuredRows& y, const Tensor& products) {
  return products.scalar_type() == at::kDouble ? make_squares<double>(x, y, products)
                                               : make_squares<float>(x, y, products);
}

void add_sums_of_rows(const Tensor& matrix, const Tensor& sums) {
  auto* const to = sums.mutable_data_ptr<double>();
  matrix.scalar_type() == at::kDouble ? add_sums<double>(matrix, to) : add_sums<float>(matrix, to);
}

}  // namespace metrics::pairwise::kernels
