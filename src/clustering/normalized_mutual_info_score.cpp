#include "average_method.h"
#include "families/entropies.h"
#include "families/numbers.h"
#include <metrics/clustering/normalized_mutual_info_score.h>
#include <metrics/core/define.h>

namespace metrics {

Tensor scores::NormalizedMutualInfo::value(const families::Contingency& table,
                                           const NormalizedMutualInfoScoreOptions& options) {
  const double information = families::mutual_information(table);
  if (information == 0) return families::result_of(0, table);
  const double most = clustering::average(options.average_method, families::entropy(table.columns, table.all),
                                          families::entropy(table.rows, table.all));
  return families::result_of(information / most, table);
}

METRICS_DEFINE_CLASS(NormalizedMutualInfoScore);

}  // namespace metrics
