#include "ranking.h"
#include <metrics/core/define.h>
#include <metrics/core/double_double.h>
#include <metrics/core/errors.h>
#include <metrics/retrieval/precision_recall_curve.h>

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace metrics {

using namespace retrieval;

namespace {

/// What a curve is made of: the queries, and how.
struct Plan {
  const RankedQueries& queries;
  const std::vector<uint8_t>& has;  // whether a query has a relevant document
  std::optional<double> empty;      // what it is worth else
  std::size_t max_k;
  bool adaptive_k;

  bool counts(std::size_t query) const { return has[query] || empty; }
};

double divisor(const Plan& plan, std::size_t k, std::size_t documents) {
  return static_cast<double>(plan.adaptive_k ? std::min(k, documents) : k);
}

/// The two sides of a curve, [max_k] each.
struct Sides {
  std::vector<double> precision, recall;
};

/// The means over queries, in one pass over the documents: beyond a query's last one it is known what it adds.
Sides means(const Plan& plan) {
  struct Sums {
    DoubleDouble precision, recall;
  };
  std::vector<Sums> at(plan.max_k);          // what documents add at each k
  std::vector<Sums> beyond(plan.max_k + 1);  // what queries add from a k on; for precision k times that unless adaptive
  DoubleDouble all;
  for (std::size_t q = 0; q < plan.queries.size(); ++q) {
    if (!plan.counts(q)) continue;
    const double weight = plan.queries.weight(q);
    all = all + weight;
    if (!plan.has[q]) {
      for (Sums& sums : at) {
        sums.precision = sums.precision + *plan.empty * weight;
        sums.recall = sums.recall + *plan.empty * weight;
      }
      continue;
    }
    const RankedQuery query = plan.queries[q];
    const double total = sum_of(query.relevances);
    const std::size_t looked_at = std::min(query.size(), plan.max_k);
    double found = 0;
    for (std::size_t i = 0; i < looked_at; ++i) {
      found += query.relevances[i];
      at[i].precision = at[i].precision + weight * found / static_cast<double>(i + 1);
      at[i].recall = at[i].recall + weight * found / total;
    }
    beyond[looked_at].precision =
        beyond[looked_at].precision +
        (plan.adaptive_k ? weight * total / static_cast<double>(query.size()) : weight * total);
    beyond[looked_at].recall = beyond[looked_at].recall + weight;
  }
  Sides sides{std::vector<double>(plan.max_k), std::vector<double>(plan.max_k)};
  if (all.value() == 0) return sides;
  Sums rest;
  for (std::size_t i = 0; i < plan.max_k; ++i) {
    rest = {rest.precision + beyond[i].precision, rest.recall + beyond[i].recall};
    const double k = plan.adaptive_k ? 1 : static_cast<double>(i + 1);
    const DoubleDouble precision = at[i].precision + rest.precision.value() / k;
    sides.precision[i] = precision.value() / all.value();
    sides.recall[i] = (at[i].recall + rest.recall).value() / all.value();
  }
  return sides;
}

/// What the documents of queries add up to, from the first of each.
std::vector<double> found_so_far(const Plan& plan) {
  std::vector<double> found(plan.queries.documents());
  each_query(plan.queries, [&](std::size_t q) {
    const RankedQuery query = plan.queries[q];
    double sum = 0;
    for (std::size_t i = 0; i < query.size(); ++i) found[plan.queries.begin_of(q) + i] = sum += query.relevances[i];
  });
  return found;
}

/// Any aggregate, of the values of all queries at each k.
Sides aggregates(const Plan& plan, const QueryAggregation& aggregation) {
  const std::vector<double> found = found_so_far(plan);
  std::vector<double> weights;
  for (std::size_t q = 0; q < plan.queries.size(); ++q) {
    if (plan.counts(q) && !plan.queries.weights.empty()) weights.push_back(plan.queries.weights[q]);
  }
  const auto at_each_k = [&](const auto& value) {
    std::vector<double> side(plan.max_k);
    for (std::size_t k = 1; k <= plan.max_k; ++k) {
      QueryValues values{.values = {}, .weights = weights};
      for (std::size_t q = 0; q < plan.queries.size(); ++q) {
        if (!plan.counts(q)) continue;
        const std::size_t begin = plan.queries.begin_of(q), documents = plan.queries.ends[q] - begin;
        values.values.push_back(
            plan.has[q] ? value(found[begin + std::min(k, documents) - 1], k, found[begin + documents - 1], documents)
                        : *plan.empty);
      }
      const Tensor one = aggregation.of(values, plan.queries.device);
      if (one.numel() != 1) {
        throw InvalidArgument("the function given as aggregation returned " + std::to_string(one.numel()) +
                              " numbers for a k; expected one");
      }
      side[k - 1] = one.to(at::kCPU, at::kDouble).item<double>();
    }
    return side;
  };
  Sides sides;
  sides.precision = at_each_k(
      [&](double sum, std::size_t k, double, std::size_t documents) { return sum / divisor(plan, k, documents); });
  sides.recall = at_each_k([](double sum, std::size_t, double all, std::size_t) { return sum / all; });
  return sides;
}

/// The two sides of the curve over queries, by options of either metric.
template <class O>
Sides sides_of(const RankedQueries& queries, const O& options) {
  const std::vector<uint8_t> has = queries_with(queries, Needs::Relevant, options.empty_target_action);
  const std::size_t max_k = options.max_k ? static_cast<std::size_t>(*options.max_k) : queries.longest();
  const Plan plan{queries, has, worth_of_empty(options.empty_target_action), max_k, options.adaptive_k};
  return options.aggregation.named() == Aggregation::Mean ? means(plan) : aggregates(plan, options.aggregation);
}

Tensor numbers(const std::vector<double>& side, at::Device device) {
  Tensor tensor = at::empty({static_cast<int64_t>(side.size())}, at::kDouble);
  std::copy(side.begin(), side.end(), tensor.mutable_data_ptr<double>());
  return tensor.to(device);
}

Tensor integers_to(std::size_t last, at::Device device) {
  return at::arange(1, static_cast<int64_t>(last) + 1, at::TensorOptions(at::kLong).device(device));
}

}  // namespace

void scores::RetrievalPrecisionRecall::check(const RetrievalPrecisionRecallCurveOptions& options) {
  check_at_least_one("max_k", options.max_k);
}

RetrievalCurve scores::RetrievalPrecisionRecall::value(const RankedQueries& queries,
                                                       const RetrievalPrecisionRecallCurveOptions& options) {
  const Sides sides = sides_of(queries, options);
  const at::Device device = queries.device;
  return {numbers(sides.precision, device), numbers(sides.recall, device), integers_to(sides.precision.size(), device)};
}

RetrievalCurve scores::RetrievalPrecisionRecall::functional_value(
    const Tensor& preds, const Tensor& target, const RetrievalPrecisionRecallCurveQueryOptions& options) {
  check_at_least_one("max_k", options.max_k);
  const RankedQueries ranked = ranked_query(preds, target);
  RetrievalCurve curve = value(ranked, {.max_k = options.max_k, .adaptive_k = options.adaptive_k});
  if (options.adaptive_k) curve.top_k.clamp_(1, static_cast<int64_t>(ranked.longest()));
  return {curve.precision.to(preds.device(), at::kFloat), curve.recall.to(preds.device(), at::kFloat),
          curve.top_k.to(preds.device())};
}

void scores::RetrievalRecallAtPrecision::check(const RetrievalRecallAtFixedPrecisionOptions& options) {
  check_at_least_one("max_k", options.max_k);
  if (options.min_precision >= 0 && options.min_precision <= 1) return;
  throw InvalidArgument("min_precision: expected a number from 0 to 1, got " + std::to_string(options.min_precision));
}

RecallAtK scores::RetrievalRecallAtPrecision::value(const RankedQueries& queries,
                                                    const RetrievalRecallAtFixedPrecisionOptions& options) {
  const Sides sides = sides_of(queries, options);
  const auto least = static_cast<float>(options.min_precision);
  double max_recall = 0;
  auto best_k = static_cast<int64_t>(sides.recall.size());
  for (std::size_t i = 0; i < sides.recall.size(); ++i) {
    const bool enough = static_cast<float>(sides.precision[i]) >= least;
    if (!enough || sides.recall[i] == 0 || static_cast<float>(sides.recall[i]) < static_cast<float>(max_recall))
      continue;
    max_recall = sides.recall[i];
    best_k = static_cast<int64_t>(i) + 1;
  }
  const auto options_of = [&](at::ScalarType dtype) { return at::TensorOptions(dtype).device(queries.device); };
  return {at::scalar_tensor(max_recall, options_of(at::kDouble)), at::scalar_tensor(best_k, options_of(at::kLong))};
}

METRICS_DEFINE_CLASS(RetrievalPrecisionRecallCurve);
METRICS_DEFINE_CLASS(RetrievalRecallAtFixedPrecision);

}  // namespace metrics
