#include "matrix.h"

#include "kernels.h"
#include <metrics/core/errors.h>
#include <metrics/core/readable.h>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cdist.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <sstream>

namespace metrics::pairwise {

namespace {

// A part of a matrix that is not kept lies in this many elements, which a processor's cache holds.
constexpr int64_t elements_per_part = int64_t{1} << 18;
constexpr int64_t columns_per_part = 1024;

void check_rows_of(std::string_view functional, const char* input, const Tensor& rows, std::optional<int64_t> width) {
  detail::check_readable(functional, input, rows);
  if (rows.dim() == 2 && rows.size(1) == width.value_or(rows.size(1))) return;
  std::ostringstream message;
  message << functional << ": input `" << input << "`: expected rows [N, ";
  width ? message << *width << "] as wide as those of `x`" : message << "D]";
  message << ", got " << rows.scalar_type() << rows.sizes();
  throw InvalidArgument(message.str());
}

at::ScalarType compared_in(at::ScalarType dtype) {
  if (!at::isFloatingType(dtype)) return at::kDouble;
  return dtype == at::kDouble ? at::kDouble : at::kFloat;
}

at::ScalarType result_dtype(at::ScalarType dtype, OfIntegers of_integers, Reduction reduction) {
  if (at::isFloatingType(dtype)) return dtype;
  return of_integers == OfIntegers::Integers && reduction != Reduction::Mean ? at::kLong : at::kFloat;
}

/// Wider rows are compared by a product of matrices, which takes half as long as all differences.
constexpr int64_t fewest_columns_of_products = 32;

/// Rows less a point, because near it products lose nothing.
kernels::MeasuredRows measured(const Tensor& rows, const Tensor& point) {
  const Tensor beside = (rows.to(at::kDouble) - point).to(rows.scalar_type());
  return {rows, beside, beside.to(at::kDouble).square().sum(1)};
}

/// Puts zeros on the part of the diagonal that lies in a part of the matrix.
void clear_diagonal(const Part& part, const Tensor& into) {
  const int64_t begin = std::max(part.row, part.column);
  const int64_t end = std::min(part.row + part.rows, part.column + part.columns);
  if (begin >= end) return;
  into.narrow(0, begin - part.row, end - begin).narrow(1, begin - part.column, end - begin).diagonal().zero_();
}

}  // namespace

bool Sides::as_whole() const {
  const bool gradients = at::GradMode::is_enabled() && (x.requires_grad() || y.requires_grad());
  return gradients || !x.is_cpu() || !y.is_cpu();
}

Sides sides_of(std::string_view functional, const Tensor& x, const std::optional<Tensor>& y,
               const PairwiseOptions& options, OfIntegers of_integers) {
  check_rows_of(functional, "x", x, std::nullopt);
  if (y) check_rows_of(functional, "y", *y, x.size(1));
  if (y && y->device() != x.device()) {
    throw InvalidArgument(
        c10::str(functional, ": inputs `x` and `y` are on different devices, ", x.device(), " and ", y->device()));
  }
  const at::ScalarType dtype = y ? at::promoteTypes(x.scalar_type(), y->scalar_type()) : x.scalar_type();
  const auto rows = [&](const Tensor& given) { return given.resolve_neg().to(compared_in(dtype)).contiguous(); };
  Sides sides{.x = rows(x),
              .y = {},
              .result = result_dtype(dtype, of_integers, options.reduction),
              .reduction = options.reduction,
              .zero_diagonal = options.zero_diagonal.value_or(!y.has_value())};
  sides.y = y ? rows(*y) : sides.x;
  return sides;
}

Tensor finished(const Sides& sides, const Tensor& matrix) {
  const Tensor cleared = sides.zero_diagonal ? matrix.clone().fill_diagonal_(0) : matrix;
  if (sides.reduction == Reduction::None) return cleared.to(sides.result);
  const Tensor sums = cleared.sum({1}, false, at::kDouble);
  return (sides.reduction == Reduction::Mean ? sums / matrix.size(1) : sums).to(sides.result);
}

Tensor matrix_by_parts(const Sides& sides, const Fill& fill) {
  const int64_t rows = sides.x.size(0), columns = sides.y.size(0);
  const bool kept = sides.reduction == Reduction::None;
  if (kept && sides.result == sides.x.scalar_type()) {
    const Tensor matrix = at::empty({rows, columns}, sides.x.options());
    if (matrix.numel() > 0) fill({0, rows, 0, columns}, matrix);
    return sides.zero_diagonal ? matrix.fill_diagonal_(0) : matrix;
  }
  const int64_t wide = std::min(columns, columns_per_part);
  const int64_t high = std::min(rows, elements_per_part / std::max<int64_t>(1, wide));
  const Tensor memory = at::empty({high, wide}, sides.x.options());
  const Tensor result = kept ? at::empty({rows, columns}, sides.x.options().dtype(sides.result))
                             : at::zeros({rows}, sides.x.options().dtype(at::kDouble));
  for (int64_t row = 0; row < rows; row += high) {
    for (int64_t column = 0; column < columns; column += wide) {
      const Part part{row, std::min(high, rows - row), column, std::min(wide, columns - column)};
      const Tensor into = memory.narrow(0, 0, part.rows).narrow(1, 0, part.columns);
      fill(part, into);
      if (sides.zero_diagonal) clear_diagonal(part, into);
      const Tensor of_rows = result.narrow(0, row, part.rows);
      if (kept) {
        of_rows.narrow(1, column, part.columns).copy_(into);
      } else {
        kernels::add_sums_of_rows(into, of_rows);
      }
    }
  }
  if (kept) return result;
  return (sides.reduction == Reduction::Mean ? result / columns : result).to(sides.result);
}

Tensor products(const Sides& sides) {
  if (sides.as_whole()) return finished(sides, at::mm(sides.x, sides.y.t()));
  return matrix_by_parts(sides, [&](const Part& part, Tensor into) {
    at::mm_out(into, sides.x.narrow(0, part.row, part.rows), sides.y.narrow(0, part.column, part.columns).t());
  });
}

Tensor plain::distances(const Tensor& x, const Tensor& y, double power) {
  constexpr int64_t of_differences = 2;  // not by products, which lose what is near beside what is far
  return at::cdist(x, y, power, of_differences);
}

Tensor distances(const Sides& sides, double power) {
  const bool wide = power != 1 && power != 2;
  if (sides.as_whole()) {
    const auto rows = [&](const Tensor& given) { return wide ? given.to(at::kDouble) : given; };
    return finished(sides, plain::distances(rows(sides.x), rows(sides.y), power));
  }
  std::optional<kernels::Panels> panels;
  const Fill by_differences = [&](const Part& part, const Tensor& into) {
    if (!panels) panels.emplace(sides.y);
    panels->write_distances(sides.x.narrow(0, part.row, part.rows), part.column, power, into);
  };
  if (power != 2 || sides.x.size(1) < fewest_columns_of_products) return matrix_by_parts(sides, by_differences);
  const Tensor middle = sides.y.mean(0, false, at::kDouble);
  const kernels::MeasuredRows x = measured(sides.x, middle), y = measured(sides.y, middle);
  const auto cut = [](const kernels::MeasuredRows& all, int64_t begin, int64_t count) {
    return kernels::MeasuredRows{all.given.narrow(0, begin, count), all.moved.narrow(0, begin, count),
                                 all.squares.narrow(0, begin, count)};
  };
  return matrix_by_parts(sides, [&](const Part& part, Tensor into) {
    const auto of_x = cut(x, part.row, part.rows), of_y = cut(y, part.column, part.columns);
    at::mm_out(into, of_x.moved, of_y.moved.t());
    if (kernels::make_squared_distances(of_x, of_y, into)) {
      into.sqrt_();
    } else {
      by_differences(part, into);
    }
  });
}

}  // namespace metrics::pairwise
