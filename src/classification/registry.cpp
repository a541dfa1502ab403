#include "../registry.h"

#include <metrics/classification/accuracy.h>
#include <metrics/classification/auroc.h>
#include <metrics/classification/average_precision.h>
#include <metrics/classification/calibration_error.h>
#include <metrics/classification/cohen_kappa.h>
#include <metrics/classification/confusion_matrix.h>
#include <metrics/classification/eer.h>
#include <metrics/classification/exact_match.h>
#include <metrics/classification/f_beta.h>
#include <metrics/classification/group_fairness.h>
#include <metrics/classification/hamming.h>
#include <metrics/classification/hinge.h>
#include <metrics/classification/jaccard.h>
#include <metrics/classification/logauc.h>
#include <metrics/classification/matthews_corrcoef.h>
#include <metrics/classification/negative_predictive_value.h>
#include <metrics/classification/precision_fixed_recall.h>
#include <metrics/classification/precision_recall.h>
#include <metrics/classification/precision_recall_curve.h>
#include <metrics/classification/ranking.h>
#include <metrics/classification/recall_fixed_precision.h>
#include <metrics/classification/roc.h>
#include <metrics/classification/sensitivity_specificity.h>
#include <metrics/classification/specificity.h>
#include <metrics/classification/specificity_sensitivity.h>
#include <metrics/classification/stat_scores.h>
#include <metrics/core/define.h>

namespace metrics {

namespace {

constexpr std::string_view kDomain = "classification";

using Defaults = decltype(RouterEntry::defaults);

// torchmetrics averages over everything when asked by task, and over classes when asked by class.
const Defaults kMicro{{"average", "micro"}};
// Nor are its functionals' defaults those of its classes.
const Defaults kOneEach{{"average", "none"}, {"validate_args", true}};

RouterEntry::Task task_of(std::string_view metric) {
  if (metric.starts_with("Binary")) return {"binary", metric, ""};
  if (metric.starts_with("Multiclass")) return {"multiclass", metric, "num_classes"};
  return {"multilabel", metric, "num_labels"};
}

// The classes of a metric's tasks, and the name that picks one of them by task.
template <class... ByTask>
void add(Domain& domain, std::string_view name, std::string_view functional, Defaults defaults = {}) {
  (domain.metrics.push_back(entry<ByTask>(kDomain)), ...);
  domain.routers.push_back({name, functional, {task_of(ByTask::Definition::name)...}, std::move(defaults)});
}

}  // namespace

Domain classification_domain() {
  Domain domain{.name = kDomain, .metrics = {}, .routers = {}, .functionals = {}};
  add<BinaryAccuracy, MulticlassAccuracy, MultilabelAccuracy>(domain, "Accuracy", "accuracy", kMicro);
  add<BinaryAUROC, MulticlassAUROC, MultilabelAUROC>(domain, "AUROC", "auroc");
  add<BinaryAveragePrecision, MulticlassAveragePrecision, MultilabelAveragePrecision>(domain, "AveragePrecision",
                                                                                      "average_precision");
  add<BinaryCalibrationError, MulticlassCalibrationError>(domain, "CalibrationError", "calibration_error");
  add<BinaryCohenKappa, MulticlassCohenKappa>(domain, "CohenKappa", "cohen_kappa");
  add<BinaryConfusionMatrix, MulticlassConfusionMatrix, MultilabelConfusionMatrix>(domain, "ConfusionMatrix",
                                                                                   "confusion_matrix");
  add<BinaryEER, MulticlassEER, MultilabelEER>(domain, "EER", "eer");
  add<MulticlassExactMatch, MultilabelExactMatch>(domain, "ExactMatch", "exact_match");
  add<BinaryF1Score, MulticlassF1Score, MultilabelF1Score>(domain, "F1Score", "f1_score", kMicro);
  add<BinaryFBetaScore, MulticlassFBetaScore, MultilabelFBetaScore>(domain, "FBetaScore", "fbeta_score",
                                                                    {{"average", "micro"}, {"beta", 1.0}});
  add<BinaryHammingDistance, MulticlassHammingDistance, MultilabelHammingDistance>(domain, "HammingDistance",
                                                                                   "hamming_distance", kMicro);
  add<BinaryHingeLoss, MulticlassHingeLoss>(domain, "HingeLoss", "hinge_loss", {{"validate_args", true}});
  add<BinaryJaccardIndex, MulticlassJaccardIndex, MultilabelJaccardIndex>(domain, "JaccardIndex", "jaccard_index");
  add<BinaryLogAUC, MulticlassLogAUC, MultilabelLogAUC>(domain, "LogAUC", "logauc", kOneEach);
  add<BinaryMatthewsCorrCoef, MulticlassMatthewsCorrCoef, MultilabelMatthewsCorrCoef>(domain, "MatthewsCorrCoef",
                                                                                      "matthews_corrcoef");
  add<BinaryNegativePredictiveValue, MulticlassNegativePredictiveValue, MultilabelNegativePredictiveValue>(
      domain, "NegativePredictiveValue", "negative_predictive_value", kMicro);
  add<BinaryPrecision, MulticlassPrecision, MultilabelPrecision>(domain, "Precision", "precision", kMicro);
  add<BinaryPrecisionAtFixedRecall, MulticlassPrecisionAtFixedRecall, MultilabelPrecisionAtFixedRecall>(
      domain, "PrecisionAtFixedRecall", "precision_at_fixed_recall");
  add<BinaryPrecisionRecallCurve, MulticlassPrecisionRecallCurve, MultilabelPrecisionRecallCurve>(
      domain, "PrecisionRecallCurve", "precision_recall_curve");
  add<BinaryRecall, MulticlassRecall, MultilabelRecall>(domain, "Recall", "recall", kMicro);
  add<BinaryRecallAtFixedPrecision, MulticlassRecallAtFixedPrecision, MultilabelRecallAtFixedPrecision>(
      domain, "RecallAtFixedPrecision", "recall_at_fixed_precision");
  add<BinaryROC, MulticlassROC, MultilabelROC>(domain, "ROC", "roc");
  add<BinarySensitivityAtSpecificity, MulticlassSensitivityAtSpecificity, MultilabelSensitivityAtSpecificity>(
      domain, "SensitivityAtSpecificity", "sensitivity_at_specificity");
  add<BinarySpecificity, MulticlassSpecificity, MultilabelSpecificity>(domain, "Specificity", "specificity", kMicro);
  add<BinarySpecificityAtSensitivity, MulticlassSpecificityAtSensitivity, MultilabelSpecificityAtSensitivity>(
      domain, "SpecificityAtSensitivity", "specificity_at_sensitivity");
  add<BinaryStatScores, MulticlassStatScores, MultilabelStatScores>(domain, "StatScores", "stat_scores", kMicro);
  domain.metrics.insert(
      domain.metrics.end(),
      {entry<BinaryFairness>(kDomain), entry<BinaryGroupStatRates>(kDomain), entry<MultilabelCoverageError>(kDomain),
       entry<MultilabelRankingAveragePrecision>(kDomain), entry<MultilabelRankingLoss>(kDomain)});
  domain.functionals = {
      function<&functional::demographic_parity>("demographic_parity", {"preds", "groups"}, kDomain),
      function<&functional::equal_opportunity>("equal_opportunity", {"preds", "target", "groups"}, kDomain)};
  return domain;
}

}  // namespace metrics
