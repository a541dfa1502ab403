#pragma once

#include <metrics/core/metric_of.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace metrics {

struct EmbeddingMetricsOptions {
  /// Numbers of nearest samples to look for a relevant one in.
  std::vector<int64_t> cmc_top_k{5};
  /// Numbers of nearest samples whose precision is taken.
  std::vector<int64_t> precision_top_k{5};
  /// Numbers of nearest samples whose average precision is taken.
  std::vector<int64_t> map_top_k{5};
  /// Rates of false matches, from 0 to 1, to give the rate of false non-matches at.
  std::vector<double> fmr_vals{};
  /// Shares of the variance, from 0 to 1, that principal components have to explain.
  std::vector<double> pcf_variance{0.5};
  /// Whether the result leaves out what the categories have.
  bool return_only_overall_category = false;
  /// How many samples there have to be; with sample ids those from 0 on. Unset: whichever come.
  std::optional<int64_t> num_samples{};

  static constexpr auto fields() {
    using Self = EmbeddingMetricsOptions;
    return metrics::fields<&Self::cmc_top_k, &Self::precision_top_k, &Self::map_top_k, &Self::fmr_vals,
                           &Self::pcf_variance, &Self::return_only_overall_category, &Self::num_samples>();
  }
};

namespace definitions {

struct METRICS_API EmbeddingMetrics {
  static constexpr std::string_view name = "EmbeddingMetrics";
  using Options = EmbeddingMetricsOptions;
  using Result = std::map<std::string, Tensor>;
  static constexpr std::array<std::string_view, 6> inputs{"embeddings", "labels",       "is_query",
                                                          "is_gallery", "sequence_ids", "categories"};
  static constexpr MetricTraits traits{};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static RowWeights taken_weights(const Options&) { return RowWeights::None; }
  static void update(States& states, const Options& options, const Tensor& embeddings, const Tensor& labels,
                     const Tensor& is_query, const Tensor& is_gallery, const std::optional<Tensor>& sequence_ids,
                     const std::optional<Tensor>& categories, const Rows& rows);
  static std::shared_ptr<const RangedValue> ranged(const Options& options);
  static Result finalise(const States& states, const Options& options);
  static void complete_from_torchmetrics(States& states, const Options& options);
  static std::string update_key(const Options& options);
};

}  // namespace definitions

/// Computes how well embeddings find samples of the same label: for each query the nearest samples of the gallery are
/// looked at, by Euclidean distance, without the query itself and without samples of its own sequence. Relevant are
/// those of its label.
///
/// `embeddings`: [N, D], floating and finite; `labels`: integers [N]; `is_query` and `is_gallery`: bool [N], a sample
/// can be both or neither; `sequence_ids`: int64 [N], of samples that are not looked for from each other;
/// `categories`: int64 [N], for a value of each category beside that of all. An optional input is given with all
/// updates on all ranks, or with none. `Rows::ids` are the samples' ids: a sample that comes again, on the same or
/// another rank, is taken once, the lowest rank's. Copies differ at most in their embeddings, else `compute` throws.
///
/// With the hits c₁, c₂, … of the nearest samples, n relevant samples in the gallery, and k' the smaller of k and the
/// number of samples that can be looked at, the result has for each k, r and q that the options name, each a mean over
/// queries (or for `pcf` over nothing):
///
/// - `OVERALL/cmc/k`: whether there is a hit among c₁ … cₖ.
/// - `OVERALL/precision/k`: hits among c₁ … cₖ' divided by min(n, k'); NaN where n is 0.
/// - `OVERALL/map/k`: the sum of (hits among c₁ … cᵢ) cᵢ / i for i to k', divided by the hits among c₁ … cₖ'; 0
/// without.
/// - `OVERALL/fnmr@fmr/q`: the share of the distances to relevant samples that are at least the q-quantile (linear) of
///   those to others; NaN where there are none of either.
/// - `OVERALL/pcf/r`: one more than the number of principal components of the embeddings, in descending order, which
///   together explain at most r of the variance, divided by D; sums that are 1e-10 apart are equal.
/// - the same under the number of each category that queries have, of its queries (for `pcf` its samples), but
/// `fnmr@fmr`.
///
/// Cases without anything: a query that has nothing to look at is worth 1; without queries a mean is NaN; samples that
/// are all alike are explained by nothing, so that `pcf` is (min(N, D) + 1) / D.
///
/// **Ties**: of equal distances the lower sample id comes first; without ids the sample that is not relevant, so that a
/// value does not depend on the order of rows. Distances are sums of squares in float64 in a fixed order. The distance
/// matrix is never held: a product in float32 leaves few candidates, by bounds of its rounding.
///
/// Over ranks all samples are gathered on each, and each looks for the nearest of its share of the queries.
///
/// Throws InvalidArgument for inputs of other shapes and dtypes, for embeddings that are not finite, for an optional
/// input that comes with one `update` and not with another, and for options out of range. `compute` throws Error where
/// samples lack that `num_samples` asks for, naming how many and the first, and where samples of one rank, or of what
/// was merged as `forward` does, have an id, a sequence or a category and others none. Source: open-metric-learning's
/// EmbeddingMetrics; torchmetrics has no such class.
METRICS_CLASS(EmbeddingMetrics);

}  // namespace metrics
