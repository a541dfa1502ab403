#include "worker.h"
#include <metrics/classification/auroc.h>
#include <metrics/classification/average_precision.h>
#include <metrics/classification/eer.h>
#include <metrics/classification/logauc.h>
#include <metrics/classification/precision_fixed_recall.h>
#include <metrics/classification/recall_fixed_precision.h>
#include <metrics/classification/sensitivity_specificity.h>
#include <metrics/classification/specificity_sensitivity.h>
#include <metrics/collections/metric_collection.h>
#include <metrics/core/define.h>
#include <metrics/core/draws.h>
#include <metrics/core/ranges.h>
#include <metrics/distributed/process_group.h>
#include <metrics/distributed/ranged_rows.h>
#include <metrics/distributed/synchronize.h>
#include <metrics/regression/spearman.h>
#include <metrics/retrieval/average_precision.h>
#include <metrics/retrieval/ndcg.h>
#include <metrics/retrieval/reciprocal_rank.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>
#include <malloc.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <new>
#include <string>
#include <variant>
#include <vector>

namespace {

using at::Tensor;
using metrics::KeyedRows;
using metrics::RangeBytes;
using metrics::RangedRows;
using metrics::States;
using metrics_test::check_survived;
using metrics_test::expect;
using metrics_test::expect_contains;
using metrics_test::run_workers;
using metrics_test::sync_error_of;
using metrics_test::world_sizes;

constexpr int64_t rows_of_test = 40000;

// --- A metric of a program's own: the median of absolute errors.

/// The most rows that this rank got for one range, and whether it fails when it makes keys or a range.
int64_t received = 0;
enum class FailsAt { No, Facts, Rows, Range, Memory, Death } fails_at = FailsAt::No;
/// Whether rows of equal keys may be in several ranges.
bool ties_part = false;

struct Errors final : RangedRows {
  struct Sorted : Range {
    std::vector<float> errors;
  };

