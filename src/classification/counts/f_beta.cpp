#include "averaging.h"
#include "classification/define_tasks.h"
#include <metrics/classification/f_beta.h>

#include <cmath>

namespace metrics {

using namespace classification::counts;
using classification::GatheredCounts;

void scores::FBetaScore::check_beta(double beta) {
  if (beta > 0 && std::isfinite(beta * beta)) return;
  throw InvalidArgument("beta: expected a number above 0 whose square is finite, got " + describe(beta));
}

Tensor scores::FBetaScore::f_beta(const GatheredCounts& gathered, double beta) {
  return averaged(gathered.as_if_top_1(), [squared = beta * beta](const auto& c, const Scoring& how) {
    const auto right = (1 + squared) * as_double(c.tp);
    return ratio(right, right + squared * as_double(c.fn) + as_double(c.fp), how.zero_division);
  });
}

Tensor scores::F1Score::value(const GatheredCounts& gathered) {
  return FBetaScore::f_beta(gathered, 1);
}

METRICS_DEFINE_TASKS(F1Score);
METRICS_DEFINE_TASKS(FBetaScore);

}  // namespace metrics
