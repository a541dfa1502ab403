#include "clustered_data.h"

#include "../core/loaded_states.h"
#include "kernels/plain_tensor.h"
#include <metrics/clustering/clustered_data.h>
#include <metrics/core/errors.h>
#include <metrics/core/warning.h>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_unique2.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/where.h>

#include <limits>
#include <sstream>
#include <string>
#include <vector>

namespace metrics {

namespace {

template <class... Parts>
[[noreturn]] void refuse_input(const Parts&... parts) {
  std::ostringstream message;
  (message << ... << parts);
  throw InvalidArgument(message.str());
}

}  // namespace

void ClusteredData::declare(States& states) {
  for (const char* name : {"data", "labels"}) states.add(name, Reduction::Cat);
}

void ClusteredData::update(States& states, const Tensor& data, const Tensor& labels) {
  if (data.dim() != 2 || !data.is_floating_point()) {
    refuse_input("input `data`: expected floating numbers [N, D], got ", data.scalar_type(), data.sizes());
  }
  if (labels.dim() != 1 || !at::isIntegralType(labels.scalar_type(), /*includeBool=*/true)) {
    refuse_input("input `labels`: expected integers [N], got ", labels.scalar_type(), labels.sizes());
  }
  if (data.size(0) != labels.size(0)) {
    refuse_input("inputs `data` and `labels` must have the same number of rows, got ", data.sizes(), " and ",
                 labels.sizes());
  }
  states["data"].append(data);
  states["labels"].append(labels.to(at::kLong));
}

void ClusteredData::complete_from_torchmetrics(States& states) {
  require_equal_rows(states, {"data", "labels"});
  State& labels = states["labels"];
  if (labels.rows() == 0) return;
  require_floating_rows(states["data"]);
  require_integer_rows(labels);
  if (labels.tensor().dim() != 1) {
    throw StateMisfit("labels", c10::str("expected one a row, got shape ", labels.tensor().sizes()));
  }
  if (states["data"].tensor().dim() != 2) {
    throw StateMisfit("data", c10::str("expected [N, D], got shape ", states["data"].tensor().sizes()));
  }
  if (labels.tensor().scalar_type() != at::kLong) labels.assign(labels.tensor().to(at::kLong), {}, {});
}

namespace clustering {

namespace {

/// Whether a loop may take the place of tensor operations.
bool are_plain_numbers(const Tensor& numbers, const Tensor& cluster) {
  const bool gradients = at::GradMode::is_enabled() && numbers.requires_grad();
  return kernels::is_plain(numbers) && kernels::is_plain(cluster) && !gradients;
}

}  // namespace

Tensor sums_by_cluster(const Tensor& numbers, const Tensor& cluster, int64_t clusters) {
  std::vector<int64_t> shape = numbers.sizes().vec();
  shape[0] = clusters;
  Tensor sums = numbers.new_zeros(shape);
  if (!are_plain_numbers(numbers, cluster)) return sums.index_add(0, cluster, numbers);
  const int64_t rows = numbers.size(0), columns = rows == 0 ? 0 : numbers.numel() / rows;
  const auto* from = numbers.const_data_ptr<double>();
  const auto* const of_row = cluster.const_data_ptr<int64_t>();
  auto* const to = sums.mutable_data_ptr<double>();
  for (int64_t row = 0; row < rows; ++row) {
    double* const sum = to + of_row[row] * columns;
    for (int64_t column = 0; column < columns; ++column) sum[column] += *from++;
  }
  return sums;
}

Tensor less_those_of_cluster(const Tensor& numbers, const Tensor& of_clusters, const Tensor& cluster) {
  const bool plain = are_plain_numbers(numbers, cluster) && are_plain_numbers(of_clusters, cluster);
  if (!plain) return numbers - of_clusters.index_select(0, cluster);
  Tensor left = at::empty_like(numbers);
  const int64_t rows = numbers.size(0), columns = rows == 0 ? 0 : numbers.numel() / rows;
  const auto* from = numbers.const_data_ptr<double>();
  const auto* const of_row = cluster.const_data_ptr<int64_t>();
  const auto* const those = of_clusters.const_data_ptr<double>();
  auto* to = left.mutable_data_ptr<double>();
  for (int64_t row = 0; row < rows; ++row) {
    const double* const less = those + of_row[row] * columns;
    for (int64_t column = 0; column < columns; ++column) *to++ = *from++ - less[column];
  }
  return left;
}

Tensor first_rows(const Tensor& rows, const Tensor& cluster, int64_t clusters) {
  if (kernels::is_plain(cluster)) {
    Tensor first = at::empty({clusters}, cluster.options());
    const auto* const of_row = cluster.const_data_ptr<int64_t>();
    auto* const to = first.mutable_data_ptr<int64_t>();
    for (int64_t row = cluster.size(0); row-- > 0;) to[of_row[row]] = row;
    return rows.detach().index_select(0, first);
  }
  const Tensor index = at::arange(cluster.size(0), cluster.options());
  const Tensor first =
      at::full({clusters}, cluster.size(0), cluster.options()).scatter_reduce(0, cluster, index, "amin");
  return rows.detach().index_select(0, first);
}

ClusteredRows clustered_rows(const States& states) {
  const State& kept = states["data"];
  const auto options = at::TensorOptions(at::kDouble).device(states.device());
  if (kept.rows() == 0) {
    return {at::empty({0}, options.dtype(at::kLong)), at::empty({0}, options), at::empty({0, 0}, options),
            at::empty({0, 0}, options)};
  }
  const Tensor data = kept.tensor().to(at::kDouble);
  const auto [labels, cluster, counts] =
      at::_unique2(states["labels"].tensor(), /*sorted=*/true, /*return_inverse=*/true, /*return_counts=*/true);
  const int64_t clusters = labels.size(0);
  const Tensor first = first_rows(data, cluster, clusters);
  const Tensor apart = less_those_of_cluster(data, first, cluster);
  const Tensor rows = counts.to(at::kDouble);
  const Tensor mean = sums_by_cluster(apart, cluster, clusters) / rows.unsqueeze(1);
  return {cluster, rows, first + mean, less_those_of_cluster(apart, mean, cluster)};
}

bool are_clusters(int64_t clusters, int64_t rows) {
  return clusters > 1 && clusters < rows;
}

Tensor undefined_score(const States& states, const char* metric) {
  if (states.update_count() > 0) {
    warn(std::string(metric) + ": there are not more than one cluster, or not fewer than rows: the score is NaN");
  }
  const auto options = at::TensorOptions(at::kDouble).device(states.device());
  return at::full({}, std::numeric_limits<double>::quiet_NaN(), options);
}

Tensor root(const Tensor& squares) {
  const Tensor is_0 = squares == 0;
  return at::where(is_0, 0.0, at::where(is_0, 1.0, squares).sqrt());
}

}  // namespace clustering

}  // namespace metrics
