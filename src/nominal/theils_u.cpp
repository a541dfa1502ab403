#include "associations.h"
#include "families/entropies.h"
#include "families/numbers.h"
#include <metrics/core/define.h>
#include <metrics/nominal/theils_u.h>

namespace metrics {

namespace {

double theils_u_of(const families::Contingency& table) {
  return families::ratio(families::mutual_information(table), families::entropy(table.columns, table.all));
}

}  // namespace

Tensor scores::TheilsU::value(const families::Contingency& table) {
  return families::result_of(theils_u_of(table), table);
}

Tensor scores::TheilsU::functional_value(const Tensor& preds, const Tensor& target,
                                         const BatchAssociationOptions& options, const Rows& rows) {
  const auto table = nominal::table_of_batch(preds, target, options, rows);
  return families::tensor_of(theils_u_of(table)).to(preds.device(), at::kFloat);
}

Tensor functional::theils_u_matrix(const Tensor& matrix, const BatchAssociationOptions& options) {
  return nominal::matrix_of(matrix, options, nominal::Direction::Each, theils_u_of);
}

METRICS_DEFINE_CLASS(TheilsU);

}  // namespace metrics
