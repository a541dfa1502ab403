#include "worker.h"
#include <metrics/core/define.h>
#include <metrics/core/errors.h>
#include <metrics/distributed/process_group.h>
#include <metrics/distributed/synchronize.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <limits>
#include <string>
#include <thread>
#include <vector>

namespace {

using at::Tensor;
using metrics::CommunicationCounters;
using metrics::init_process_group;
using metrics::Metric;
using metrics::MetricOf;
using metrics::MetricOptions;
using metrics::NoOptions;
using metrics::ProcessGroup;
using metrics::Reduction;
using metrics::States;
using metrics::SyncError;
using metrics::SyncItem;
using metrics::distributed::LaunchResult;
using metrics_test::check_survived;
using metrics_test::die;
using metrics_test::expect;
using metrics_test::expect_contains;
using metrics_test::long_timeout;
using metrics_test::max_world_size;
using metrics_test::run_workers;
using metrics_test::short_timeout;
using metrics_test::sync_error_of;
using metrics_test::world_sizes;
using namespace std::string_view_literals;

constexpr int64_t block_bytes = 16 * 1024;

/// Four counters of `size` classes.
struct CountersDefinition {
  static constexpr std::string_view name = "Counters";
  struct Options {
    int64_t size = 10;
    static constexpr auto fields() { return metrics::fields<&Options::size>(); }
  };
  static constexpr std::array inputs{"value"sv};
  static constexpr metrics::MetricTraits traits{};
  static void declare(States& states, const Options& options) {
    for (const char* part : {"tp", "fp", "tn", "fn"})
      states.add(part, Reduction::Sum, at::zeros({options.size}, at::kLong));
  }
  static void update(States& states, const Options&, const Tensor& value) {
    for (auto& state : states) state.add(value.to(at::kLong));
  }
  static Tensor finalise(const States& states, const Options&) { return states["tp"].tensor() + states["fp"].tensor(); }
};
using Counters = MetricOf<CountersDefinition>;

/// One state of each reduction, of `size` elements where it does not grow.
struct EverythingDefinition {
  static constexpr std::string_view name = "Everything";
  struct Options {
    int64_t size = 3;
    static constexpr auto fields() { return metrics::fields<&Options::size>(); }
  };
  static constexpr std::array inputs{"value"sv};
  static constexpr metrics::MetricTraits traits{};
  static void declare(States& states, const Options& options) {
    const double infinity = std::numeric_limits<double>::infinity();
    states.add("count", Reduction::Sum, at::zeros({options.size}, at::kLong));
    states.add("total", Reduction::Sum, at::zeros({options.size}, at::kDouble));
    states.add("mean", Reduction::Mean, at::zeros({options.size}, at::kDouble));
    states.add("lowest", Reduction::Min, at::full({options.size}, infinity, at::kFloat));
    states.add("highest", Reduction::Max, at::full({options.size}, -infinity, at::kDouble));
    states.add("least", Reduction::Min, at::full({options.size}, 1000, at::kInt));
    states.add("rows", Reduction::Cat);
    states.add("items", Reduction::List);
  }
  static void update(States& states, const Options&, const Tensor& value) {
    states["count"].add(value.to(at::kLong));
    states["total"].add(value.to(at::kDouble) / 3);
    states["mean"].average(value.to(at::kDouble) / 7, states.update_count());
    states["lowest"].lower(value);
    states["highest"].raise(value);
    states["least"].lower(value.nan_to_num().to(at::kInt));
    states["rows"].append(value.slice(0, 0, 4).reshape({-1, 1}).expand({-1, 2}));
    states["items"].append_item(value.slice(0, 0, states.update_count() % 3));
  }
  static Tensor finalise(const States& states, const Options&) { return states["total"].tensor(); }
};
using Everything = MetricOf<EverythingDefinition>;

/// Mean and squared distance from it, of each of `size` columns, by Chan's merge; rowwise where columns are rows.
template <bool rowwise>
struct MomentsDefinition {
  static constexpr std::string_view name = rowwise ? "RowMoments" : "Moments";
  struct Options {
    int64_t size = 3;
    static constexpr auto fields() { return metrics::fields<&Options::size>(); }
  };
  static constexpr std::array inputs{"value"sv};
  static constexpr metrics::MetricTraits traits{.merges_rowwise = rowwise};
  static void declare(States& states, const Options& options) {
    states.add("count", Reduction::Own, at::zeros({}, at::kDouble));
    states.add("mean", Reduction::Own, at::zeros({options.size}, at::kDouble));
    states.add("squares", Reduction::Own, at::zeros({options.size}, at::kDouble));
  }
  static void update(States& states, const Options& options, const Tensor& value) {
    States batch = states.fresh();
    batch["count"].set(at::ones({}, at::kDouble));
    batch["mean"].set(value.to(at::kDouble));
    merge(states, batch, options);
  }
  static void merge(States& into, const States& from, const Options&) {
    const Tensor n = into["count"].tensor(), m = from["count"].tensor();
    if (m.item<double>() == 0) return;
    if (n.item<double>() > 0 && from["mean"].tensor().isnan().any().item<bool>()) throw metrics::Error("a mean is NaN");
    const Tensor distance = from["mean"].tensor() - into["mean"].tensor();
    into["squares"].set(into["squares"].tensor() + from["squares"].tensor() + distance.square() * n * m / (n + m));
    into["mean"].set(into["mean"].tensor() + distance * m / (n + m));
    into["count"].set(n + m);
  }
  static Tensor finalise(const States& states, const Options&) {
    return states["squares"].tensor() / states["count"].tensor();
  }
};
using Moments = MetricOf<MomentsDefinition<false>>;
using RowMoments = MetricOf<MomentsDefinition<true>>;

/// The distinct values seen: a state whose shape is decided by the data.
struct DistinctDefinition {
  static constexpr std::string_view name = "Distinct";
  using Options = NoOptions;
  static constexpr std::array inputs{"value"sv};
  static constexpr metrics::MetricTraits traits{};
  static void declare(States& states, const Options&) { states.add("seen", Reduction::Own, at::zeros({0}, at::kLong)); }
  static void update(States& states, const Options&, const Tensor& value) {
    states["seen"].set(std::get<0>(at::_unique(at::cat({states["seen"].tensor(), value}))));
  }
  static void merge(States& into, const States& from, const Options& options) {
    update(into, options, from["seen"].tensor());
  }
  static Tensor finalise(const States& states, const Options&) { return states["seen"].tensor(); }
};
using Distinct = MetricOf<DistinctDefinition>;

/// Rows as they come.
struct RowsDefinition {
  static constexpr std::string_view name = "KeptRows";
  static constexpr bool takes_complex = true;
  using Options = NoOptions;
  static constexpr std::array inputs{"value"sv};
  static constexpr metrics::MetricTraits traits{};
  static void declare(States& states, const Options&) { states.add("rows", Reduction::Cat); }
  static void update(States& states, const Options&, const Tensor& value) {
    if (value.numel() == 1 && value.is_floating_point() && value.item<double>() == -1)
      throw metrics::InvalidArgument("KeptRows: -1");
    states["rows"].append(value);
  }
  static Tensor finalise(const States& states, const Options&) {
    return states["rows"].tensor().defined() ? states["rows"].tensor() : at::empty({0});
  }
};
using KeptRows = MetricOf<RowsDefinition>;

/// A sum through which gradients flow.
struct GraphSumDefinition {
  static constexpr std::string_view name = "GraphSum";
  using Options = NoOptions;
  static constexpr std::array inputs{"value"sv};
  static constexpr metrics::MetricTraits traits{.is_differentiable = true};
  static void declare(States& states, const Options&) { states.add("sum", Reduction::Sum, at::zeros({}, at::kDouble)); }
  static void update(States& states, const Options&, const Tensor& value) {
    states["sum"].add(value.to(at::kDouble).square().sum());
  }
  static Tensor finalise(const States& states, const Options&) { return states["sum"].tensor(); }
};
using GraphSum = MetricOf<GraphSumDefinition>;

/// One that fails on one rank while it prepares to synchronise.
class Failing : public Counters {
 public:
  explicit Failing(bool fails) : Counters(Options{}), fails_(fails) {}

