#pragma once

#include <metrics/core/registry.h>

namespace metrics {

// What each domain offers; defined in src/<domain>/registry.cpp.
Domain aggregation_domain();
Domain classification_domain();
Domain clustering_domain();
Domain collections_domain();
Domain detection_domain();
Domain image_domain();
Domain nominal_domain();
Domain pairwise_domain();
Domain regression_domain();
Domain retrieval_domain();
Domain shape_domain();
Domain text_domain();

}  // namespace metrics
