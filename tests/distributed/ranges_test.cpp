#include "worker.h"
#include <metrics/classification/auroc.h>
#include <metrics/classification/average_precision.h>
#include <metrics/collections/metric_collection.h>
#include <metrics/core/define.h>
#include <metrics/core/ranges.h>
#include <metrics/distributed/process_group.h>
#include <metrics/distributed/ranged_rows.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <variant>
#include <vector>

namespace {

using at::Tensor;
using metrics::KeyedRows;
using metrics::RangeBytes;
using metrics::RangedRows;
using metrics::States;
using metrics_test::expect;
using metrics_test::expect_contains;
using metrics_test::run_workers;
using metrics_test::sync_error_of;
using metrics_test::world_sizes;

constexpr int64_t rows_of_test = 40000;

// --- A metric of a program's own: the median of absolute errors.

/// The most rows that this rank got for one range, and whether it fails when it makes keys or a range.
int64_t received = 0;
enum class Fails { No, Facts, Rows, Range } fails = Fails::No;

struct Errors final : RangedRows {
  struct Sorted : Range {
    std::vector<float> errors;
  };

  std::string key() const override { return "absolute errors"; }
  RangeBytes facts(const States&) const override {
    if (fails == Fails::Facts) throw metrics::Error("no facts");
    return {};
  }
  int64_t columns() const override { return 1; }
  int64_t kinds() const override { return 1; }
  Layout layout(int64_t, std::span<const RangeBytes>) const override { return {}; }
  // Numbers that are not negative are in the order of their bits.
  Column rows(const States& local, std::span<const RangeBytes>, int64_t, bool) const override {
    if (fails == Fails::Rows) throw metrics::Error("no keys");
    const Tensor errors = local["errors"].tensor();
    return {{.keys = errors.defined() ? std::get<0>(errors.sort()).view(at::kInt) : at::empty({0}, at::kInt)}};
  }
  std::unique_ptr<Range> range(const std::vector<std::vector<KeyedRows>>& kinds,
                               std::span<const RangeBytes>) const override {
    if (fails == Fails::Range) throw metrics::Error("no range");
    auto sorted = std::make_unique<Sorted>();
    for (const KeyedRows& rows : kinds.front()) {
      const Tensor errors = rows.keys.view(at::kFloat);
      sorted->errors.insert(sorted->errors.end(), errors.const_data_ptr<float>(),
                            errors.const_data_ptr<float>() + errors.numel());
    }
    received = static_cast<int64_t>(sorted->errors.size());
    std::sort(sorted->errors.begin(), sorted->errors.end());
    return sorted;
  }
  RangeBytes summary(const Range& range) const override {
    return metrics::bytes_of_range(static_cast<const Sorted&>(range).errors.size());
  }
  std::size_t summary_bytes() const override { return sizeof(std::size_t); }
};

struct MedianOfErrors final : metrics::RangedValue {
  Errors errors;

