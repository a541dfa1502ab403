#pragma once

#include <metrics/export.h>
#include <metrics/trainer/run.h>

#include <cstdint>
#include <string>
#include <vector>

namespace metrics::trainer {

/// What callbacks on classes read, and where. Their values have the names that users of Catalyst know, are over all
/// ranks, and count each sample once.
struct ClassificationCallbackOptions {
  int64_t num_classes = 0;
  std::string input_key = "logits";    ///< of the step's outputs by name: scores, [N, num_classes]
  std::string target_key = "targets";  ///< int64 [N]
  std::vector<std::string> stages{};   ///< those in which it measures; all where none is named
};

/// `accuracy01`, `accuracy03`, `accuracy05`: whether the target is among the k highest scores. Of k 3 comes with more
/// than 3 classes and 5 with more than 5, unless `topk` says which. Beside each `accuracy01/std`, the deviation over
/// batches, each weighing as many samples as it has: with n_b samples and the accuracy a_b in batch b, sqrt(Σ n_b (a_b
/// - mean)² / (Σ n_b - 1)).
METRICS_API Callback accuracy_callback(ClassificationCallbackOptions options, std::vector<int64_t> topk = {});
/// `precision`, `recall` and `f1`, each with `/_micro`, `/_macro`, `/_weighted` and, for each class, `/class_00`; and
/// `support/class_00`. What is divided by zero is 0.
METRICS_API Callback precision_recall_f1_support_callback(ClassificationCallbackOptions options);
/// `auc/_micro`, `auc/_macro`, `auc/_weighted`, and `auc/class_00` for each class against the others. Ties count for
/// half.
METRICS_API Callback auc_callback(ClassificationCallbackOptions options);
/// `confusion_matrix`, [num_classes, num_classes], rows the truth: a picture where a logger shows it. `normalize`:
/// "true", "pred", "all" or "none".
METRICS_API Callback confusion_matrix_callback(ClassificationCallbackOptions options,
                                               const std::string& normalize = "none");

}  // namespace metrics::trainer
