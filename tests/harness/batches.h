#pragma once

#include <metrics/core/dynamic.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace metrics::testing {

/// The inputs of one update by name: tensors, or numbers.
using Batch = Kwargs;

/// Whether each input is a tensor with as many rows as the others.
bool has_rows(const Batch& batch);
int64_t rows_of(const Batch& batch);

/// All batches as one: tensors joined along the rows, numbers and scalars as float32 rows.
Batch joined(const std::vector<Batch>& batches);

/// Consecutive pieces of so many rows each.
std::vector<Batch> split(const Batch& whole, const std::vector<int64_t>& sizes);

/// Rows in the order of `index`, an int64 vector.
Batch taken(const Batch& batch, const at::Tensor& index);

/// Rows where `valid` is true.
Batch kept(const Batch& batch, const at::Tensor& valid);

/// Floating inputs as `dtype`.
Batch with_dtype(const Batch& batch, at::ScalarType dtype);
bool has_floats(const Batch& batch);
Batch on_device(const Batch& batch, at::Device device);
/// Own memory for each tensor, so that an update that writes to its input is found.
Batch copied(const Batch& batch);

/// A batch with rows that must not count.
struct PaddedBatch {
  Batch batch;
  at::Tensor valid;
};

/// Puts rows of NaN, huge scores and impossible labels before, among and after the rows of `batch`.
PaddedBatch with_garbage(const Batch& batch);

/// A permutation of `count` rows that is the same on every machine.
at::Tensor permutation(int64_t count);

}  // namespace metrics::testing
