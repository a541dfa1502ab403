#include "evaluate.h"

#include <metrics/aggregation/aggregation.h>
#include <metrics/classification/accuracy.h>
#include <metrics/classification/auroc.h>
#include <metrics/classification/average_precision.h>
#include <metrics/classification/confusion_matrix.h>
#include <metrics/classification/f_beta.h>
#include <metrics/core/update_together.h>
#include <metrics/distributed/process_group.h>
#include <metrics/distributed/synchronize.h>

#include <ATen/core/Tensor.h>
#include <ATen/ops/tensor.h>

#include <algorithm>

namespace digits {
namespace {

constexpr int64_t kBatchSize = 64;

/// Some rows of the test set.
struct ScoredRows {
  at::Tensor scores;  // [N, C]
  at::Tensor labels;  // [N]
  at::Tensor losses;  // [N]
};

ScoredRows rows(const Array<float>& scores, std::span<const uint8_t> labels, std::span<const int64_t> indices) {
  const int64_t num_classes = scores.shape[1];
  std::vector<float> batch_scores;
  std::vector<int64_t> batch_labels;
  std::vector<double> batch_losses;
  for (const int64_t index : indices) {
    const auto row =
        std::span(scores.values).subspan(static_cast<size_t>(index * num_classes), static_cast<size_t>(num_classes));
    const uint8_t label = labels[static_cast<size_t>(index)];
    batch_scores.insert(batch_scores.end(), row.begin(), row.end());
    batch_labels.push_back(label);
    batch_losses.push_back(cross_entropy(row, label));
  }
  return {at::tensor(batch_scores).view({-1, num_classes}), at::tensor(batch_labels), at::tensor(batch_losses)};
}

std::vector<float> values(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<float>(), tensor.const_data_ptr<float>() + tensor.numel()};
}

}  // namespace

Report evaluate(const Array<float>& scores, std::span<const uint8_t> labels) {
  const auto world = metrics::init_process_group();
  const int64_t count = scores.shape[0];
  const int64_t num_classes = scores.shape[1];

  metrics::MulticlassAccuracy accuracy(
      {.num_classes = num_classes, .average = metrics::classification::Average::Micro});
  metrics::MulticlassAccuracy class_accuracy(
      {.num_classes = num_classes, .average = metrics::classification::Average::None});
  metrics::MulticlassConfusionMatrix confusion({.num_classes = num_classes});
  metrics::MulticlassF1Score macro_f1({.num_classes = num_classes});
  metrics::MulticlassAUROC auroc({.num_classes = num_classes});
  metrics::MulticlassAveragePrecision average_precision({.num_classes = num_classes});
  metrics::MeanMetric mean_loss;

  std::vector<int64_t> mine;
  for (int64_t row = world->rank(); row < count; row += world->world_size()) mine.push_back(row);
  for (std::span<const int64_t> left = mine; !left.empty();) {
    const auto indices = left.first(std::min<size_t>(kBatchSize, left.size()));
    left = left.subspan(indices.size());
    const ScoredRows batch = rows(scores, labels, indices);
    // Those that count alike look at the batch once.
    metrics::update_together({accuracy, class_accuracy, confusion, macro_f1, auroc, average_precision}, batch.scores,
                             batch.labels);
    mean_loss.update(batch.losses);
  }

  metrics::synchronize(accuracy, class_accuracy, confusion, macro_f1, auroc, average_precision, mean_loss);
  Report report;
  report.rank = world->rank();
  for (int64_t rank = 0; rank < world->world_size(); ++rank) {
    report.images.push_back((count - rank + world->world_size() - 1) / world->world_size());
  }
  report.accuracy = accuracy.compute().item<float>();
  report.class_accuracy = values(class_accuracy.compute());
  report.macro_f1 = macro_f1.compute().item<float>();
  report.auroc = auroc.compute().item<float>();
  report.average_precision = average_precision.compute().item<float>();
  report.mean_loss = mean_loss.compute().item<float>();
  report.confusion_total = confusion.compute().sum().item<int64_t>();
  report.collectives = world->counters().collectives;
  report.bytes = world->counters().bytes;
  return report;
}

}  // namespace digits
