#include "../registry.h"

#include <metrics/clustering/adjusted_mutual_info_score.h>
#include <metrics/clustering/adjusted_rand_score.h>
#include <metrics/clustering/calinski_harabasz_score.h>
#include <metrics/clustering/cluster_accuracy.h>
#include <metrics/clustering/davies_bouldin_score.h>
#include <metrics/clustering/dunn_index.h>
#include <metrics/clustering/fowlkes_mallows_index.h>
#include <metrics/clustering/homogeneity_completeness_v_measure.h>
#include <metrics/clustering/mutual_info_score.h>
#include <metrics/clustering/normalized_mutual_info_score.h>
#include <metrics/clustering/rand_score.h>
#include <metrics/core/define.h>

namespace metrics {

Domain clustering_domain() {
  constexpr std::string_view domain = "clustering";
  return {
      .name = domain,
      .metrics = {entry<AdjustedMutualInfoScore>(domain), entry<AdjustedRandScore>(domain),
                  entry<CalinskiHarabaszScore>(domain), entry<ClusterAccuracy>(domain),
                  entry<CompletenessScore>(domain), entry<DaviesBouldinScore>(domain), entry<DunnIndex>(domain),
                  entry<FowlkesMallowsIndex>(domain), entry<HomogeneityScore>(domain), entry<MutualInfoScore>(domain),
                  entry<NormalizedMutualInfoScore>(domain), entry<RandScore>(domain), entry<VMeasureScore>(domain)},
      .routers = {}};
}

}  // namespace metrics
