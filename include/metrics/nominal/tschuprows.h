#pragma once

#include <metrics/nominal/associations.h>

namespace metrics {

namespace scores {

struct METRICS_API TschuprowsT {
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static Tensor value(const families::Contingency& table, const CorrectedAssociationOptions& options);
  static Tensor functional_value(const Tensor& preds, const Tensor& target,
                                 const CorrectedBatchAssociationOptions& options, const Rows& rows);
};

}  // namespace scores

/// Computes how far two nominal variables go together, √(φ² / √((r - 1) (c - 1))) with φ² = χ² / n of the r and c
/// values that occur: 1 only where each tells the other. NaN and errors as of CramersV. Source: Tschuprow (1939),
/// corrected by Bergsma (2013); torchmetrics' TschuprowsT.
METRICS_METRIC(TschuprowsT, tschuprows_t, Member<Associations, scores::TschuprowsT, CorrectedAssociationOptions>);

namespace functional {

/// Computes Tschuprow's T of each pair of columns of `matrix`, values [N, M]: [M, M], with 1 on the diagonal. Source:
/// torchmetrics' tschuprows_t_matrix.
METRICS_API Tensor tschuprows_t_matrix(const Tensor& matrix, const CorrectedBatchAssociationOptions& options = {});

}  // namespace functional
}  // namespace metrics