  const RangedRows& rows() const override { return errors; }
  RangeBytes part(const RangedRows::Range& range, std::span<const RangeBytes> summaries,
                  std::size_t own) const override {
    std::size_t all = 0, before = 0;
    for (std::size_t i = 0; i < summaries.size(); ++i) {
      const auto size = metrics::from_range_bytes<std::size_t>(summaries[i]);
      all += size;
      if (i < own) before += size;
    }
    const std::vector<float>& sorted = static_cast<const Errors::Sorted&>(range).errors;
    const std::size_t middle = all == 0 ? 0 : (all - 1) / 2;
    const bool here = middle >= before && middle - before < sorted.size();
    return metrics::bytes_of_range(here ? sorted[middle - before] : std::nanf(""));
  }
  std::size_t part_bytes() const override { return sizeof(float); }
};

struct MedianError {
  static constexpr std::string_view name = "MedianError";
  struct Options {
    static constexpr auto fields() { return metrics::fields<>(); }
  };
  static constexpr metrics::MetricTraits traits{};
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static void declare(States& states, const Options&) { states.add("errors", metrics::Reduction::Cat); }
  static void update(States& states, const Options&, const Tensor& preds, const Tensor& target) {
    states["errors"].append((preds - target).abs().to(at::kFloat));
  }
  static std::shared_ptr<const metrics::RangedValue> ranged(const Options&) {
    return std::make_shared<MedianOfErrors>();
  }
  static Tensor finalise(const States& states, const Options&) {
    if (const metrics::RangedParts* parts = states.parts()) {
      for (const RangeBytes& part : parts->columns.front()) {
        const float value = metrics::from_range_bytes<float>(part);
        if (!std::isnan(value)) return at::scalar_tensor(value, at::kDouble);
      }
      return at::scalar_tensor(NAN, at::kDouble);
    }
    const Tensor errors = states["errors"].tensor();
    return errors.defined() ? errors.median() : at::scalar_tensor(NAN, at::kDouble);
  }
};

// --- Scores and who has them.

struct Drawn {
  Tensor scores, target;
};

Drawn drawn(const std::string& kind, int64_t rows) {
  const Tensor index = at::arange(rows, at::kLong);
  const Tensor mixed = (index * 7919 + 13).remainder(rows);
  Tensor scores = mixed.to(at::kFloat) / static_cast<float>(rows);
  const Tensor target = ((mixed * 31).remainder(17) < 8).to(at::kLong);
  if (kind == "sorted") scores = std::get<0>(scores.sort());
  if (kind == "reversed") scores = std::get<0>(scores.sort(0, /*descending=*/true));
  if (kind == "tied") scores = at::where(index.remainder(10) < 9, (mixed.remainder(5)).to(at::kFloat) / 8, scores);
  if (kind == "equal") scores = at::full({rows}, 0.5F);
  return {scores, target};
}

/// The rows of a rank: as many each, all on the last rank, or none on the first.
Drawn share_of(const Drawn& all, const std::string& shares, int64_t rank, int64_t world) {
  const int64_t rows = all.scores.numel();
  int64_t begin = rank * rows / world, end = (rank + 1) * rows / world;
  if (shares == "last") begin = rank + 1 == world ? 0 : rows, end = rows;
  if (shares == "not the first") {
    begin = rank == 0 ? 0 : (rank - 1) * rows / (world - 1);
    end = rank * rows / (world - 1);
  }
  return {all.scores.slice(0, begin, end), all.target.slice(0, begin, end)};
}

template <class M>
void updated(M& metric, const Drawn& rows) {
  metric.update(rows.scores, rows.target);
}

}  // namespace

WORKER(ranges_of_scores) {
  const auto group = metrics::init_process_group();
  const int64_t world = group->world_size();
  for (const std::string kind : {"random", "sorted", "reversed", "tied", "equal"}) {
    const Drawn all = drawn(kind, rows_of_test);
    for (const std::string shares : {"even", "last", "not the first"}) {
      const std::string where = kind + " scores, " + shares;
      const Drawn own = share_of(all, shares, group->rank(), world);
      const auto check = [&](auto metric, const std::string& what) {
        auto whole = metric;
        whole.set_metric_options({.sync_on_compute = false});
        updated(whole, all);
        updated(metric, own);
        const Tensor expected = whole.compute();
        metrics::set_ranged_bytes(0);
        const auto before = group->counters();
        const Tensor value = metric.compute();
        const auto sent = group->counters() - before;
        expect(at::equal(value, expected), what + " of " + where + " as in one process");
        expect(sent.collectives <= 7,
               "six collectives beside the block, " + where + ": " + std::to_string(sent.collectives));
        // A key takes 4 bytes, equal ones 20 together; samples, counts, summaries and parts take the rest.
        const int64_t rows = own.scores.numel(), most = 4 * rows + 16384 + 4096 * world;
        expect(sent.bytes <= most, "bytes of " + where + ": " + std::to_string(sent.bytes));
        if (kind == "tied" && rows > 0) expect(sent.bytes <= most - 3 * rows, "ties together: " + where);
        expect(metric.metric_state().size() > 0 && !metric.is_synced(), "local states");
        // Gathered the value is the same.
        metrics::set_ranged_bytes(int64_t{1} << 40);
        updated(metric, {own.scores.slice(0, 0, 0), own.target.slice(0, 0, 0)});
        expect(at::equal(metric.compute(), expected), what + " gathered, of " + where);
      };
      check(metrics::BinaryAUROC(), "area");
      check(metrics::BinaryAveragePrecision(), "average precision");
    }
  }
}

