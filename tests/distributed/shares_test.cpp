#include "worker.h"
#include <metrics/core/define.h>
#include <metrics/core/shared_value.h>
#include <metrics/distributed/process_group.h>
#include <metrics/distributed/synchronize.h>
#include <metrics/retrieval/embedding_metrics.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <numeric>
#include <string>
#include <variant>
#include <vector>

namespace {

using at::Tensor;
using metrics::RangeBytes;
using metrics::States;
using metrics_test::expect;
using metrics_test::expect_contains;
using metrics_test::message_of;
using metrics_test::run_workers;
using metrics_test::world_sizes;

/// Who fails at its share.
enum class Fails { Nobody, One, All } fails = Fails::Nobody;
/// Of how many rows this rank has done the work.
int64_t worked_on = 0;

// The sum of squares of all rows, each squared by one rank.
struct SquaresShared final : metrics::SharedValue {
  RangeBytes share(const States& merged, metrics::SharingRanks& ranks) const override {
    if (fails == Fails::All || (fails == Fails::One && ranks.rank() == 1)) throw metrics::InvalidArgument("no squares");
    const Tensor rows = merged["rows"].tensor();
    double sum = 0;
    worked_on = 0;
    for (int64_t i = ranks.rank(); i < rows.numel(); i += ranks.count()) {
      const double row = rows[i].item<double>();
      sum += row * row;
      ++worked_on;
    }
    // What all have done so far is there for a second part of the work.
    int64_t of_all = 0;
    for (const RangeBytes& other : ranks.gather(metrics::bytes_of_range(worked_on))) {
      of_all += metrics::from_range_bytes<int64_t>(other);
    }
    expect(of_all == rows.numel(), "each row once");
    return metrics::bytes_of_range(sum);
  }
};

struct SumOfSquares {
  static constexpr std::string_view name = "SumOfSquares";
  struct Options {
    static constexpr auto fields() { return metrics::fields<>(); }
  };
  static constexpr metrics::MetricTraits traits{};
  static constexpr std::array<std::string_view, 1> inputs{"rows"};
  static void declare(States& states, const Options&) { states.add("rows", metrics::Reduction::Cat); }
  static void update(States& states, const Options&, const Tensor& rows) { states["rows"].append(rows.to(at::kDouble)); }
  static std::shared_ptr<const metrics::RangedValue> ranged(const Options&) { return std::make_shared<SquaresShared>(); }
  static Tensor finalise(const States& states, const Options&) {
    double sum = 0;
    if (const metrics::RangedParts* parts = states.parts()) {
      for (const RangeBytes& part : parts->columns.front()) sum += metrics::from_range_bytes<double>(part);
      return at::scalar_tensor(sum, at::kDouble);
    }
    return states["rows"].rows() == 0 ? at::scalar_tensor(0, at::kDouble) : states["rows"].tensor().square().sum();
  }
};
using SharedSquares = metrics::MetricOf<SumOfSquares>;

int64_t rows_of(const SharedSquares& metric) {
  return std::get<std::vector<Tensor>>(metric.metric_state().at("rows")).front().numel();
}

}  // namespace

WORKER(shares_of_squares) {
  const auto group = metrics::init_process_group();
  const int64_t world = group->world_size(), own = 5 + group->rank(), all = 5 * world + world * (world - 1) / 2;
  SharedSquares metric;
  metric.update(at::arange(own, at::kFloat));
  double expected = 0;
  for (int64_t rank = 0; rank < world; ++rank) expected += at::arange(5 + rank, at::kDouble).square().sum().item<double>();
  expect(metric.compute().item<double>() == expected, "the sum over all rows");
  expect(worked_on >= all / world && worked_on <= all / world + 1, "a share of the work: " + std::to_string(worked_on));

  // The rows are there beside the parts, so that nothing is refused.
  metrics::synchronize_values(std::array<metrics::Metric*, 1>{&metric});
  expect(rows_of(metric) == all, "all rows");
  metric.unsync();
  expect(rows_of(metric) == own, "this rank's rows");
}

TEST_CASE("shares: ranks share the work of a value") {
  for (const int64_t world : world_sizes({2, 3})) CHECK(run_workers("shares_of_squares", world).ok());
}

WORKER(shares_that_fail) {
  const auto group = metrics::init_process_group({.timeout = metrics_test::long_timeout});
  SharedSquares metric;
  metric.update(at::arange(4, at::kFloat));
  fails = std::getenv("METRICS_TEST_FAILS") == std::string("all") ? Fails::All : Fails::One;
  if (fails == Fails::All || group->rank() == 1) {
    expect_contains(message_of<metrics::InvalidArgument>([&] { metric.compute(); }), "no squares");
  } else {
    expect_contains(message_of<metrics::SyncError>([&] { metric.compute(); }), "failed at its share of the value");
  }
  expect(rows_of(metric) == 4, "local states as they were");
}

TEST_CASE("shares: what fails on one rank is an error on all, and what fails on all is that on each") {
  for (const char* who : {"one", "all"}) CHECK(run_workers("shares_that_fail", 2, {{"METRICS_TEST_FAILS", who}}).ok());
}

WORKER(shares_of_lacking_samples) {
  const auto group = metrics::init_process_group();
  const int64_t world = group->world_size(), samples = 3 * world + 4;
  metrics::EmbeddingMetrics metric({.num_samples = samples});
  const Tensor ids = at::arange(3, at::kLong) * world + group->rank(), all = at::ones({3}, at::kBool);
  metric.update(ids.to(at::kFloat).unsqueeze(1), ids.remainder(2), all, all, std::nullopt, std::nullopt,
                metrics::Rows{.ids = ids});
  const std::string first = std::to_string(3 * world);
  expect_contains(message_of<metrics::Error>([&] { metric.compute(); }),
                  "4 of " + std::to_string(samples) + " samples are missing, those with ids " + first);
}

TEST_CASE("shares: an evaluation over ranks that is not whole names the samples that are missing") {
  for (const int64_t world : world_sizes({2, 3})) CHECK(run_workers("shares_of_lacking_samples", world).ok());
}
