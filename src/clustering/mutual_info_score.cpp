#include "families/entropies.h"
#include "families/numbers.h"
#include <metrics/clustering/mutual_info_score.h>
#include <metrics/core/define.h>

namespace metrics {

Tensor scores::MutualInfo::value(const families::Contingency& table) {
  return families::result_of(families::mutual_information(table), table);
}

METRICS_DEFINE_CLASS(MutualInfoScore);

}  // namespace metrics
