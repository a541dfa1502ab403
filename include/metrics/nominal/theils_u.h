#pragma once

#include <metrics/nominal/associations.h>

namespace metrics {

namespace scores {

struct METRICS_API TheilsU {
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static Tensor value(const families::Contingency& table);
  static Tensor functional_value(const Tensor& preds, const Tensor& target, const BatchAssociationOptions& options,
                                 const Rows& rows);
};

}  // namespace scores

/// Computes how much of the predictions' uncertainty the target takes away, (H(preds) - H(preds | target)) / H(preds),
/// from 0 to 1; 0 where predictions do not vary. Errors as of CramersV. Source: Theil (1970); torchmetrics' TheilsU.
METRICS_METRIC(TheilsU, theils_u, Member<Associations, scores::TheilsU>);

namespace functional {

/// Computes Theil's U of each pair of columns of `matrix`, values [N, M]: [M, M], where the row is the prediction and
/// the column the target, with 1 on the diagonal. Source: torchmetrics' theils_u_matrix.
METRICS_API Tensor theils_u_matrix(const Tensor& matrix, const BatchAssociationOptions& options = {});

}  // namespace functional
}  // namespace metrics
