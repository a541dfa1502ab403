#include "../core/loaded_states.h"
#include "clustered_data.h"
#include <metrics/clustering/calinski_harabasz_score.h>
#include <metrics/core/define.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/_unique2.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace metrics {

namespace {

/// Rows that are kept before they are folded into the moments of their clusters.
constexpr int64_t most_rows_of_data = 4096;

/// What is kept of clusters: how many rows, their centre, and the sum of their squared distances from it. A row is a
/// cluster of one. A label may stand there several times.
struct Moments {
  Tensor labels;   ///< int64 [K]
  Tensor counts;   ///< float64 [K]
  Tensor centres;  ///< float64 [K, D]
  Tensor spreads;  ///< float64 [K]
};

/// Equal labels become one (Chan, Golub, LeVeque, 1979).
Moments merged(const Moments& given) {
  const auto [labels, cluster, times] =
      at::_unique2(given.labels, /*sorted=*/true, /*return_inverse=*/true, /*return_counts=*/false);
  const int64_t clusters = labels.size(0);
  const auto sums_of = [&, &cluster = cluster](const Tensor& values) {
    return clustering::sums_by_cluster(values, cluster, clusters);
  };
  const Tensor counts = sums_of(given.counts);
  const Tensor first = clustering::first_rows(given.centres, cluster, clusters);
  const Tensor apart = clustering::less_those_of_cluster(given.centres, first, cluster);
  const Tensor mean = sums_of(apart * given.counts.unsqueeze(1)) / counts.unsqueeze(1);
  const Tensor away = clustering::less_those_of_cluster(apart, mean, cluster);
  return {labels, counts, first + mean, sums_of(given.spreads + given.counts * away.square().sum(1))};
}

// The moments as states: of floating ones the bits, because `set_dtype` rounds floating rows. [K, D + 2]: the centre,
// the spread, the number of rows.

Tensor bits_of(const Moments& moments) {
  return at::cat({moments.centres, moments.spreads.unsqueeze(1), moments.counts.unsqueeze(1)}, 1)
      .contiguous()
      .view(at::kLong);
}

Moments moments_in(const States& states) {
  const Tensor numbers = states["_moments"].tensor().contiguous().view(at::kDouble);
  const int64_t columns = numbers.size(1) - 2;
  return {states["_clusters"].tensor(), numbers.select(1, columns + 1), numbers.narrow(1, 0, columns),
          numbers.select(1, columns)};
}

Moments of_rows(const States& states) {
  const Tensor data = states["data"].tensor().to(at::kDouble);
  const auto options = data.options().requires_grad(false);
  return {states["labels"].tensor(), at::ones({data.size(0)}, options), data, at::zeros({data.size(0)}, options)};
}

/// All that is kept, each label once; there has to be something.
Moments gathered_moments(const States& states) {
  const bool any_moments = states["_clusters"].rows() > 0;
  if (any_moments && states["data"].rows() == 0) return merged(moments_in(states));
  const auto rows_by_cluster = [&]() -> Moments {
    const auto found = clustering::cluster_distances(states);
    if (!found) return any_moments ? of_rows(states) : merged(of_rows(states));
    return {found->labels, found->counts, found->centres,
            clustering::sums_by_cluster(found->squares, found->cluster, found->clusters())};
  };
  const Moments rows = rows_by_cluster();
  if (!any_moments) return rows;
  const Moments kept = moments_in(states);
  return merged({at::cat({kept.labels, rows.labels}), at::cat({kept.counts, rows.counts}),
                 at::cat({kept.centres, rows.centres}), at::cat({kept.spreads, rows.spreads})});
}

/// Folds rows into the moments of their clusters, and equal labels into one, where there are more than so many.
void make_room(States& states, int64_t rows_to_come, int64_t clusters_to_come, int64_t clusters) {
  const int64_t rows = states["data"].rows(), kept = states["_clusters"].rows();
  if (rows + kept == 0) return;
  const bool many_rows = rows + rows_to_come > std::max(most_rows_of_data, clusters);
  const bool many_labels = kept + clusters_to_come > std::max(most_rows_of_data, 2 * clusters);
  if (!many_rows && !many_labels) return;
  const Moments moments = gathered_moments(states);
  for (const char* name : {"data", "labels"}) states[name].reset(states.device());
  states["_clusters"].assign(moments.labels, {}, {});
  states["_moments"].assign(bits_of(moments), {}, {});
  states["_different"].raise(static_cast<double>(moments.labels.size(0)));
}

int64_t different_clusters(const States& states) {
  return static_cast<int64_t>(states["_different"].tensor().item<double>());
}

/// How many numbers a row has; nothing before the first.
std::optional<int64_t> size_of_rows(const States& states) {
  if (states["data"].rows() > 0) return states["data"].tensor().size(1);
  if (states["_moments"].rows() > 0) return states["_moments"].tensor().size(1) - 2;
  return std::nullopt;
}

void require_size_of_rows(const States& states, const std::optional<int64_t>& size) {
  const std::optional<int64_t> held = size_of_rows(states);
  if (!held || !size || *held == *size) return;
  throw InvalidArgument("input `data`: expected rows of " + std::to_string(*held) + " numbers, as before, got " +
                        std::to_string(*size));
}

/// Throws StateMisfit for moments that are none of rows.
void require_moments(const States& states) {
  const State& clusters = states["_clusters"];
  const State& moments = states["_moments"];
  require_equal_rows(states, {"_clusters", "_moments"});
  if (clusters.rows() == 0) return;
  const bool integers = clusters.tensor().scalar_type() == at::kLong && moments.tensor().scalar_type() == at::kLong;
  if (!integers || clusters.tensor().dim() != 1 || moments.tensor().dim() != 2 || moments.tensor().size(1) < 2) {
    throw StateMisfit(moments.name(), c10::str("no moments of clusters have shape ", moments.tensor().sizes()));
  }
  const State& data = states["data"];
  if (data.rows() > 0 && data.tensor().size(-1) != moments.tensor().size(1) - 2) {
    throw StateMisfit(moments.name(), "are of rows of another size than `data`");
  }
  if ((moments_in(states).counts > 0).all().item<bool>()) return;
  throw StateMisfit(moments.name(), "holds a cluster without rows");
}

}  // namespace

