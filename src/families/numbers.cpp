#include "numbers.h"

#include <metrics/core/autograd_scope.h>

#include <ATen/ops/sum.h>

namespace metrics::families {

Tensor tensor_of(double number) {
  thread_local Tensor kept;
  // The storage, too, because a view of the tensor holds that alone.
  if (!kept.defined() || kept.use_count() > 1 || kept.storage().use_count() > 1) {
    const AutogradScope scope;
    kept = empty_doubles({});
  }
  *kept.mutable_data_ptr<double>() = number;
  return kept;
}

Tensor sum_in_order(const Tensor& numbers) {
  if (numbers.dim() == 0) return numbers;
  if (!numbers.is_cpu() || numbers.requires_grad()) return numbers.sum(-1);
  const Tensor rows = numbers.contiguous();
  const int64_t columns = rows.size(-1);
  Tensor sums = empty_doubles(rows.sizes().slice(0, rows.sizes().size() - 1));
  const double* number = rows.const_data_ptr<double>();
  double* sum = sums.mutable_data_ptr<double>();
  for (int64_t row = 0; row < sums.numel(); ++row, number += columns) {
    sum[row] = 0;
    for (int64_t column = 0; column < columns; ++column) sum[row] += number[column];
  }
  return sums;
}

}  // namespace metrics::families