  std::string key() const override { return "absolute errors"; }
  RangeBytes facts(const States&) const override {
    if (fails_at == FailsAt::Facts) throw metrics::Error("no facts");
    return {};
  }
  int64_t columns() const override { return 1; }
  int64_t kinds() const override { return 1; }
  bool ties_part() const override { return ::ties_part; }
  Layout layout(int64_t, std::span<const RangeBytes>) const override { return {}; }
  // Numbers that are not negative are in the order of their bits.
  Column rows(const States& local, std::span<const RangeBytes>, int64_t) const override {
    if (fails_at == FailsAt::Rows) throw metrics::Error("no keys");
    const Tensor errors = local["errors"].tensor();
    return {{.keys = errors.defined() ? std::get<0>(errors.sort()).view(at::kInt) : at::empty({0}, at::kInt)}};
  }
  std::unique_ptr<Range> range(std::vector<std::vector<KeyedRows>> kinds, std::span<const RangeBytes>) const override {
    if (fails_at == FailsAt::Range) throw metrics::Error("no range");
    if (fails_at == FailsAt::Memory) throw std::bad_alloc();
    if (fails_at == FailsAt::Death) metrics_test::die();
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
  RangeBytes part(const metrics::RowRange& range, std::span<const RangeBytes> summaries,
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
  std::size_t part_bytes(std::span<const RangeBytes>) const override { return sizeof(float); }
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

bool alike(const Tensor& a, const Tensor& b) {
  return at::allclose(a, b, 1e-7, 0, /*equal_nan=*/true) && a.sizes() == b.sizes();
}
bool alike(const metrics::OperatingPoint& a, const metrics::OperatingPoint& b) {
  return alike(a.value, b.value) && alike(a.threshold, b.threshold);
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
        const auto expected = whole.compute();
        metrics::set_ranged_bytes(0);
        const auto before = group->counters();
        const auto value = metric.compute();
        const auto sent = group->counters() - before;
        expect(alike(value, expected), what + " of " + where + " as in one process");
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
        expect(alike(metric.compute(), expected), what + " gathered, of " + where);
      };
      check(metrics::BinaryAUROC(), "area");
      check(metrics::BinaryAUROC({.max_fpr = 0.3}), "area up to a rate");
      check(metrics::BinaryAveragePrecision(), "average precision");
      check(metrics::BinaryEER(), "equal error rate");
      check(metrics::BinaryLogAUC({.fpr_range = {0.01, 0.5}}), "area over logarithms");
      check(metrics::BinaryPrecisionAtFixedRecall({.min_recall = 0.4}), "precision");
      check(metrics::BinaryRecallAtFixedPrecision({.min_precision = 0.5}), "recall");
      check(metrics::BinarySensitivityAtSpecificity({.min_specificity = 0.7}), "sensitivity");
      check(metrics::BinarySpecificityAtSensitivity({.min_sensitivity = 0.7}), "specificity");
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
      for (const bool part : {false, true}) {
        ties_part = part;
        metrics::MetricOf<MedianError> metric;
        if (own.scores.numel() > 0) metric.update(own.scores, at::zeros_like(own.scores));
        expect(at::equal(metric.compute(), all.scores.median().to(at::kFloat)),
               "the median of " + kind + ", " + shares);
        // Where equal keys stay together, and are not added up, a rank has those of one key beside its share: the
        // documents of the largest query, where keys are queries.
        const double of_one_key =
            part ? 0 : std::get<2>(at::_unique2(all.scores, true, false, true)).max().item<double>();
        const double most = 1.3 * rows_of_test / static_cast<double>(world) + of_one_key + 64;
        expect(static_cast<double>(received) <= most, "a share of the rows: " + std::to_string(received));
      }
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

WORKER(ranges_of_ranks) {
  const auto group = metrics::init_process_group();
  const int64_t world = group->world_size();
  for (const std::string kind : {"random", "sorted", "reversed", "tied", "equal"}) {
    const Drawn all = drawn(kind, rows_of_test);
    const Tensor targets = (all.scores * 7).sin() + all.target;
    for (const std::string shares : {"even", "last", "not the first"}) {
      const Drawn own = share_of({all.scores, targets}, shares, group->rank(), world);
      metrics::SpearmanCorrCoef whole, metric;
      whole.set_metric_options({.sync_on_compute = false});
      whole.update(all.scores, targets);
      metric.update(own.scores, own.target);
      metrics::set_ranged_bytes(0);
      const auto before = group->counters();
      const Tensor value = metric.compute();
      const auto sent = group->counters() - before;
      const std::string where = kind + " predictions, " + shares;
      expect(at::allclose(value, whole.compute(), 0, 0, /*equal_nan=*/true), "the correlation of " + where);
      expect(sent.collectives <= 9, "eight collectives beside the block, " + where);
      // A pair travels in 8 bytes, and once more, of those in a range, at most 1.3 times its share.
      const double most = 8.0 * static_cast<double>(own.scores.numel()) +
                          8 * 1.3 * rows_of_test / static_cast<double>(world) + 16384 +
                          4096.0 * static_cast<double>(world);
      expect(static_cast<double>(sent.bytes) <= most, "bytes of " + where + ": " + std::to_string(sent.bytes));
    }
  }
}

TEST_CASE("ranges: correlations of ranks, whose pairs travel twice, with ties over several ranges") {
  for (const int64_t world : world_sizes({2, 3, 4})) CHECK(run_workers("ranges_of_ranks", world).ok());
}

/// Scores of `classes` classes, logits or not, and weights that are no integers.
struct DrawnClasses {
  Tensor scores, target, weights;
};

DrawnClasses drawn_classes(int64_t rows, int64_t classes, bool logits) {
  const Tensor index = at::arange(rows * classes, at::kLong);
  Tensor scores = ((index * 7919 + 13).remainder(10007).to(at::kFloat) / 1000 - 5).view({rows, classes});
  if (!logits) scores = scores.softmax(1);
  const Tensor target = (at::arange(rows, at::kLong) * 31).remainder(17).remainder(classes);
  return {scores, target, (at::arange(rows, at::kLong).remainder(5) + 1).to(at::kFloat) * 0.3F};
}

WORKER(ranges_of_classes) {
  const auto group = metrics::init_process_group();
  const int64_t world = group->world_size(), rows = 3000;
  for (const int64_t classes : {int64_t{3}, int64_t{11}}) {
    for (const bool logits : {false, true}) {
      for (const bool weigh : {false, true}) {
        const DrawnClasses all = drawn_classes(rows, classes, logits);
        const int64_t begin = group->rank() * rows / world, end = (group->rank() + 1) * rows / world;
        const std::string where = std::to_string(classes) + " classes, logits " + std::to_string(logits) +
                                  ", weights " + std::to_string(weigh);
        const auto check = [&](auto metric, const std::string& what, int64_t bytes_a_score) {
          auto whole = metric;
          whole.set_metric_options({.sync_on_compute = false});
          const auto update = [&](auto& to, int64_t from, int64_t until) {
            const Tensor weights = all.weights.slice(0, from, until);
            to.update(all.scores.slice(0, from, until), all.target.slice(0, from, until),
                      weigh ? metrics::Rows{.weights = weights} : metrics::Rows{});
          };
          update(whole, 0, rows);
          update(metric, begin, end);
          metrics::set_ranged_bytes(0);
          const auto before = group->counters();
          const auto value = metric.compute();
          const auto sent = group->counters() - before;
          expect(alike(value, whole.compute()), what + " of " + where);
          expect(sent.collectives <= 7, "six collectives beside the block");
          if (classes < world) return;
          // Scores of a column as they are; codes, weights and norms go once to each rank.
          const int64_t most = (end - begin) * (classes * bytes_a_score + world * (4 + 8 + 16)) + 32768;
          expect(sent.bytes <= most, "bytes of " + what + ", " + where + ": " + std::to_string(sent.bytes));
        };
        const metrics::MulticlassAreaOptions each{.num_classes = classes,
                                                  .average = metrics::classification::Average::None};
        check(metrics::MulticlassAUROC(each), "areas", 4);
        check(metrics::MulticlassAveragePrecision(each), "average precisions", 4);
        check(metrics::MulticlassEER({.num_classes = classes}), "equal error rates", 4);
        check(metrics::MulticlassRecallAtFixedPrecision({.num_classes = classes, .min_precision = 0.2}), "recalls",
              logits ? 8 : 4);
        check(metrics::MulticlassSensitivityAtSpecificity({.num_classes = classes, .min_specificity = 0.4}),
              "sensitivities", logits ? 8 : 4);
      }
    }
  }
}

TEST_CASE("ranges: columns of classes travel as wholes") {
  for (const int64_t world : world_sizes({2, 4})) CHECK(run_workers("ranges_of_classes", world).ok());
}

/// Documents of queries, some of which have nothing that is relevant.
struct DrawnDocuments {
  Tensor scores, target, indexes;
};

DrawnDocuments drawn_documents(int64_t rows, int64_t queries) {
  const Tensor index = at::arange(rows, at::kLong), mixed = (index * 7919 + 13).remainder(rows);
  const Tensor indexes = (mixed * 131).remainder(queries) * 1000003 - 7;
  const Tensor target = ((mixed * 31).remainder(17) < 3).logical_and(indexes.remainder(5) != 0).to(at::kLong);
  return {mixed.to(at::kFloat).remainder(97) / 97, target, indexes};
}

WORKER(ranges_of_queries) {
  const auto group = metrics::init_process_group();
  const int64_t world = group->world_size(), rows = 20000;
  const DrawnDocuments all = drawn_documents(rows, 611);
  const int64_t begin = group->rank() * rows / world, end = (group->rank() + 1) * rows / world;
  const auto update = [&](auto& metric, int64_t from, int64_t until, const metrics::Rows& given) {
    metric.update(all.scores.slice(0, from, until), all.target.slice(0, from, until), all.indexes.slice(0, from, until),
                  given);
  };
  const auto check = [&](auto metric, const std::string& what) {
    for (const bool weigh : {false, true}) {
      auto ranged = metric, whole = metric;
      whole.set_metric_options({.sync_on_compute = false});
      const Tensor weights = (all.indexes.remainder(7) + 1).to(at::kDouble);
      const auto rows_of = [&](int64_t from, int64_t until) {
        return weigh ? metrics::Rows{.weights = weights.slice(0, from, until)} : metrics::Rows{};
      };
      update(whole, 0, rows, rows_of(0, rows));
      update(ranged, begin, end, rows_of(begin, end));
      metrics::set_ranged_bytes(0);
      const auto before = group->counters();
      const Tensor value = ranged.compute();
      const auto sent = group->counters() - before;
      expect(alike(value, whole.compute()), what + (weigh ? ", weighted" : ""));
      expect(sent.collectives <= 7, "six collectives beside the block");
      expect(sent.bytes <= (end - begin) * (weigh ? 17 : 9) + 65536, what + ": bytes " + std::to_string(sent.bytes));
    }
  };
  using metrics::retrieval::Aggregation;
  using metrics::retrieval::EmptyTargetAction;
  check(metrics::RetrievalMAP(), "mean average precision");
  check(metrics::RetrievalMAP({.empty_target_action = EmptyTargetAction::Skip}), "without empty queries");
  check(metrics::RetrievalMRR({.aggregation = Aggregation::Median}), "median");
  check(metrics::RetrievalMRR({.empty_target_action = EmptyTargetAction::Skip, .aggregation = Aggregation::Min}),
        "least");
  check(metrics::RetrievalNormalizedDCG({.top_k = 5, .aggregation = Aggregation::Max}), "greatest");
  check(metrics::RetrievalNormalizedDCG({.aggregation = [](const Tensor& values) { return values.quantile(0.3); }}),
        "a function");

  // What is wrong with a query is the same error on all ranks, and the group goes on.
  metrics::RetrievalMAP refusing({.empty_target_action = EmptyTargetAction::Error});
  update(refusing, begin, end, {});
  const auto refused = [](auto& metric) {
    return metrics_test::message_of<metrics::InvalidArgument>([&] { metric.compute(); });
  };
  expect_contains(refused(refusing), " has no relevant document");
  metrics::RetrievalMAP unequal;
  update(unequal, begin, end, {.weights = at::arange(begin, end, at::kDouble) + 1});
  expect_contains(refused(unequal), "all documents of a query carry its weight");

  // Documents with ids are told apart over all ranks, and gathered.
  metrics::RetrievalMAP twice, once;
  once.set_metric_options({.sync_on_compute = false});
  const Tensor ids = at::arange(rows, at::kLong);
  update(once, 0, rows, {.ids = ids});
  update(twice, 0, rows, {.ids = ids});
  expect(alike(twice.compute(), once.compute()), "each sample once");
}

TEST_CASE("ranges: documents travel to the rank that has their query") {
  for (const int64_t world : world_sizes({2, 3})) CHECK(run_workers("ranges_of_queries", world).ok());
}

// Sanitizers have memory of their own.
#ifdef METRICS_SANITIZED
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

int64_t kilobytes_of(const std::string& name) {
  std::ifstream file("/proc/self/status");
  for (std::string word; file >> word;) {
    int64_t size = 0;
    if (word == name + ":" && file >> size) return size;
  }
  return 0;
}

WORKER(memory_of_ranges) {
  ::mallopt(M_MMAP_THRESHOLD, 1 << 20);
  const auto group = metrics::init_process_group();
  constexpr int64_t rows = 6000000;
  metrics::BinaryAUROC metric;
  {
    const metrics::Draws draws(static_cast<uint64_t>(group->rank()), 0);
    Tensor scores = at::empty({rows}, at::kFloat);
    for (int64_t i = 0; i < rows; ++i) scores.mutable_data_ptr<float>()[i] = static_cast<float>(draws.uniform(i));
    metric.update(scores, scores > 0.5);
  }
  std::ofstream("/proc/self/clear_refs") << 5;  // the most memory so far is what there is now
  const int64_t before = kilobytes_of("VmHWM");
  metric.compute();
  // Sorting takes twice a key of 4 bytes; beside either half no third thing as large is there.
  const double bytes = 1024 * static_cast<double>(kilobytes_of("VmHWM") - before) / rows;
  expect(bytes < 11, "8 bytes a row beside the states, and some, not " + std::to_string(bytes));
}

TEST_CASE("ranges: what is sorted and what travels does not lie beside one another" * doctest::skip(sanitized)) {
  CHECK(run_workers("memory_of_ranges", 2).ok());
}

WORKER(ranges_for_values) {
  const auto group = metrics::init_process_group();
  metrics::set_ranged_bytes(0);
  const Drawn all = drawn("random", 1000);
  const Drawn own = share_of(all, "even", group->rank(), group->world_size());
  metrics::BinaryAUROC area, whole;
  whole.set_metric_options({.sync_on_compute = false});
  updated(whole, all);
  updated(area, own);
  metrics::synchronize_values(std::array<metrics::Metric*, 1>{&area});
  const auto before = group->counters();
  expect(alike(area.compute(), whole.compute()), "the value over all ranks");
  expect((group->counters() - before).collectives == 0, "nobody asked");
  expect_contains(metrics_test::message_of<metrics::Error>([&] { area.metric_state(); }),
                  "rows have stayed on their ranks");
  area.persistent(true);
  expect_contains(metrics_test::message_of<metrics::Error>([&] { area.state_dict(); }), "rows have stayed");
  area.unsync();
  const auto kept = area.metric_state();
  expect(std::get<std::vector<Tensor>>(kept.at("preds")).front().numel() == own.scores.numel(), "local rows");
}

TEST_CASE("ranges: metrics that are synchronised for their values keep their rows apart until unsync") {
  CHECK(run_workers("ranges_for_values", 2).ok());
}

WORKER(ranges_that_fail) {
  const auto group = metrics::init_process_group({.timeout = metrics_test::long_timeout});
  metrics::set_ranged_bytes(0);
  const std::string at = std::getenv("METRICS_TEST_FAILS_AT");
  metrics::MetricOf<MedianError> metric;
  metric.update(at::arange(100, at::kFloat), at::zeros({100}));
  if (group->rank() == 1) {
    fails_at = at == "facts"   ? FailsAt::Facts
               : at == "rows"  ? FailsAt::Rows
               : at == "range" ? FailsAt::Range
                               : FailsAt::Memory;
  }
  bool threw = false;
  try {
    metric.compute();
  } catch (const metrics::Error& error) {
    threw = true;
    if (group->rank() == 1) expect_contains(error.what(), "no ");
  } catch (const std::bad_alloc&) {
    threw = group->rank() == 1;
  }
  expect(threw, "an error on every rank");
  expect(std::get<std::vector<Tensor>>(metric.metric_state().at("errors")).front().numel() == 100,
         "local states as they were");
}

TEST_CASE("ranges: a rank that fails in the exchange is an error on all, and states stay") {
  for (const char* at : {"facts", "rows", "range", "memory"}) {
    CHECK(run_workers("ranges_that_fail", 2, {{"METRICS_TEST_FAILS_AT", at}}).ok());
  }
}

WORKER(ranges_of_the_dead) {
  const auto group = metrics::init_process_group({.timeout = metrics_test::long_timeout});
  metrics::set_ranged_bytes(0);
  metrics::MetricOf<MedianError> metric;
  metric.update(at::arange(100, at::kFloat), at::zeros({100}));
  if (group->rank() == 1) fails_at = FailsAt::Death;
  sync_error_of([&] { metric.compute(); });
  expect(std::get<std::vector<Tensor>>(metric.metric_state().at("errors")).front().numel() == 100,
         "local states as they were");
}

TEST_CASE("ranges: a rank that is killed in the middle of the exchange is an error on the others, and states stay") {
  for (const int64_t world : world_sizes({2, 3})) {
    check_survived(run_workers("ranges_of_the_dead", world, {}, /*keep_going=*/true), {1});
  }
}