 protected:
  std::string describe_options() const override {
    if (fails_) throw metrics::Error("no options to tell");
    return Counters::describe_options();
  }

 private:
  bool fails_;
};

/// Values that differ by rank and step, some of them NaN where asked.
Tensor values(int64_t size, int64_t rank, int64_t step, bool with_nan = false) {
  Tensor value = (at::arange(size, at::kLong) * 37 + rank * 101 + step * 17).remainder(211).to(at::kFloat) - 50;
  if (with_nan) value.index_put_({(at::arange(size, at::kLong) + rank).remainder(5) == 0}, std::nan(""));
  return value;
}

/// Equal to the last bit, NaN equal to NaN.
bool same(const Tensor& a, const Tensor& b) {
  if (a.defined() != b.defined()) return false;
  return !a.defined() || (a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes() &&
                          (at::equal(a, b) || (a.is_floating_point() && at::equal(a.isnan(), b.isnan()) &&
                                               at::equal(a.nan_to_num(), b.nan_to_num()))));
}

void expect_same_states(const States& a, const States& b) {
  expect(a.update_count() == b.update_count(),
         "the update counts " + std::to_string(b.update_count()) + ", not " + std::to_string(a.update_count()));
  for (std::size_t s = 0; s < a.size(); ++s) {
    expect(same(a.at(s).tensor(), b.at(s).tensor()), "equal values of " + a.at(s).name());
    expect(std::ranges::equal(a.at(s).item_ends(), b.at(s).item_ends()), "equal boundaries of " + a.at(s).name());
    if (a.at(s).compensated())
      expect(at::allclose(a.at(s).residual(), b.at(s).residual(), 1e-6, 1e-25), "equal residuals of " + a.at(s).name());
  }
}

/// Number of updates of a rank: uneven, none on rank 1.
int64_t steps_of(int64_t rank) {
  return rank == 1 ? 0 : 2 + rank;
}

/// The metric as rank `rank` has it.
template <class M>
M filled(int64_t size, int64_t rank) {
  M metric({.size = size});
  for (int64_t step = 0; step < steps_of(rank); ++step) metric.update(values(size, rank, step));
  return metric;
}

/// The metrics of all ranks merged by one process.
template <class M>
M merged_here(int64_t size, int64_t world) {
  M metric({.size = size});
  for (int64_t rank = 0; rank < world; ++rank) metric.merge(filled<M>(size, rank));
  return metric;
}

CommunicationCounters counted(const ProcessGroup& group, const std::function<void()>& call) {
  const auto before = group.counters();
  call();
  return group.counters() - before;
}

void expect_collectives(const ProcessGroup& group, int64_t expected, const std::function<void()>& call) {
  const auto counters = counted(group, call);
  expect(counters.collectives == expected,
         std::to_string(expected) + " collectives, not " + std::to_string(counters.collectives));
}

template <class M>
void expect_merged_as_here(const ProcessGroup& group, int64_t size) {
  const M expected = merged_here<M>(size, group.world_size());
  M metric = filled<M>(size, group.rank());
  metric.sync();
  expect_same_states(expected.states(), metric.states());
  metric.unsync();
  expect_same_states(filled<M>(size, group.rank()).states(), metric.states());
}

}  // namespace

