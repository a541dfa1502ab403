#include <metrics/classification/cohen_kappa.h>
#include <metrics/core/define.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/outer.h>

namespace metrics {
namespace {

// What it costs to predict one class (column) for another (row): [C, C].
Tensor costs(int64_t classes, classification::KappaWeights weights, const Tensor& like) {
  const Tensor index = at::arange(classes, like.options());
  const Tensor distance = (index.unsqueeze(1) - index).abs();
  switch (weights) {
    case classification::KappaWeights::Linear:
      return distance;
    case classification::KappaWeights::Quadratic:
      return distance.square();
    case classification::KappaWeights::None:
      break;
  }
  return (distance != 0).to(like.scalar_type());
}

}  // namespace

Tensor scores::CohenKappa::kappa(const Tensor& counts, classification::KappaWeights weights) {
  const Tensor confusion = counts.to(at::kDouble);
  const Tensor expected = at::outer(confusion.sum(1), confusion.sum(0)) / confusion.sum();
  const Tensor cost = costs(confusion.size(0), weights, confusion);
  return 1 - (cost * confusion).sum() / (cost * expected).sum();
}

METRICS_DEFINE_CLASS(BinaryCohenKappa);
METRICS_DEFINE_CLASS(MulticlassCohenKappa);

}  // namespace metrics
