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

#include <algorithm>
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

namespace {

struct Labelled {
  Tensor labels, cluster, counts;
};

/// Numbers labels in their order: by a table where they lie close together, because sorting takes ten times as long.
Labelled numbered(const Tensor& given) {
  const int64_t rows = given.size(0);
  const auto* const label = given.const_data_ptr<int64_t>();
  const auto [least, greatest] = std::minmax_element(label, label + rows);
  const uint64_t range = static_cast<uint64_t>(*greatest) - static_cast<uint64_t>(*least);
  if (range > 2 * static_cast<uint64_t>(rows) + 1024) {
    const auto [labels, cluster, counts] =
        at::_unique2(given, /*sorted=*/true, /*return_inverse=*/true, /*return_counts=*/true);
    return {labels, cluster, counts.to(at::kDouble)};
  }
  const int64_t first = *least;
  std::vector<int64_t> times(static_cast<std::size_t>(range) + 1), numbers(times.size());
  for (int64_t row = 0; row < rows; ++row) ++times[static_cast<std::size_t>(label[row] - first)];
  int64_t clusters = 0;
  for (std::size_t i = 0; i < times.size(); ++i) {
    if (times[i] > 0) numbers[i] = clusters++;
  }
  Labelled all{at::empty({clusters}, given.options()), at::empty({rows}, given.options()),
               at::empty({clusters}, given.options().dtype(at::kDouble))};
  for (std::size_t i = 0; i < times.size(); ++i) {
    if (times[i] == 0) continue;
    all.labels.mutable_data_ptr<int64_t>()[numbers[i]] = first + static_cast<int64_t>(i);
    all.counts.mutable_data_ptr<double>()[numbers[i]] = static_cast<double>(times[i]);
  }
  auto* const cluster = all.cluster.mutable_data_ptr<int64_t>();
  for (int64_t row = 0; row < rows; ++row) cluster[row] = numbers[static_cast<std::size_t>(label[row] - first)];
  return all;
}

/// Fills in the centres and the distances; centres are taken beside the first row of a cluster.
template <class T>
void measure(const T* rows, int64_t columns, ClusterDistances& of) {
  const int64_t count = of.cluster.size(0), clusters = of.clusters();
  const auto* const cluster = of.cluster.const_data_ptr<int64_t>();
  const auto* const times = of.counts.const_data_ptr<double>();
  auto* const centres = of.centres.mutable_data_ptr<double>();
  auto* const squares = of.squares.mutable_data_ptr<double>();
  std::vector<double> first(static_cast<std::size_t>(clusters * columns)), mean(first.size());
  for (int64_t row = count; row-- > 0;)
    std::copy_n(rows + row * columns, columns, first.data() + cluster[row] * columns);
  for (int64_t row = 0; row < count; ++row) {
    const double* const beside = first.data() + cluster[row] * columns;
    double* const sum = mean.data() + cluster[row] * columns;
    const T* const numbers = rows + row * columns;
    for (int64_t i = 0; i < columns; ++i) sum[i] += static_cast<double>(numbers[i]) - beside[i];
  }
  for (int64_t k = 0; k < clusters; ++k) {
    for (int64_t i = k * columns; i < (k + 1) * columns; ++i) {
      const auto at = static_cast<std::size_t>(i);
      mean[at] /= times[k];
      centres[i] = first[at] + mean[at];
    }
  }
  for (int64_t row = 0; row < count; ++row) {
    const double* const beside = first.data() + cluster[row] * columns;
    const double* const centre = mean.data() + cluster[row] * columns;
    const T* const numbers = rows + row * columns;
    double sum = 0;
    for (int64_t i = 0; i < columns; ++i) {
      const double away = (static_cast<double>(numbers[i]) - beside[i]) - centre[i];
      sum += away * away;
    }
    squares[row] = sum;
  }
}

}  // namespace

std::optional<ClusterDistances> cluster_distances(const States& states) {
  const State& kept = states["data"];
  if (kept.rows() == 0) return std::nullopt;
  const Tensor data = kept.tensor(), labels = states["labels"].tensor();
  if (!are_plain_numbers(data, labels)) return std::nullopt;
  Labelled given = numbered(labels);
  const int64_t clusters = given.labels.size(0), columns = data.size(1);
  const auto options = given.counts.options();
  ClusterDistances found{given.labels, given.cluster, given.counts, at::empty({clusters, columns}, options),
                         at::empty({data.size(0)}, options)};
  if (data.scalar_type() == at::kDouble) {
    measure(data.const_data_ptr<double>(), columns, found);
  } else {
    const Tensor numbers = data.to(at::kFloat);
    measure(numbers.const_data_ptr<float>(), columns, found);
  }
  return found;
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
