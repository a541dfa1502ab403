#include "clustered_data.h"
#include <metrics/clustering/dunn_index.h>
#include <metrics/core/define.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>

#include <cmath>
#include <vector>

namespace metrics {

namespace definitions {

void DunnIndex::check(const Options& options) {
  if (std::isnan(options.p)) throw InvalidArgument("option `p` expects a number, got NaN");
}

void DunnIndex::update(States& states, const Options&, const Tensor& data, const Tensor& labels) {
  ClusteredData::update(states, data, labels);
}

void DunnIndex::complete_from_torchmetrics(States& states, const Options&) {
  ClusteredData::complete_from_torchmetrics(states);
}

Tensor DunnIndex::finalise(const States& states, const Options& options) {
  const State& kept = states["data"];
  if (kept.rows() == 0 || kept.tensor().size(1) == 0) return clustering::undefined_score(states, "DunnIndex");
  const auto norm = [&](const Tensor& differences) { return at::linalg_vector_norm(differences, options.p, 1); };
  struct Clusters {
    Tensor centres, away;  // the distances of rows
  };
  const auto found = [&]() -> Clusters {
    if (options.p == 2) {
      if (const auto rows = clustering::cluster_distances(states)) return {rows->centres, rows->squares.sqrt()};
    }
    const auto rows = clustering::clustered_rows(states);
    return {rows.centres, norm(rows.away)};
  };
  const auto [centres, away] = found();
  const int64_t clusters = centres.size(0);
  if (clusters < 2) return clustering::undefined_score(states, "DunnIndex");
  const Tensor widest = away.amax();
  std::vector<Tensor> nearest;
  for (int64_t i = 0; i + 1 < clusters; ++i) {
    nearest.push_back(norm(centres.narrow(0, i + 1, clusters - i - 1) - centres.select(0, i)).amin());
  }
  return at::stack(nearest).amin() / widest;
}

}  // namespace definitions

METRICS_DEFINE_CLASS(DunnIndex);

}  // namespace metrics