TEST_CASE("ranges: areas of rows that stay apart are those of one process, and each row travels once") {
  for (const int64_t world : world_sizes({2, 3, 4})) CHECK(run_workers("ranges_of_scores", world).ok());
}

WORKER(ranges_of_errors) {
  const auto group = metrics::init_process_group();
  metrics::set_ranged_bytes(0);
  const int64_t world = group->world_size();
  for (const std::string kind : {"random", "sorted", "reversed", "tied", "equal"}) {
    const Drawn all = drawn(kind, rows_of_test);
    const Tensor none = at::zeros_like(all.scores);
    for (const std::string shares : {"even", "last", "not the first"}) {
      const Drawn own = share_of(all, shares, group->rank(), world);
      metrics::MetricOf<MedianError> metric;
      if (own.scores.numel() > 0) metric.update(own.scores, at::zeros_like(own.scores));
      expect(at::equal(metric.compute(), all.scores.median().to(at::kFloat)), "the median of " + kind + ", " + shares);
      // Equal keys stay together: here they are not added up.
      const double most =
          kind == "equal" || kind == "tied" ? 1e9 : 1.3 * rows_of_test / static_cast<double>(world) + 64;
      expect(static_cast<double>(received) <= most, "a share of the rows: " + std::to_string(received));
    }
  }
  metrics::MetricOf<MedianError> empty;
  expect(std::isnan(empty.compute().item<double>()), "no value of no rows");
}

TEST_CASE("ranges: a metric of one's own, of which no rank gets more than 1.3 times its share") {
  for (const int64_t world : world_sizes({2, 3, 4})) CHECK(run_workers("ranges_of_errors", world).ok());
}

WORKER(ranges_of_collection) {
  const auto group = metrics::init_process_group();
  const Drawn own = share_of(drawn("random", rows_of_test), "even", group->rank(), group->world_size());
  metrics::set_ranged_bytes(0);
  const auto sent_by = [&](auto& metric) {
    updated(metric, own);
    const auto before = group->counters();
    metric.compute();
    return group->counters() - before;
  };
  metrics::BinaryAUROC alone;
  metrics::MetricCollection both({metrics::BinaryAUROC(), metrics::BinaryAveragePrecision()});
  const auto one = sent_by(alone), two = sent_by(both);
  expect(two.collectives == one.collectives, "as many collectives for two");
  expect(two.bytes < one.bytes + 1024,
         "the rows of two travel once: " + std::to_string(two.bytes) + " beside " + std::to_string(one.bytes));
}

TEST_CASE("ranges: rows of members that share a state travel once") {
  for (const int64_t world : world_sizes({2, 3})) CHECK(run_workers("ranges_of_collection", world).ok());
}

WORKER(ranges_that_fail) {
  const auto group = metrics::init_process_group({.timeout = metrics_test::long_timeout});
  metrics::set_ranged_bytes(0);
  const std::string at = std::getenv("METRICS_TEST_FAILS_AT");
  metrics::MetricOf<MedianError> metric;
  metric.update(at::arange(100, at::kFloat), at::zeros({100}));
  if (group->rank() == 1) fails = at == "facts" ? Fails::Facts : at == "rows" ? Fails::Rows : Fails::Range;
  bool threw = false;
  try {
    metric.compute();
  } catch (const metrics::Error& error) {
    threw = true;
    if (group->rank() == 1) expect_contains(error.what(), "no ");
  }
  expect(threw, "an error on every rank");
  expect(std::get<std::vector<Tensor>>(metric.metric_state().at("errors")).front().numel() == 100,
         "local states as they were");
}

TEST_CASE("ranges: a rank that fails in the exchange is an error on all, and states stay") {
  for (const char* at : {"facts", "rows", "range"}) {
    CHECK(run_workers("ranges_that_fail", 2, {{"METRICS_TEST_FAILS_AT", at}}).ok());
  }
}
