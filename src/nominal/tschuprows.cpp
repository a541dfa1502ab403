#include "associations.h"
#include "families/numbers.h"
#include <metrics/core/define.h>
#include <metrics/nominal/tschuprows.h>

#include <algorithm>
#include <cmath>

namespace metrics {

namespace {

double tschuprows_t_of(const families::Contingency& table, bool bias_correction) {
  if (bias_correction) {
    const nominal::Corrected found = nominal::corrected(table);
    if (found.too_few()) return nominal::not_to_be_corrected("Tschuprow's T");
    return std::clamp(std::sqrt(found.phi_squared / std::sqrt((found.rows - 1) * (found.columns - 1))), 0.0, 1.0);
  }
  const auto rows = static_cast<double>(table.rows.size()), columns = static_cast<double>(table.columns.size());
  return std::clamp(std::sqrt(nominal::phi_squared(table, false) / std::sqrt((rows - 1) * (columns - 1))), 0.0, 1.0);
}

}  // namespace

Tensor scores::TschuprowsT::value(const families::Contingency& table, const CorrectedAssociationOptions& options) {
  return families::result_of(tschuprows_t_of(table, options.bias_correction), table);
}

Tensor scores::TschuprowsT::functional_value(const Tensor& preds, const Tensor& target,
                                             const CorrectedBatchAssociationOptions& options, const Rows& rows) {
  const auto table = nominal::table_of_batch(preds, target, subset<BatchAssociationOptions>(options), rows);
  return families::tensor_of(tschuprows_t_of(table, options.bias_correction)).to(preds.device(), at::kFloat);
}

Tensor functional::tschuprows_t_matrix(const Tensor& matrix, const CorrectedBatchAssociationOptions& options) {
  return nominal::matrix_of(matrix, subset<BatchAssociationOptions>(options), nominal::Direction::Both,
                            [&](const auto& table) { return tschuprows_t_of(table, options.bias_correction); });
}

METRICS_DEFINE_CLASS(TschuprowsT);

}  // namespace metrics