WORKER(sync_small_states) {
  const auto group = init_process_group({.timeout = long_timeout});
  expect_collectives(*group, 1, [&] { expect_merged_as_here<Everything>(*group, 3); });
  expect_collectives(*group, 1, [&] { expect_merged_as_here<Counters>(*group, 10); });
  expect_collectives(*group, 1, [&] { expect_merged_as_here<Moments>(*group, 5); });
  expect_collectives(*group, 1, [&] { expect_merged_as_here<RowMoments>(*group, 5); });

  // Ten metrics of four states each.
  std::vector<Counters> metrics;
  std::vector<Metric*> pointers;
  for (int64_t i = 0; i < 10; ++i) metrics.push_back(filled<Counters>(10, group->rank()));
  for (auto& metric : metrics) pointers.push_back(&metric);
  const auto counters = counted(*group, [&] { metrics::synchronize(pointers); });
  expect(counters == CommunicationCounters{.collectives = 1, .bytes = block_bytes}, "one block for forty states");
  const Counters expected = merged_here<Counters>(10, group->world_size());
  for (const auto& metric : metrics) expect_same_states(expected.states(), metric.states());
  expect_collectives(*group, 0, [&] { metrics[3].compute(); });
}

TEST_CASE("synchronise: small states take one collective, whatever their number and kind") {
  for (const int64_t world : world_sizes({1, 2, 3})) check_survived(run_workers("sync_small_states_or_alone", world));
}

WORKER(sync_small_states_or_alone) {
  if (std::getenv("WORLD_SIZE") != std::string("1")) return worker_sync_small_states();
  const auto group = init_process_group();
  const Everything metric = filled<Everything>(3, 0);
  const SyncItem item{&metric, &metric.states(), true};
  expect_same_states(metric.states(), *group->synchronise({&item, 1}).front().merged);
  expect(group->counters().collectives == 0, "nothing sent");
}

