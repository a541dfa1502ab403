#include "average_method.h"
#include "expected_information.h"
#include "families/entropies.h"
#include "families/numbers.h"
#include <metrics/clustering/adjusted_mutual_info_score.h>
#include <metrics/core/define.h>

#include <cmath>

namespace metrics {

Tensor scores::AdjustedMutualInfo::value(const families::Contingency& table,
                                         const AdjustedMutualInfoScoreOptions& options) {
  // Such clusterings have no information to share, by chance or not.
  if (table.rows.size() < 2 || table.columns.size() < 2) return families::result_of(0, table);
  const double information = families::mutual_information(table);
  const double expected = clustering::expected_mutual_information(table);
  const double most = clustering::average(options.average_method, families::entropy(table.columns, table.all),
                                          families::entropy(table.rows, table.all));
  // As with clusters of one sample each: whichever those are, their information is the most.
  constexpr double rounding = 1e-11;
  if (std::abs(most - expected) <= rounding * most) return families::result_of(1, table);
  return families::result_of((information - expected) / (most - expected), table);
}

METRICS_DEFINE_CLASS(AdjustedMutualInfoScore);

}  // namespace metrics
