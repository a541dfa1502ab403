#pragma once

#include <metrics/nominal/associations.h>

namespace metrics {

namespace scores {

struct METRICS_API CramersV {
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static Tensor value(const families::Contingency& table, const CorrectedAssociationOptions& options);
  static Tensor functional_value(const Tensor& preds, const Tensor& target,
                                 const CorrectedBatchAssociationOptions& options, const Rows& rows);
};

}  // namespace scores

/// Computes how far two nominal variables go together, √(φ² / min(r - 1, c - 1)) with φ² = χ² / n of the r and c values
/// that occur: 0 where they are independent, 1 where one tells the other. NaN, with a warning, where samples are too
/// few for `bias_correction`; NaN where a variable does not vary. Throws InvalidArgument for values that are none, and
/// for a `nan_replace_value` that is none while `nan_strategy` is replace. Source: Cramér (1946), corrected by Bergsma
/// (2013), tables of 2 × 2 by Yates (1934); torchmetrics' CramersV.
METRICS_METRIC(CramersV, cramers_v, Member<Associations, scores::CramersV, CorrectedAssociationOptions>);

namespace functional {

/// Computes Cramér's V of each pair of columns of `matrix`, values [N, M]: [M, M], with 1 on the diagonal. Source:
/// torchmetrics' cramers_v_matrix.
METRICS_API Tensor cramers_v_matrix(const Tensor& matrix, const CorrectedBatchAssociationOptions& options = {});

}  // namespace functional
}  // namespace metrics
