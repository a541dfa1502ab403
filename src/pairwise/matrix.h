#pragma once

#include <metrics/pairwise/matrix.h>

#include <cstdint>
#include <functional>
#include <string_view>

namespace metrics::pairwise {

/// What integers give.
enum class OfIntegers { Integers, Floats };

/// The rows of both sides, in the dtype in which they are compared, and what is asked of the matrix.
struct Sides {
  Tensor x, y;  // [N, D] and [M, D]
  at::ScalarType result;
  Reduction reduction;
  bool zero_diagonal;

  /// Whether the matrix is made of tensor operations in one piece: for gradients, and on devices.
  bool as_whole() const;
};

/// Throws InvalidArgument naming the functional for inputs that are no rows of one width. Rows are compared in float32
/// or float64, those of halves in float32 and of integers in float64.
Sides sides_of(std::string_view functional, const Tensor& x, const std::optional<Tensor>& y,
               const PairwiseOptions& options, OfIntegers of_integers);

/// A part of the matrix: rows of `x` beside rows of `y`, from which on and how many.
struct Part {
  int64_t row, rows, column, columns;
};
/// Writes a part of the matrix into memory whose rows may be longer.
using Fill = std::function<void(const Part& part, const Tensor& into)>;

/// The matrix, or what is asked of its rows: part by part, so that beside the result a bounded number of elements is
/// there at a time.
Tensor matrix_by_parts(const Sides& sides, const Fill& fill);

/// The same of a matrix that is there.
Tensor finished(const Sides& sides, const Tensor& matrix);

/// The products of all pairs of rows.
Tensor products(const Sides& sides);

/// The distances of all pairs of rows by the norm of that power.
Tensor distances(const Sides& sides, double power);

namespace plain {

/// The distances as a matrix, in tensor operations.
METRICS_API Tensor distances(const Tensor& x, const Tensor& y, double power);

}  // namespace plain

}  // namespace metrics::pairwise
