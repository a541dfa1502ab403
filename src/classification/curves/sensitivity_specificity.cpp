#include "operating_points.h"
#include <metrics/classification/sensitivity_specificity.h>
#include <metrics/core/define.h>

namespace metrics {

using classification::check_minimum;

void definitions::BinarySensitivityAtSpecificity::check(const Options& o) {
  BinaryCurve::check(o);
  check_minimum("min_specificity", o.min_specificity);
}

OperatingPoint definitions::BinarySensitivityAtSpecificity::finalise(const States& states, const Prepared& o) {
  return classification::best_sensitivity(states, o.plan, o.min_specificity);
}

void definitions::MulticlassSensitivityAtSpecificity::check(const Options& o) {
  MulticlassCurve::check(o);
  check_minimum("min_specificity", o.min_specificity);
}

OperatingPoint definitions::MulticlassSensitivityAtSpecificity::finalise(const States& states, const Prepared& o) {
  return classification::best_sensitivity(states, o.plan, o.min_specificity);
}

void definitions::MultilabelSensitivityAtSpecificity::check(const Options& o) {
  MultilabelCurve::check(o);
  check_minimum("min_specificity", o.min_specificity);
}

OperatingPoint definitions::MultilabelSensitivityAtSpecificity::finalise(const States& states, const Prepared& o) {
  return classification::best_sensitivity(states, o.plan, o.min_specificity);
}

METRICS_DEFINE(definitions::BinarySensitivityAtSpecificity);
METRICS_DEFINE(definitions::MulticlassSensitivityAtSpecificity);
METRICS_DEFINE(definitions::MultilabelSensitivityAtSpecificity);

namespace functional {

OperatingPoint binary_sensitivity_at_specificity(const Tensor& preds, const Tensor& target,
                                                 const BinarySensitivityAtSpecificityOptions& options) {
  return compute_once<definitions::BinarySensitivityAtSpecificity>(options, preds, target);
}

OperatingPoint multiclass_sensitivity_at_specificity(const Tensor& preds, const Tensor& target,
                                                     const MulticlassSensitivityAtSpecificityOptions& options) {
  return compute_once<definitions::MulticlassSensitivityAtSpecificity>(options, preds, target);
}

OperatingPoint multilabel_sensitivity_at_specificity(const Tensor& preds, const Tensor& target,
                                                     const MultilabelSensitivityAtSpecificityOptions& options) {
  return compute_once<definitions::MultilabelSensitivityAtSpecificity>(options, preds, target);
}

}  // namespace functional
}  // namespace metrics
