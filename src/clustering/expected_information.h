#pragma once

#include "families/contingency.h"

namespace metrics::clustering {

/// The mutual information that clusterings with clusters of these sizes have on average, in nats, when samples are put
/// into them at random.
double expected_mutual_information(const families::Contingency& table);

}  // namespace metrics::clustering
