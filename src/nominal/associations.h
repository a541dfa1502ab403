#pragma once

#include "families/contingency.h"
#include <metrics/nominal/associations.h>

#include <functional>

namespace metrics::nominal {

/// The table of one batch: values are any whole numbers.
families::Contingency table_of_batch(const Tensor& preds, const Tensor& target, const BatchAssociationOptions& options,
                                     const Rows& rows);

/// What `value(table)` gives of each pair of columns, the first as predictions: float32 [M, M], with 1 on the diagonal.
/// Where it is the same both ways it is computed once.
enum class Direction { Both, Each };
Tensor matrix_of(const Tensor& matrix, const BatchAssociationOptions& options, Direction direction,
                 const std::function<double(const families::Contingency& table)>& value);

/// χ² / n of the values that occur. Of tables of 2 × 2 differences are lessened by up to a half where that is asked
/// for.
double phi_squared(const families::Contingency& table, bool correct_differences);

/// The same and the numbers of values, each less what small samples add.
struct Corrected {
  double phi_squared, rows, columns;

  /// Whether the samples are too few to tell.
  bool too_few() const { return rows == 1 || columns == 1; }
};
Corrected corrected(const families::Contingency& table);

/// NaN, with a warning that names the association.
double not_to_be_corrected(const char* association);

}  // namespace metrics::nominal
