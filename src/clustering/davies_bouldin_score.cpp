#include "clustered_data.h"
#include <metrics/clustering/davies_bouldin_score.h>
#include <metrics/core/define.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>

#include <limits>
#include <vector>

namespace metrics {

namespace definitions {

void DaviesBouldinScore::update(States& states, const Options&, const Tensor& data, const Tensor& labels) {
  ClusteredData::update(states, data, labels);
}

void DaviesBouldinScore::complete_from_torchmetrics(States& states, const Options&) {
  ClusteredData::complete_from_torchmetrics(states);
}

Tensor DaviesBouldinScore::finalise(const States& states, const Options&) {
  struct Clusters {
    Tensor centres, spreads;
  };
  const auto found = [&]() -> Clusters {
    const auto mean_of = [](const Tensor& away, const auto& rows) {
      return clustering::sums_by_cluster(away, rows.cluster, rows.clusters()) / rows.counts;
    };
    if (const auto rows = clustering::cluster_distances(states)) {
      return {rows->centres, mean_of(rows->squares.sqrt(), *rows)};
    }
    const auto rows = clustering::clustered_rows(states);
    return {rows.centres, mean_of(clustering::root(rows.away.square().sum(1)), rows)};
  };
  const auto [centres, spreads] = found();
  const int64_t clusters = spreads.size(0);
  if (!clustering::are_clusters(clusters, states["data"].rows())) {
    return clustering::undefined_score(states, "DaviesBouldinScore");
  }
  constexpr double nothing = 1e-8;  // torchmetrics' and scikit-learn's
  // A cluster at a time, because differences of all pairs would take the square of their number in memory.
  std::vector<Tensor> likeness;
  bool apart = false;
  for (int64_t i = 0; i < clusters; ++i) {
    const Tensor distance = clustering::root((centres - centres.select(0, i)).square().sum(1));
    apart = apart || !(distance <= nothing).all().item<bool>();
    const Tensor reached = at::where(distance == 0, std::numeric_limits<double>::infinity(), distance);
    likeness.push_back(((spreads + spreads.select(0, i)) / reached).amax());
  }
  const bool spread = !(spreads <= nothing).all().item<bool>();
  if (!apart || !spread) return at::full({}, 0.0, spreads.options().requires_grad(false));
  return at::stack(likeness).mean();
}

}  // namespace definitions

METRICS_DEFINE_CLASS(DaviesBouldinScore);

}  // namespace metrics
