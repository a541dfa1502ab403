#pragma once

#include <metrics/nominal/associations.h>

namespace metrics {

namespace scores {

struct METRICS_API PearsonsContingency {
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static Tensor value(const families::Contingency& table);
  static Tensor functional_value(const Tensor& preds, const Tensor& target, const BatchAssociationOptions& options,
                                 const Rows& rows);
};

}  // namespace scores

/// Computes how far two nominal variables go together, √(φ² / (1 + φ²)) with φ² = χ² / n: 0 where they are independent,
/// and below 1. NaN before the first sample. Errors as of CramersV. Source: Pearson (1904); torchmetrics'
/// PearsonsContingencyCoefficient.
METRICS_METRIC(PearsonsContingencyCoefficient, pearsons_contingency_coefficient,
               Member<Associations, scores::PearsonsContingency>);

namespace functional {

/// Computes Pearson's contingency coefficient of each pair of columns of `matrix`, values [N, M]: [M, M], with 1 on the
/// diagonal. Source: torchmetrics' pearsons_contingency_coefficient_matrix.
METRICS_API Tensor pearsons_contingency_coefficient_matrix(const Tensor& matrix,
                                                           const BatchAssociationOptions& options = {});

}  // namespace functional
}  // namespace metrics