namespace definitions {

void CalinskiHarabaszScore::declare(States& states, const Options&) {
  ClusteredData::declare(states);
  states.add("_clusters", Reduction::Cat);
  states.add("_moments", Reduction::Cat);
  states.add("_different", Reduction::Max, at::zeros({}, at::kDouble));
}

void CalinskiHarabaszScore::update(States& states, const Options&, const Tensor& data, const Tensor& labels) {
  if (data.dim() == 2 && data.size(0) > 0) require_size_of_rows(states, data.size(1));
  ClusteredData::update(states, data, labels);
  if (!data.requires_grad() || !at::GradMode::is_enabled()) make_room(states, 0, 0, different_clusters(states));
}

void CalinskiHarabaszScore::merge(States& into, const States& from, const Options&) {
  require_size_of_rows(into, size_of_rows(from));
  const int64_t clusters = std::max(different_clusters(into), different_clusters(from));
  make_room(into, from["data"].rows(), from["_clusters"].rows(), clusters);
}

void CalinskiHarabaszScore::show_as_torchmetrics(States& states, const Options&) {
  require_moments(states);
  if (states["_clusters"].rows() == 0) return;
  for (const char* kept : {"data", "labels"}) states[kept].reset(states.device());
}

void CalinskiHarabaszScore::complete_from_torchmetrics(States& states, const Options&) {
  ClusteredData::complete_from_torchmetrics(states);
  make_room(states, 0, 0, 0);
}

Tensor CalinskiHarabaszScore::finalise(const States& states, const Options&) {
  if (!size_of_rows(states)) return clustering::undefined_score(states, "CalinskiHarabaszScore");
  const Moments moments = gathered_moments(states);
  const int64_t clusters = moments.labels.size(0);
  const Tensor rows = moments.counts.sum();
  if (!clustering::are_clusters(clusters, rows.item<int64_t>())) {
    return clustering::undefined_score(states, "CalinskiHarabaszScore");
  }
  const Tensor weights = moments.counts.unsqueeze(1);
  const Tensor offset = moments.centres.detach().mean(0);
  const Tensor centres = moments.centres - offset;
  const Tensor common = (centres * weights).sum(0) / rows;
  const Tensor between = ((centres - common).square() * weights).sum();
  const Tensor within = moments.spreads.sum();
  if (within.item<double>() == 0) return at::full({}, 1.0, within.options().requires_grad(false));
  return between * (rows - clusters) / (within * static_cast<double>(clusters - 1));
}

}  // namespace definitions

METRICS_DEFINE_CLASS(CalinskiHarabaszScore);

}  // namespace metrics