WORKER(one_metric_named_twice) {
  const auto group = init_process_group({.timeout = long_timeout});
  Counters metric = filled<Counters>(3, group->rank());
  metrics::synchronize(metric, metric);
  expect_same_states(merged_here<Counters>(3, 2).states(), metric.states());
  metric.unsync();
  expect_same_states(filled<Counters>(3, group->rank()).states(), metric.states());
}

TEST_CASE("synchronize: a metric that is named twice is one metric") {
  check_survived(run_workers("one_metric_named_twice", 2));
}

WORKER(sync_medium_states) {
  const auto group = init_process_group({.timeout = long_timeout});
  // Beyond the block, below what counts as large: one gather more.
  expect_collectives(*group, 2, [&] { expect_merged_as_here<Counters>(*group, 4000); });
  expect_collectives(*group, 2, [&] { expect_merged_as_here<Everything>(*group, 4000); });
  expect_collectives(*group, 2, [&] { expect_merged_as_here<Moments>(*group, 4000); });
}

TEST_CASE("synchronise: states beyond the block take one collective more") {
  for (const int64_t world : world_sizes({2, 3})) check_survived(run_workers("sync_medium_states", world));
}

WORKER(sync_large_states) {
  const auto group = init_process_group({.timeout = long_timeout});
  constexpr int64_t size = 20001;
  // The block; an allreduce.
  expect_collectives(*group, 2, [&] { expect_merged_as_here<Counters>(*group, size); });
  // The block; a gather for what grows; allreduces for sums, float minima, double maxima, with int minima among the
  // float ones; alltoall and gather for float sums and means.
  expect_collectives(*group, 7, [&] { expect_merged_as_here<Everything>(*group, size); });
  // The block, the payload whole.
  expect_collectives(*group, 2, [&] { expect_merged_as_here<Moments>(*group, size); });
  // The block, the small count, alltoall and gather.
  expect_collectives(*group, 4, [&] { expect_merged_as_here<RowMoments>(*group, size); });

  // More metrics of the same kinds take no more collectives.
  auto everything = filled<Everything>(size, group->rank());
  auto more = filled<Everything>(size + 3, group->rank());
  auto counters = filled<Counters>(size, group->rank());
  auto moments = filled<RowMoments>(size, group->rank());
  expect_collectives(*group, 7, [&] { metrics::synchronize(everything, more, counters, moments); });
  expect_same_states(merged_here<Everything>(size, group->world_size()).states(), everything.states());
  expect_same_states(merged_here<Everything>(size + 3, group->world_size()).states(), more.states());
  expect_same_states(merged_here<Counters>(size, group->world_size()).states(), counters.states());
  expect_same_states(merged_here<RowMoments>(size, group->world_size()).states(), moments.states());
}

TEST_CASE("synchronise: large states by their kinds, never by the number of metrics") {
  for (const int64_t world : world_sizes({2, 3})) check_survived(run_workers("sync_large_states", world));
}

WORKER(sync_nan) {
  const auto group = init_process_group({.timeout = long_timeout});
  for (const int64_t size : {5, 30001}) {
    Everything metric({.size = size});
    Everything expected({.size = size});
    metric.update(values(size, group->rank(), 0, true));
    for (int64_t rank = 0; rank < group->world_size(); ++rank) {
      Everything theirs({.size = size});
      theirs.update(values(size, rank, 0, true));
      expected.merge(theirs);
    }
    metric.sync();
    for (const char* state : {"total", "lowest", "highest", "mean"})
      expect(same(expected.states()[state].tensor(), metric.states()[state].tensor()), std::string("equal ") + state);
    expect(metric.states()["lowest"].tensor().isnan().any().item<bool>(), "NaN that wins");
  }
}

WORKER(sync_shapes_of_the_data) {
  const auto group = init_process_group({.timeout = long_timeout});
  // Small ones inside the block, others gathered.
  for (const int64_t size : {4, 20000}) {
    Distinct metric;
    const auto compute_is = [&](int64_t expected) {
      expect(at::equal(metric.compute(), at::arange(expected)), std::to_string(expected) + " distinct values");
    };
    // Their layouts are agreed on before or after their shapes differ.
    if (size == 4) compute_is(0);
    if (group->rank() == 1) metric.update(at::arange(size));
    compute_is(size);
    if (group->rank() == 0) metric.update(at::arange(size / 2, size + 3));
    compute_is(size + 3);
  }
}

TEST_CASE("synchronise: own states whose shape differs between ranks") {
  check_survived(run_workers("sync_shapes_of_the_data", 2));
}

