#include "kernels/math.h"
#include "ranking.h"
#include <metrics/core/define.h>
#include <metrics/retrieval/ndcg.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

namespace metrics {

using retrieval::RankedQuery;

namespace {

/// What a relevance is worth by its rank, added up: the n-th is that of all ranks before n. Logarithms to any base do,
/// because gains are divided by each other.
std::vector<double> cumulated_discounts(std::size_t size) {
  std::vector<double> cumulated(size + 1, 0);
  for (std::size_t i = 0; i < size; ++i) {
    cumulated[i + 1] = cumulated[i] + 1 / kernels::logarithm(static_cast<double>(i + 2));
  }
  return cumulated;
}

class NormalizedGain {
 public:
  NormalizedGain(std::optional<int64_t> top_k, std::size_t size)
      : cumulated_(cumulated_discounts(top_k ? std::min(size, static_cast<std::size_t>(*top_k)) : size)) {}

  double operator()(const RankedQuery& query) const {
    const double best = best_gain(query);
    return best == 0 ? 0 : gain(query) / best;
  }

 private:
  /// The discounts of ranks from `begin` to before `end` as far as they are looked at.
  double discounts(std::size_t begin, std::size_t end) const {
    const std::size_t looked_at = cumulated_.size() - 1;
    return cumulated_[std::min(end, looked_at)] - cumulated_[std::min(begin, looked_at)];
  }

  double gain(const RankedQuery& query) const {
    double sum = 0;
    for (std::size_t begin = 0; begin + 1 < cumulated_.size() && begin < query.size();) {
      double relevance = query.relevances[begin];
      std::size_t end = begin + 1;
      for (; end < query.size() && query.ties[end]; ++end) relevance += query.relevances[end];
      sum += relevance / static_cast<double>(end - begin) * discounts(begin, end);
      begin = end;
    }
    return sum;
  }

  /// Most documents are relevant by a few degrees: those of a degree lie beside each other in the best order.
  double best_gain(const RankedQuery& query) const {
    std::vector<float> best(query.relevances.begin(), query.relevances.end());
    const auto irrelevant = std::partition(best.begin(), best.end(), [](float relevance) { return relevance > 0; });
    const bool differ = !std::is_sorted(best.begin(), irrelevant, std::greater<>());
    if (differ) std::sort(best.begin(), irrelevant, std::greater<>());
    double sum = 0;
    for (auto begin = best.begin(); begin != irrelevant;) {
      const auto end = std::find_if(begin, irrelevant, [=](float relevance) { return relevance != *begin; });
      sum += *begin *
             discounts(static_cast<std::size_t>(begin - best.begin()), static_cast<std::size_t>(end - best.begin()));
      begin = end;
    }
    return sum;
  }

  std::vector<double> cumulated_;
};

}  // namespace

retrieval::Formula scores::NormalizedDCG::formula(const RetrievalQueryOptions& options, std::size_t size) {
  return NormalizedGain(options.top_k, size);
}

METRICS_DEFINE_CLASS(RetrievalNormalizedDCG);

}  // namespace metrics
