#pragma once

#include <metrics/core/dynamic.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace metrics::testing {

/// The inputs of one update by name, and under `ids_name` the sample ids of its rows where there are some, under
/// `weights_name` their weights.
///
/// Of tensors and lists the elements along the first dimension are rows, whatever a list holds: strings, tensors,
/// dicts. Numbers, tensors without dimensions, strings and dicts are one row each. Booleans and None say something of
/// the whole batch and have no rows. An input under `name/key` is that entry of a dict, whose entries have rows.
using Batch = Kwargs;
inline constexpr std::string_view ids_name = "Rows.ids";
inline constexpr std::string_view weights_name = "Rows.weights";

/// Whether each input has rows, as many as the others.
bool has_rows(const Batch& batch);
/// Whether all inputs together are one row: none is a list or a tensor with dimensions.
bool has_one_row(const Batch& batch);
int64_t rows_of(const Batch& batch);

/// What is one row becomes a tensor or a list of one row, numbers float32.
Batch as_rows(const Batch& batch);

/// All batches as one; nothing where they differ in what has no rows.
std::optional<Batch> joined(const std::vector<Batch>& batches);

/// Consecutive pieces of so many rows each.
std::vector<Batch> split(const Batch& whole, const std::vector<int64_t>& sizes);

/// Rows in the order of `index`, an int64 vector.
Batch taken(const Batch& batch, const at::Tensor& index);

/// Rows where `valid` is true.
Batch kept(const Batch& batch, const at::Tensor& valid);

/// The batch with `function` applied to each of its tensors.
Batch with_tensors(const Batch& batch, const std::function<at::Tensor(const at::Tensor&)>& function);
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

/// Puts rows of NaN, huge scores, impossible labels and strange words before, among and after the rows of `batch`.
/// Lists without elements show nothing to imitate: then the batch stays as it is.
PaddedBatch with_garbage(const Batch& batch);

/// A permutation of `count` rows that is the same on every machine.
at::Tensor permutation(int64_t count);

/// Whether its rows are documents of the queries that its `indexes` name. A query weighs as a whole: all of its
/// documents carry its weight, and one that is there k times is k queries.
bool has_queries(const Batch& batch);
/// The same documents, a row each.
Batch with_a_document_each(const Batch& batch);
/// The same documents of queries that no other batch has, for each `copy` others; those of copy 0 are its own.
Batch of_other_queries(const Batch& batch, int64_t copy);

/// The batch with these weights of its rows.
Batch weighted(const Batch& batch, const at::Tensor& weights);

/// Updates with the batch, its sample ids and weights; of its rows those count that are `valid`, or all.
void update(Metric& metric, const Batch& batch, const std::optional<at::Tensor>& valid = {});
c10::IValue forward(Metric& metric, const Batch& batch, const std::optional<at::Tensor>& valid = {});
/// The inputs alone, and what is known of their rows.
Kwargs inputs_of(const Batch& batch);
Rows rows_with(const Batch& batch, const std::optional<at::Tensor>& valid = {});

}  // namespace metrics::testing
