#include "../registry.h"

#include <metrics/core/define.h>
#include <metrics/regression/concordance.h>
#include <metrics/regression/cosine_similarity.h>
#include <metrics/regression/crps.h>
#include <metrics/regression/csi.h>
#include <metrics/regression/explained_variance.h>
#include <metrics/regression/js_divergence.h>
#include <metrics/regression/kendall.h>
#include <metrics/regression/kl_divergence.h>
#include <metrics/regression/log_cosh.h>
#include <metrics/regression/log_mse.h>
#include <metrics/regression/mae.h>
#include <metrics/regression/mape.h>
#include <metrics/regression/minkowski.h>
#include <metrics/regression/mse.h>
#include <metrics/regression/nrmse.h>
#include <metrics/regression/pearson.h>
#include <metrics/regression/r2.h>
#include <metrics/regression/rse.h>
#include <metrics/regression/spearman.h>
#include <metrics/regression/symmetric_mape.h>
#include <metrics/regression/tweedie_deviance.h>
#include <metrics/regression/wmape.h>

namespace metrics {

Domain regression_domain() {
  constexpr std::string_view domain = "regression";
  return {.name = domain,
          .metrics =
              {
                  entry<ConcordanceCorrCoef>(domain),
                  entry<ContinuousRankedProbabilityScore>(domain),
                  entry<CosineSimilarity>(domain),
                  entry<CriticalSuccessIndex>(domain),
                  entry<ExplainedVariance>(domain),
                  entry<JensenShannonDivergence>(domain),
                  entry<KLDivergence>(domain),
                  entry<KendallRankCorrCoef>(domain),
                  entry<LogCoshError>(domain),
                  entry<MeanAbsoluteError>(domain),
                  entry<MeanAbsolutePercentageError>(domain),
                  entry<MeanSquaredError>(domain),
                  entry<MeanSquaredLogError>(domain),
                  entry<MinkowskiDistance>(domain),
                  entry<NormalizedRootMeanSquaredError>(domain),
                  entry<PearsonCorrCoef>(domain),
                  entry<R2Score>(domain),
                  entry<RelativeSquaredError>(domain),
                  entry<SpearmanCorrCoef>(domain),
                  entry<SymmetricMeanAbsolutePercentageError>(domain),
                  entry<TweedieDevianceScore>(domain),
                  entry<WeightedMeanAbsolutePercentageError>(domain),
              },
          .routers = {}};
}

}  // namespace metrics
