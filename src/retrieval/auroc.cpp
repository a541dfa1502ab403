#include "ranking.h"
#include <metrics/core/define.h>
#include <metrics/core/errors.h>
#include <metrics/retrieval/auroc.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>

namespace metrics {

using retrieval::RankedQuery;

namespace {

/// Where the curve of a query comes to with the documents of one score more.
struct Counts {
  double irrelevant = 0, relevant = 0;
};

/// Calls `step(before, after)` for each score among the first documents, from the highest to the lowest.
template <class Step>
void each_score(const RankedQuery& query, std::size_t looked_at, const Step& step) {
  Counts before;
  for (std::size_t begin = 0; begin < looked_at;) {
    Counts after = before;
    std::size_t end = begin;
    do {
      ++(query.relevances[end] > 0 ? after.relevant : after.irrelevant);
      ++end;
    } while (end < looked_at && query.ties[end]);
    step(before, after);
    before = after;
    begin = end;
  }
}

Counts counted(std::span<const float> relevances) {
  const auto relevant = std::count_if(relevances.begin(), relevances.end(), [](float r) { return r > 0; });
  return {static_cast<double>(relevances.size()) - static_cast<double>(relevant), static_cast<double>(relevant)};
}

/// The area up to a false positive rate, between 0.5 for chance and 1 (McClish 1989, Analyzing a portion of the ROC
/// curve).
double partial_area(const RankedQuery& query, std::size_t looked_at, const Counts& all, double max_fpr) {
  double sum = 0;
  each_score(query, looked_at, [&](const Counts& before, const Counts& after) {
    const double fpr = before.irrelevant / all.irrelevant, tpr = before.relevant / all.relevant;
    if (fpr >= max_fpr) return;
    double next_fpr = after.irrelevant / all.irrelevant, next_tpr = after.relevant / all.relevant;
    if (next_fpr > max_fpr) {
      next_tpr = tpr + (next_tpr - tpr) * (max_fpr - fpr) / (next_fpr - fpr);
      next_fpr = max_fpr;
    }
    sum += (next_fpr - fpr) * (next_tpr + tpr) / 2;
  });
  const double least = max_fpr * max_fpr / 2;
  return 0.5 * (1 + (sum - least) / (max_fpr - least));
}

}  // namespace

void scores::RetrievalAUROC::check_query(const RetrievalAUROCQueryOptions& options) {
  QueryScore::check_query(options);
  if (!options.max_fpr || (*options.max_fpr > 0 && *options.max_fpr <= 1)) return;
  throw InvalidArgument("max_fpr: expected a number in (0, 1], got " + std::to_string(*options.max_fpr));
}

double scores::RetrievalAUROC::of_query(const RankedQuery& query, const RetrievalAUROCQueryOptions& options) {
  const auto first = query.first(options.top_k);
  const Counts all = counted(first);
  if (all.relevant == 0 || all.irrelevant == 0) return 0;
  const double max_fpr = options.max_fpr.value_or(1);
  if (max_fpr < 1) return partial_area(query, first.size(), all, max_fpr);
  double twice = 0;
  each_score(query, first.size(), [&](const Counts& before, const Counts& after) {
    twice += (after.irrelevant - before.irrelevant) * (after.relevant + before.relevant);
  });
  return twice / 2 / all.relevant / all.irrelevant;
}

METRICS_DEFINE_CLASS(RetrievalAUROC);

}  // namespace metrics