WORKER(sync_many_rows) {
  const auto group = init_process_group();
  KeptRows metric;
  // More than is sent to all at once: Gloo's own allgather takes it.
  constexpr int64_t rows = 300000;
  metric.update(at::full({rows}, static_cast<double>(group->rank() + 1), at::kFloat));
  const Tensor all = metric.compute();
  expect(all.numel() == rows * group->world_size(), "all ranks' rows");
  for (int64_t rank = 0; rank < group->world_size(); ++rank)
    expect(all.slice(0, rank * rows, (rank + 1) * rows).eq(rank + 1).all().item<bool>(), "rows in rank order");
}

TEST_CASE("synchronise: rows by the megabyte come in rank order") {
  for (const int64_t world : world_sizes({2, 3})) check_survived(run_workers("sync_many_rows", world));
}

TEST_CASE("synchronise: NaN wins minima and maxima, small and large") {
  check_survived(run_workers("sync_nan", 2));
}

WORKER(sync_dtypes) {
  const auto group = init_process_group({.timeout = long_timeout});
  const int64_t rank = group->rank();
  const auto gathered = [&](const Tensor& mine) {
    KeptRows metric({}, {.compute_with_cache = false});
    if (mine.defined()) metric.update(mine);
    metric.sync();
    return metric.states()["rows"].tensor();
  };
  for (const at::ScalarType dtype : {at::kBool, at::kByte, at::kChar, at::kShort, at::kInt, at::kLong, at::kHalf,
                                     at::kBFloat16, at::kFloat, at::kDouble, at::kComplexFloat, at::kComplexDouble}) {
    for (const int64_t rows : {3, 9001}) {
      const Tensor mine = (at::arange(rows * 2, at::kLong) + rank).remainder(2).to(dtype).reshape({rows, 2});
      const Tensor theirs = (at::arange(rows * 2, at::kLong) + 1 - rank).remainder(2).to(dtype).reshape({rows, 2});
      expect(same(gathered(mine), rank == 0 ? at::cat({mine, theirs}) : at::cat({theirs, mine})),
             std::string("rows of ") + c10::toString(dtype));
    }
  }
  const auto one = [](at::ScalarType dtype) { return at::ones({1}, dtype); };
  const auto pair = [&](at::ScalarType first, at::ScalarType second) {
    return gathered(one(rank == 0 ? first : second));
  };
  expect(same(pair(at::kFloat, at::kDouble), at::ones({2}, at::kDouble)), "the wider floating dtype");
  expect(same(pair(at::kBFloat16, at::kFloat), at::ones({2}, at::kFloat)), "the wider floating dtype of rank 1");
  expect(same(pair(at::kInt, at::kByte), at::ones({2}, at::kLong)), "int64 for integers that differ");
  expect(same(pair(at::kComplexFloat, at::kComplexDouble), at::ones({2}, at::kComplexDouble)), "the wider complex");
  expect(same(gathered(rank == 0 ? one(at::kHalf) : Tensor()), at::ones({1}, at::kHalf)), "the dtype of who has rows");
  expect(same(gathered(rank == 0 ? at::empty({0, 4}, at::kInt) : one(at::kHalf)), at::ones({1}, at::kHalf)),
         "no say for a rank without rows");
  expect(!gathered(rank == 1 ? at::empty({0, 4}, at::kInt) : Tensor()).defined(), "nothing where nobody has a row");
  expect(!gathered({}).defined(), "nothing where nobody has anything");
}

TEST_CASE("synchronise: every dtype, those that unify, and ranks without data") {
  check_survived(run_workers("sync_dtypes", 2));
}

/// The message that every rank gets, after which states stand as they were and the group works on.
std::string disagreement(const ProcessGroup& group, Metric& metric, std::string_view metric_name,
                         std::string_view state, const std::vector<int64_t>& ranks) {
  const int64_t updates = metric.update_count();
  std::string message;
  try {
    metric.sync();
  } catch (const SyncError& error) {
    message = error.what();
    expect(error.metric() == metric_name, "metric " + std::string(metric_name) + ", not " + error.metric());
    expect(error.state() == state, "state " + std::string(state) + ", not " + error.state());
    expect(error.ranks() == ranks, "the ranks that differ in: " + message);
  }
  expect(!message.empty(), "a SyncError");
  expect(!group.broken() && !metric.is_synced() && metric.update_count() == updates, "a sound group and metric");
  return message;
}

