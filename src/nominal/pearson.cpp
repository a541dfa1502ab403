#include "associations.h"
#include "families/numbers.h"
#include <metrics/core/define.h>
#include <metrics/nominal/pearson.h>

#include <algorithm>
#include <cmath>

namespace metrics {

namespace {

double contingency_coefficient_of(const families::Contingency& table) {
  const double phi_squared = nominal::phi_squared(table, false);
  return std::clamp(std::sqrt(phi_squared / (1 + phi_squared)), 0.0, 1.0);
}

}  // namespace

Tensor scores::PearsonsContingency::value(const families::Contingency& table) {
  return families::result_of(contingency_coefficient_of(table), table);
}

Tensor scores::PearsonsContingency::functional_value(const Tensor& preds, const Tensor& target,
                                                     const BatchAssociationOptions& options, const Rows& rows) {
  const auto table = nominal::table_of_batch(preds, target, options, rows);
  return families::tensor_of(contingency_coefficient_of(table)).to(preds.device(), at::kFloat);
}

Tensor functional::pearsons_contingency_coefficient_matrix(const Tensor& matrix,
                                                           const BatchAssociationOptions& options) {
  return nominal::matrix_of(matrix, options, nominal::Direction::Both, contingency_coefficient_of);
}

METRICS_DEFINE_CLASS(PearsonsContingencyCoefficient);

}  // namespace metrics
