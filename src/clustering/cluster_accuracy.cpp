#include "families/numbers.h"
#include "kernels/assignment.h"
#include <metrics/clustering/cluster_accuracy.h>
#include <metrics/core/define.h>

namespace metrics {

namespace {

/// Clusters and classes are counted as multiclass confusion matrices are, and so share an update with them.
MulticlassConfusionOptions as_confusion(const ClusterAccuracyOptions& options) {
  return {.num_classes = options.num_classes};
}

}  // namespace

namespace definitions {

void ClusterAccuracy::check(const Options& options) {
  MulticlassConfusion::check(as_confusion(options));
}

void ClusterAccuracy::declare(States& states, const Options& options) {
  MulticlassConfusion::declare(states, as_confusion(options));
}

void ClusterAccuracy::update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                             const Weights& weights) {
  MulticlassConfusion::update(states, as_confusion(options), preds, target, weights);
}

std::string ClusterAccuracy::update_key(const Options& options) {
  return MulticlassConfusion::update_key(as_confusion(options));
}

Tensor ClusterAccuracy::finalise(const States& states, const Options&) {
  const Tensor counts = states.at(0).tensor().to(at::kCPU, at::kDouble).contiguous();
  const int64_t classes = counts.size(0);
  const auto* const count = counts.const_data_ptr<double>();
  const std::vector<int64_t> class_of = kernels::greatest_assignment(count, classes);
  double right = 0, all = 0;
  for (int64_t i = 0; i < classes; ++i) right += count[i * classes + class_of[static_cast<std::size_t>(i)]];
  for (int64_t i = 0; i < classes * classes; ++i) all += count[i];
  return families::tensor_of(right / all).to(states.device());
}

}  // namespace definitions

METRICS_DEFINE_CLASS(ClusterAccuracy);

}  // namespace metrics