WORKER(sync_disagreements) {
  const auto group = init_process_group({.timeout = long_timeout});
  const bool odd = group->rank() == 2;
  const auto rows = [&](const Tensor& mine) {
    KeptRows metric;
    metric.update(mine);
    const std::string message = disagreement(*group, metric, "KeptRows", "rows", {2});
    expect(same(metric.states()["rows"].tensor(), mine), "the local rows");
    return message;
  };
  std::string message = rows(odd ? at::ones({2}, at::kLong) : at::ones({2}, at::kFloat));
  expect_contains(message, "KeptRows(), state `rows`: rank 0 holds Float rows of shape [], rank 2 holds Long rows");
  expect_contains(rows(odd ? at::ones({2}, at::kComplexFloat) : at::ones({2}, at::kFloat)), "ComplexFloat");
  message = rows(odd ? at::ones({2, 4}) : at::ones({2, 3}));
  expect_contains(message, "shape [3], rank 2 holds Float rows of shape [4]");

  Counters sized({.size = odd ? 11 : 10});
  message = disagreement(*group, sized, "Counters", "", {2});
  expect_contains(message, "ranks 0, 1 have Counters(size=10) made at synchronize_test.cpp:");
  expect_contains(message, ", rank 2 has Counters(size=11) made at synchronize_test.cpp:");
  Counters counters({.size = 10});
  counters.set_dtype(odd ? at::kDouble : at::kFloat);
  message = disagreement(*group, counters, "Counters", "", {2});
  expect_contains(message, "Counters(size=10) made at synchronize_test.cpp:");
  expect_contains(message, ": the ranks have different dtypes (set_dtype): ranks 0, 1 have Float, rank 2 has Double");
  counters.set_dtype(at::kFloat);
  Everything everything({.size = 10});
  message = disagreement(*group, odd ? static_cast<Metric&>(everything) : counters, "Counters", "", {2});
  expect_contains(message, "rank 2 has Everything(size=10)");

  std::vector<Metric*> metrics{&counters, &everything};
  if (odd) metrics.pop_back();
  message = sync_error_of([&] { metrics::synchronize(metrics); });
  expect_contains(message, "ranks 0, 1 have Everything(size=10) made at synchronize_test.cpp:");
  expect_contains(message, ", rank 2 has no metric there");
  Failing failing(odd);
  message = disagreement(*group, failing, "", "", {2});
  expect_contains(message, "rank 2 failed while preparing to synchronise: no options to tell");
  expect_merged_as_here<Counters>(*group, 10);
}

TEST_CASE("synchronise: a disagreement is an error on every rank that names metric, state and ranks" *
          doctest::skip(max_world_size() < 3)) {
  check_survived(run_workers("sync_disagreements", 3));
}

WORKER(sync_failing_merges) {
  const auto group = init_process_group({.timeout = long_timeout});
  RowMoments metric({.size = 30000});
  // NaN in the slice that rank 1 folds.
  Tensor value = at::ones({30000});
  if (group->rank() == 1) value[29999] = std::nan("");
  metric.update(value);
  const std::string message = sync_error_of([&] { metric.sync(); });
  expect_contains(message, "rank 1 failed while merging states: RowMoments: a mean is NaN");
  expect(!group->broken(), "a sound group");
  expect_merged_as_here<RowMoments>(*group, 30000);
}

TEST_CASE("synchronise: a merge that fails on one rank is an error on all") {
  check_survived(run_workers("sync_failing_merges", 2));
}

WORKER(sync_many_states) {
  const auto group = init_process_group({.timeout = long_timeout});
  std::vector<Counters> metrics;
  std::vector<Metric*> pointers;
  for (int64_t i = 0; i < 1500; ++i) metrics.push_back(filled<Counters>(2, group->rank()));
  for (auto& metric : metrics) pointers.push_back(&metric);
  // The block, the tables, the payload.
  expect_collectives(*group, 3, [&] { metrics::synchronize(pointers); });
  const Counters expected = merged_here<Counters>(2, group->world_size());
  for (const auto& metric : metrics) expect_same_states(expected.states(), metric.states());
}

TEST_CASE("synchronise: thousands of states, whose very description is beyond the block") {
  check_survived(run_workers("sync_many_states", 2));
}

