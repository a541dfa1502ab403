#include "../registry.h"

#include <metrics/classification/accuracy.h>
#include <metrics/classification/confusion_matrix.h>
#include <metrics/classification/stat_scores.h>
#include <metrics/core/define.h>

namespace metrics {

namespace {

// torchmetrics averages over everything when asked by task, and over classes when asked by class.
const std::vector<std::pair<std::string_view, std::string_view>> kMicro{{"average", "micro"}};

}  // namespace

Domain classification_domain() {
  constexpr std::string_view domain = "classification";
  return {
      .name = domain,
      .metrics = {entry<BinaryAccuracy>(domain), entry<BinaryConfusionMatrix>(domain), entry<BinaryStatScores>(domain),
                  entry<MulticlassAccuracy>(domain), entry<MulticlassConfusionMatrix>(domain),
                  entry<MulticlassStatScores>(domain), entry<MultilabelAccuracy>(domain),
                  entry<MultilabelConfusionMatrix>(domain), entry<MultilabelStatScores>(domain)},
      .routers = {{.name = "Accuracy",
                   .functional = "accuracy",
                   .tasks = {{"binary", "BinaryAccuracy", ""},
                             {"multiclass", "MulticlassAccuracy", "num_classes"},
                             {"multilabel", "MultilabelAccuracy", "num_labels"}},
                   .defaults = kMicro},
                  {.name = "ConfusionMatrix",
                   .functional = "confusion_matrix",
                   .tasks = {{"binary", "BinaryConfusionMatrix", ""},
                             {"multiclass", "MulticlassConfusionMatrix", "num_classes"},
                             {"multilabel", "MultilabelConfusionMatrix", "num_labels"}},
                   .defaults = {}},
                  {.name = "StatScores",
                   .functional = "stat_scores",
                   .tasks = {{"binary", "BinaryStatScores", ""},
                             {"multiclass", "MulticlassStatScores", "num_classes"},
                             {"multilabel", "MultilabelStatScores", "num_labels"}},
                   .defaults = kMicro}}};
}

}  // namespace metrics
