#pragma once

#include "distances.h"
#include "nearest.h"
#include "samples.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace metrics::retrieval::embeddings {

/// What it took to find quantiles.
struct Passes {
  int64_t products = 0;  // over all pairs, by products in float32
  int64_t exact = 0;     // over the pairs that products do not tell apart
};

/// Where counting turns from one way to the next. What comes out does not depend on it.
struct Limits {
  int64_t kept = int64_t{1} << 22;  // so many distances are held at most, to find one of them by its place
  Blocks blocks{};
};

/// What those have together that count the pairs of some queries each.
struct Sharing {
  std::function<std::vector<int64_t>(std::vector<int64_t>)> sum = [](std::vector<int64_t> own) { return own; };
  std::function<std::vector<double>(std::vector<double>)> gather = [](std::vector<double> own) { return own; };
};

/// Returns for each rate q the share of the distances to relevant items that are at least the q-quantile of those to
/// others, all of them distances that a query looks at; NaN where there are none of either kind. The quantile is
/// numpy's linear one, of exact distances: a first pass counts them by products in float32 in a histogram, further ones
/// those of the buckets that may hold the distances asked for, until few enough are left to compute and sort. Where
/// others count, too, each the pairs of its own queries, all get the value of all pairs.
METRICS_API std::vector<double> fnmr_at_fmr(const Distances& distances, const Samples& samples, const Gallery& gallery,
                                            const std::vector<double>& rates, const Queries& queries,
                                            const Sharing& sharing = {}, const Limits& limits = {},
                                            Passes* passes = nullptr);

}  // namespace metrics::retrieval::embeddings