WORKER(dirty_flags) {
  const auto group = init_process_group({.timeout = long_timeout});
  Counters metric({.size = 2});
  metric.update(at::full({2}, group->rank() + 1, at::kLong));
  Tensor value;
  const auto expect_value = [&](int64_t expected) {
    expect(at::equal(value, at::full({2}, expected, at::kLong)), "the value " + std::to_string(expected));
  };
  expect_collectives(*group, 1, [&] { value = metric.compute(); });
  expect_value(6);
  expect_collectives(*group, 1, [&] { value = metric.compute(); });
  expect_value(6);
  // One rank alone goes on: the other's cached value stands no more.
  if (group->rank() == 1) metric.update(at::full({2}, 10, at::kLong));
  expect_collectives(*group, 1, [&] { value = metric.compute(); });
  expect_value(26);

  // Large states travel only where somebody is dirty.
  Counters large({.size = 20000});
  large.update(at::ones({20000}, at::kLong));
  expect_collectives(*group, 2, [&] { large.compute(); });
  expect_collectives(*group, 1, [&] { large.compute(); });
  const SyncItem clean{&large, &large.states(), false};
  const SyncItem dirty{&metric, &metric.states(), true};
  const std::vector<SyncItem> items{clean, dirty};
  const auto results = group->synchronise(items);
  expect(!results[0].merged && results[1].merged, "states for the dirty metric alone");
}

TEST_CASE("synchronise: a cached value is used only where all ranks are clean") {
  check_survived(run_workers("dirty_flags", 2));
}

WORKER(sync_in_subgroup) {
  const auto world = init_process_group({.timeout = long_timeout});
  const auto pair = world->new_group({0, 2});
  Counters of_pair({.size = 1}, MetricOptions{.process_group = pair});
  Counters of_world({.size = 1});
  const Tensor mine = at::full({1}, world->rank() + 1, at::kLong);
  of_world.update(mine);
  if (pair->is_member()) {
    of_pair.update(mine);
    expect(of_pair.compute().item<int64_t>() == 8, "the pair's value");
    expect(pair->counters().collectives == 1 && world->counters().collectives == 0, "collectives of the pair alone");
    if (world->rank() == 0) of_pair.update(mine);
  }
  expect(of_world.compute().item<int64_t>() == 12, "the world's value");
  if (pair->is_member())
    metrics::synchronize(of_world, of_pair);
  else
    metrics::synchronize(of_world);
  expect(of_world.compute().item<int64_t>() == 12, "the world's value again");
  if (pair->is_member()) expect(of_pair.compute().item<int64_t>() == 10, "the pair's value again");
}

TEST_CASE("synchronise: subgroups, and metrics of several groups at once" * doctest::skip(max_world_size() < 3)) {
  check_survived(run_workers("sync_in_subgroup", 3));
}

WORKER(gradients_to_the_local_share) {
  const auto group = init_process_group({.timeout = long_timeout});
  GraphSum metric({}, MetricOptions{.dist_sync_on_step = true});
  const Tensor value = at::full({2}, group->rank() + 2.0).requires_grad_();
  const Tensor over_ranks = metric.forward(value);
  expect(over_ranks.item<double>() == 2 * (4 + 9), "the value over ranks");
  over_ranks.backward();
  expect(at::equal(value.grad(), 2 * value.detach()), "the gradient of the local share");
  expect(!metric.states()["sum"].tensor().requires_grad(), "accumulated states without a graph");
  expect(metric.compute().item<double>() == 26, "the value accumulated");
}

TEST_CASE("synchronise: gradients flow to the local share") {
  check_survived(run_workers("gradients_to_the_local_share", 2));
}

WORKER(sync_in_inference_mode) {
  const auto group = init_process_group({.timeout = long_timeout});
  Counters metric({.size = 2});
  Tensor value;
  {
    const c10::InferenceMode inference;
    metric.update(at::full({2}, 1, at::kLong));
    value = metric.compute();
  }
  metric.update(at::full({2}, 1, at::kLong));
  expect(metric.compute().reshape(-1)[0].item<int64_t>() == 8, "states that can be changed outside inference mode");
}

TEST_CASE("synchronise: in inference mode") {
  check_survived(run_workers("sync_in_inference_mode", 2));
}

WORKER(update_that_throws) {
  const auto group = init_process_group({.timeout = long_timeout});
  KeptRows metric;
  metric.update(at::full({1}, static_cast<double>(group->rank())));
  if (group->rank() == 1) {
    bool thrown = false;
    try {
      metric.update(at::full({1}, -1.0));
    } catch (const metrics::InvalidArgument&) {
      thrown = true;
    }
    expect(thrown, "an update that throws");
  }
  expect(same(metric.compute(), at::arange(2).to(at::kFloat)), "the value over the committed batches");
}

TEST_CASE("faults: a rank whose update threw takes part with the batches it committed") {
  check_survived(run_workers("update_that_throws", 2));
}

/// What a rank can still do alone: its own value.
void expect_local_value(Counters& metric, int64_t expected) {
  MetricOptions alone = metric.metric_options();
  alone.sync_on_compute = false;
  metric.set_metric_options(alone);
  expect(metric.compute().reshape(-1)[0].item<int64_t>() == expected, "the local value");
}

WORKER(compute_alone) {
  auto group = init_process_group({.timeout = short_timeout});
  Counters metric({.size = 1});
  metric.update(at::full({1}, group->rank() + 1, at::kLong));
  if (group->rank() == 0) {
    const std::string message = sync_error_of([&] { metric.compute(); });
    expect_contains(message, "a compute");
    expect_contains(message, "that only some ranks called");
    expect(group->broken(), "a broken group");
    expect_contains(sync_error_of([&] { metric.compute(); }), "broken by an earlier failure");
  } else {
    std::this_thread::sleep_for(short_timeout + std::chrono::milliseconds(500));
  }
  group = init_process_group({.timeout = long_timeout});
  expect(metric.compute().item<int64_t>() == 6, "the value over a new group");
  group.reset();
  expect(metric.update_count() == 1, "local states as they were");
  if (group == nullptr) metric.update(at::zeros({1}, at::kLong));
  expect(metric.compute().item<int64_t>() == 2 * (std::stoll(std::getenv("RANK")) + 1),
         "the local value without a group");
}

TEST_CASE("faults: one rank computes alone; the group is broken, a new one works, and none is no error") {
  check_survived(run_workers("compute_alone", 2));
}

WORKER(killed_around_a_sync) {
  const std::string when = std::getenv("WHEN");
  const auto group = init_process_group({.timeout = long_timeout});
  const bool victim = group->rank() == std::stoll(std::getenv("VICTIM"));
  // Large enough for the death to come in the middle of its collectives.
  const int64_t size = when == "during" ? 8'000'000 : 10;
  Counters metric({.size = size});
  metric.update(at::ones({size}, at::kLong));
  if (when == "before") {
    // Nobody dies before all have met, and have heard that they have.
    group->barrier();
    if (victim) {
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      die();
    }
  }
  if (when == "during") {
    std::thread killer;
    if (victim)
      killer = std::thread([] {
        std::this_thread::sleep_for(std::chrono::milliseconds(40));
        die();
      });
    const std::string message = sync_error_of([&] {
      for (;;) metric.sync(), metric.unsync();
    });
    if (killer.joinable()) killer.join();
    expect_contains(message, "another rank has died");
    return expect_local_value(metric, 2);
  }
  if (when == "after") {
    metric.compute();
    if (victim) die();
    metric.update(at::ones({size}, at::kLong));
  }
  const auto start = std::chrono::steady_clock::now();
  expect_contains(sync_error_of([&] { metric.compute(); }), "another rank has died");
  expect(std::chrono::steady_clock::now() - start < long_timeout / 2, "an error long before the time-out");
  expect(group->broken(), "a broken group");
  expect_local_value(metric, when == "after" ? 4 : 2);
}

TEST_CASE("faults: a rank killed before, during and after a sync") {
  for (const int64_t victim : {0, 1}) {
    for (const std::string when : {"before", "during", "after"}) {
      CAPTURE(victim);
      CAPTURE(when);
      check_survived(run_workers("killed_around_a_sync", std::min<int64_t>(3, max_world_size()),
                                 {{"WHEN", when}, {"VICTIM", std::to_string(victim)}},
                                 /*keep_going=*/true),
                     {victim});
    }
  }
}

WORKER(group_shut_down) {
  const auto group = init_process_group({.timeout = long_timeout});
  Counters metric({.size = 1});
  metric.update(at::ones({1}, at::kLong));
  group->shutdown();
  expect_contains(sync_error_of([&] { metric.compute(); }), "has been shut down");
  expect_local_value(metric, 2);
}

TEST_CASE("faults: a metric whose group has been shut down") {
  check_survived(run_workers("group_shut_down", 2));
}

TEST_CASE("synchronize: refuses metrics that are synced, and leaves those without ranks as they are") {
  Counters metric({.size = 1});
  metric.update(at::ones({1}, at::kLong));
  metrics::synchronize(metric);
  CHECK_FALSE(metric.is_synced());
  metric.install_synced(metric.states());
  CHECK_THROWS_WITH_AS(metrics::synchronize(metric), doctest::Contains("synced already"), metrics::Error);
}
