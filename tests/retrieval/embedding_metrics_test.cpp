// What fixtures cannot say of EmbeddingMetrics: what it holds at once, that blocks do not matter, quantiles of which
// few distances may be held, samples that come again on other ranks, and samples that lack.

#include "../core/fake_ranks.h"
#include "retrieval/embeddings/mismatches.h"
#include "retrieval/embeddings/nearest.h"
#include <metrics/core/errors.h>
#include <metrics/core/registry.h>
#include <metrics/core/shared_value.h>
#include <metrics/retrieval/embedding_metrics.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/core/CPUAllocator.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstddef>
#include <cstring>
#include <limits>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

using metrics::EmbeddingMetrics;
using metrics::EmbeddingMetricsOptions;
using metrics::InvalidArgument;
using metrics::Rows;
using metrics::Tensor;
using namespace metrics::retrieval::embeddings;

namespace {

/// Samples whose numbers are drawn, each a query or of the gallery, every third both.
struct Given {
  Tensor embeddings, labels, is_query, is_gallery;

  Given(int64_t count, int64_t columns, int64_t labels_count, uint64_t seed)
      : embeddings(at::zeros({count, columns})),
        labels(at::zeros({count}, at::kLong)),
        is_query(at::ones({count}, at::kBool)),
        is_gallery(at::ones({count}, at::kBool)) {
    std::mt19937_64 draw(seed);
    std::normal_distribution<float> normal;
    auto* const number = embeddings.mutable_data_ptr<float>();
    for (int64_t i = 0; i < count * columns; ++i) number[i] = normal(draw);
    for (int64_t i = 0; i < count; ++i) {
      labels.mutable_data_ptr<int64_t>()[i] = static_cast<int64_t>(draw() % static_cast<uint64_t>(labels_count));
      is_query.mutable_data_ptr<bool>()[i] = i % 3 != 1;
      is_gallery.mutable_data_ptr<bool>()[i] = i % 3 != 2;
    }
  }

  Samples samples(bool have_ids) const {
    Samples made;
    made.embeddings = embeddings;
    for (int64_t i = 0; i < labels.size(0); ++i) {
      made.labels.push_back(labels[i].item<int64_t>());
      made.is_query.push_back(is_query[i].item<bool>());
      made.is_gallery.push_back(is_gallery[i].item<bool>());
    }
    made.have_ids = have_ids;
    return made;
  }
  Given narrow(int64_t begin, int64_t end) const {
    Given part = *this;
    for (Tensor Given::*const each : {&Given::embeddings, &Given::labels, &Given::is_query, &Given::is_gallery}) {
      part.*each = (this->*each).slice(0, begin, end);
    }
    return part;
  }
  void update(EmbeddingMetrics& metric, const Rows& rows = {}) const {
    metric.update(embeddings, labels, is_query, is_gallery, std::nullopt, std::nullopt, rows);
  }
};

std::vector<int64_t> queries_of(const Samples& samples) {
  std::vector<int64_t> queries;
  for (int64_t row = 0; row < samples.size(); ++row) {
    if (samples.is_query[static_cast<std::size_t>(row)]) queries.push_back(row);
  }
  return queries;
}

/// The squared distance as it is added up: number i in sum i modulo 8, and these sums by halves.
double square(const Samples& samples, int64_t a, int64_t b) {
  const int64_t columns = samples.embeddings.size(1);
  double sums[8] = {};
  const auto add = [&](const auto* numbers) {
    for (int64_t i = 0; i < columns; ++i) {
      const double difference =
          static_cast<double>(numbers[a * columns + i]) - static_cast<double>(numbers[b * columns + i]);
      sums[i % 8] += difference * difference;
    }
  };
  if (samples.embeddings.scalar_type() == at::kDouble) {
    add(samples.embeddings.const_data_ptr<double>());
  } else {
    add(samples.embeddings.const_data_ptr<float>());
  }
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

/// The hits of all queries by sorting all distances.
std::vector<std::vector<uint8_t>> by_sorting(const Samples& samples, std::size_t k) {
  std::vector<std::vector<uint8_t>> hits;
  for (const int64_t query : queries_of(samples)) {
    std::vector<std::tuple<double, bool, int64_t, bool>> ranked;
    for (int64_t row = 0; row < samples.size(); ++row) {
      if (!samples.is_gallery[static_cast<std::size_t>(row)] || row == query) continue;
      const bool hit = samples.labels[static_cast<std::size_t>(row)] == samples.labels[static_cast<std::size_t>(query)];
      ranked.emplace_back(square(samples, query, row), !samples.have_ids && hit, row, hit);
    }
    std::sort(ranked.begin(), ranked.end());
    ranked.resize(std::min(k, ranked.size()));
    hits.emplace_back();
    for (const auto& item : ranked) hits.back().push_back(std::get<3>(item));
  }
  return hits;
}

std::vector<std::vector<uint8_t>> in_blocks(const Samples& samples, int64_t k, const Blocks& blocks) {
  const Gallery gallery(samples);
  const Distances distances(samples.embeddings, queries_of(samples), gallery.rows());
  const Hits found = nearest(distances, samples, gallery, k, {0, distances.queries()}, blocks);
  std::vector<std::vector<uint8_t>> hits;
  for (int64_t q = 0; q < distances.queries(); ++q) hits.emplace_back(found[q].begin(), found[q].end());
  return hits;
}

/// numpy's linear quantile of all distances to others, and the share of those to relevant items from it on.
double fnmr_by_sorting(const Samples& samples, double rate) {
  std::vector<double> others, relevant;
  for (const int64_t query : queries_of(samples)) {
    for (int64_t row = 0; row < samples.size(); ++row) {
      if (!samples.is_gallery[static_cast<std::size_t>(row)] || row == query) continue;
      const bool hit = samples.labels[static_cast<std::size_t>(row)] == samples.labels[static_cast<std::size_t>(query)];
      (hit ? relevant : others).push_back(std::sqrt(square(samples, query, row)));
    }
  }
  std::sort(others.begin(), others.end());
  const double position = static_cast<double>(others.size() - 1) * rate;
  const auto place = static_cast<std::size_t>(position);
  const double a = others[place], b = others[std::min(place + 1, others.size() - 1)];
  const double after = position - static_cast<double>(place);
  const double threshold = after < 0.5 ? a + (b - a) * after : b - (b - a) * (1 - after);
  const auto from = std::count_if(relevant.begin(), relevant.end(), [&](double d) { return d >= threshold; });
  return static_cast<double>(from) / static_cast<double>(relevant.size());
}

std::vector<double> fnmr(const Samples& samples, const std::vector<double>& rates, const Limits& limits,
                         Passes* passes = nullptr) {
  const Gallery gallery(samples);
  const Distances distances(samples.embeddings, queries_of(samples), gallery.rows());
  return fnmr_at_fmr(distances, samples, gallery, rates, {0, distances.queries()}, {}, limits, passes);
}

/// Numbers that stand close together or apart, alike or with one far off.
std::vector<std::pair<const char*, Samples>> kinds(bool have_ids) {
  const Given given(211, 7, 6, 3);
  std::vector<std::pair<const char*, Samples>> made;
  const auto add = [&](const char* what, const Tensor& embeddings) {
    made.emplace_back(what, given.samples(have_ids));
    made.back().second.embeddings = embeddings.contiguous();
  };
  add("drawn", given.embeddings);
  add("rounded", given.embeddings.round());
  add("signs", given.embeddings.sign());
  add("alike", at::ones({211, 7}));
  add("near a point far off", given.embeddings * 1e-3 + 4096);
  add("nearer than float32 tells", given.embeddings.to(at::kDouble) * 1e-12 + 1);
  add("in float64", given.embeddings.to(at::kDouble) + 1e-9);
  Tensor outlier = given.embeddings.clone();
  outlier[0].fill_(1e6);
  add("one far off", outlier);
  add("small", given.embeddings * 1e-30);
  add("large", given.embeddings * 1e30);
  return made;
}

/// Ranks that are threads: what all of them have said is known when the last of them has.
struct Meeting {
  explicit Meeting(int64_t count) : said(static_cast<std::size_t>(count)) {}
  std::mutex mutex;
  std::condition_variable all_have;
  std::vector<metrics::RangeBytes> said, heard;
  std::size_t speakers = 0, round = 0;
};

class RankOfThreads final : public metrics::SharingRanks {
 public:
  RankOfThreads(Meeting& meeting, int64_t rank) : meeting_(meeting), rank_(rank) {}
  int64_t rank() const override { return rank_; }
  int64_t count() const override { return static_cast<int64_t>(meeting_.said.size()); }
  std::vector<metrics::RangeBytes> gather(const metrics::RangeBytes& own) override {
    std::unique_lock lock(meeting_.mutex);
    const std::size_t round = meeting_.round;
    meeting_.said[static_cast<std::size_t>(rank_)] = own;
    if (++meeting_.speakers == meeting_.said.size()) {
      meeting_.heard = meeting_.said;
      meeting_.speakers = 0;
      ++meeting_.round;
      meeting_.all_have.notify_all();
    }
    meeting_.all_have.wait(lock, [&] { return meeting_.round > round; });
    return meeting_.heard;
  }

 private:
  Meeting& meeting_;
  int64_t rank_;
};

/// Counts the bytes of tensors in its scope.
class CountedTensors final : public c10::Allocator {
 public:
  CountedTensors() : before_(c10::GetCPUAllocator()) { c10::SetCPUAllocator(this, /*priority=*/200); }
  ~CountedTensors() override { c10::SetCPUAllocator(before_, /*priority=*/200); }
  CountedTensors(const CountedTensors&) = delete;
  CountedTensors& operator=(const CountedTensors&) = delete;

  c10::DataPtr allocate(std::size_t size) override {
    auto held = std::make_unique<Held>(Held{before_->allocate(size), size});
    now() += static_cast<int64_t>(size);
    if (now() > most()) most() = now().load();
    void* const data = held->data.get();
    const c10::Device device = held->data.device();
    return {data, held.release(), &let_go, device};
  }
  void copy_data(void* to, const void* from, std::size_t size) const override { std::memcpy(to, from, size); }

  static std::atomic<int64_t>& now() {
    static std::atomic<int64_t> bytes = 0;
    return bytes;
  }
  static std::atomic<int64_t>& most() {
    static std::atomic<int64_t> bytes = 0;
    return bytes;
  }

 private:
  struct Held {
    c10::DataPtr data;
    std::size_t size;
  };
  static void let_go(void* held) {
    now() -= static_cast<int64_t>(static_cast<Held*>(held)->size);
    delete static_cast<Held*>(held);
  }
  c10::Allocator* before_;
};

}  // namespace

TEST_CASE("embeddings: the nearest are those of sorting all distances, in whatever blocks") {
  for (const bool have_ids : {false, true}) {
    for (const auto& [what, samples] : kinds(have_ids)) {
      CAPTURE(what);
      CAPTURE(have_ids);
      for (const int64_t k : {1, 5, 30, 1000}) {
        const auto expected = by_sorting(samples, static_cast<std::size_t>(k));
        CHECK(in_blocks(samples, k, {}) == expected);
        CHECK(in_blocks(samples, k, {.queries = 1, .items = 1}) == expected);
        CHECK(in_blocks(samples, k, {.queries = 7, .items = 13}) == expected);
        CHECK(in_blocks(samples, k, {.queries = 64, .items = 100}) == expected);
      }
    }
  }
}

TEST_CASE("embeddings: a quantile of distances is that of sorting them, however few may be held") {
  const std::vector<double> rates{0, 0.001, 0.1, 0.5, 0.77, 1};
  for (const auto& [what, samples] : kinds(/*have_ids=*/true)) {
    CAPTURE(what);
    std::vector<double> expected;
    for (const double rate : rates) expected.push_back(fnmr_by_sorting(samples, rate));
    CHECK(fnmr(samples, rates, {}) == expected);
    CHECK(fnmr(samples, rates, {.kept = 1}) == expected);
    CHECK(fnmr(samples, rates, {.kept = 50, .blocks = {.queries = 5, .items = 17}}) == expected);
    for (const double rate : rates) {
      Passes passes;
      CHECK(fnmr(samples, {rate}, {.kept = 8}, &passes).front() == fnmr_by_sorting(samples, rate));
      CHECK(passes.exact <= 2 * 6);
    }
  }
}

TEST_CASE("embeddings: quantiles of distances are found by two passes where few lie close together") {
  for (const auto& [what, samples] : kinds(/*have_ids=*/true)) {
    CAPTURE(what);
    Passes passes;
    fnmr(samples, {0.1, 0.2}, {}, &passes);
    CHECK(passes.products == 2);
    CHECK(passes.exact == 1);
  }
  // A bucket of the first pass holds a 16,384th of the way to the greatest distance there can be.
  const Samples drawn = kinds(/*have_ids=*/true).front().second;
  for (const double rate : {0.01, 0.3, 0.5, 0.9}) {
    CAPTURE(rate);
    Passes passes;
    fnmr(drawn, {rate}, {.kept = 64}, &passes);
    CHECK(passes.products == 2);
  }
  // At most 3 that divide buckets, then for either neighbour of a quantile those of 64 bits, by 14 at a time.
  for (const auto& [what, samples] : kinds(/*have_ids=*/true)) {
    CAPTURE(what);
    Passes passes;
    fnmr(samples, {0.5}, {.kept = 1}, &passes);
    CHECK(passes.products <= 3 + 2 * 6);
  }
}

TEST_CASE("embeddings: what computing holds at once does not grow with queries times gallery") {
  const Given given(6000, 16, 500, 5);
  EmbeddingMetrics metric({.fmr_vals = {0.1}});
  given.update(metric);
  CountedTensors::now() = 0;
  CountedTensors::most() = 0;
  {
    const CountedTensors counted;
    metric.compute();
  }
  constexpr int64_t of_all_distances = int64_t{4000} * 4000 * 4, of_embeddings = int64_t{6000} * 16 * 4;
  const int64_t most = CountedTensors::most();
  MESSAGE("at most " << most << " bytes of tensors");
  CHECK(most > 0);
  CHECK(most < 8 * of_embeddings + (int64_t{3} << 20));
  CHECK(most < of_all_distances / 8);
}

TEST_CASE("embeddings: ranks that share the queries have the value of one, whatever their number") {
  const EmbeddingMetricsOptions options{.cmc_top_k = {1, 5}, .fmr_vals = {0, 0.1, 0.5}};
  for (const int64_t samples : {2, 41}) {
    EmbeddingMetrics metric(options);
    Given(samples, 3, 4, 11).update(metric, Rows{.ids = at::arange(samples, at::kLong)});
    const auto expected = metrics::definitions::EmbeddingMetrics::finalise(metric.states(), options);
    const auto ranged = metric.ranged_value();
    const auto* const shared = dynamic_cast<const metrics::SharedValue*>(ranged.get());
    REQUIRE(shared != nullptr);
    for (const int64_t count : {1, 2, 3, 5}) {
      CAPTURE(count);
      Meeting meeting(count);
      auto parts = std::make_shared<metrics::RangedParts>();
      parts->columns.emplace_back(static_cast<std::size_t>(count));
      std::vector<std::thread> ranks;
      for (int64_t rank = 0; rank < count; ++rank) {
        ranks.emplace_back([&, rank] {
          RankOfThreads of_thread(meeting, rank);
          parts->columns.front()[static_cast<std::size_t>(rank)] = shared->share(metric.states(), of_thread);
        });
      }
      for (std::thread& rank : ranks) rank.join();
      if (samples > 5 && count > 1) {  // each has only a part of the queries' hits
        const std::size_t whole = parts->columns.front().front().size() + parts->columns.front()[1].size();
        CHECK(parts->columns.front()[1].size() < whole * 2 / 3);
      }
      metrics::States merged = metric.states().snapshot();
      merged.set_parts(parts);
      const auto value = metrics::definitions::EmbeddingMetrics::finalise(merged, options);
      REQUIRE(value.size() == expected.size());
      for (const auto& [name, number] : expected) {
        CAPTURE(name);
        CHECK(at::equal(value.at(name).nan_to_num(-7), number.nan_to_num(-7)));
      }
    }
  }
}

TEST_CASE("embeddings: a sample that comes again is the lowest rank's") {
  const Given given(40, 3, 4, 7);
  EmbeddingMetrics all, low, high;
  const Tensor ids = at::arange(40, at::kLong) * 3 + 5;
  given.update(all, Rows{.ids = ids});
  given.narrow(0, 25).update(low, Rows{.ids = ids.slice(0, 0, 25)});
  Given again = given.narrow(15, 40);
  again.embeddings = at::cat({at::zeros({10, 3}), given.embeddings.slice(0, 25)});
  again.update(high, Rows{.ids = ids.slice(0, 15)});
  const auto value = [](EmbeddingMetrics metric) { return metric.compute(); };
  const auto equal = [](const auto& a, const auto& b) {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](const auto& x, const auto& y) {
             return x.first == y.first && x.second.equal(y.second);
           });
  };
  EmbeddingMetrics merged = low;
  merged.merge(high);
  CHECK(equal(value(merged), value(all)));
  EmbeddingMetrics other = high;
  other.merge(low);
  CHECK_FALSE(equal(value(other), value(all)));
}

TEST_CASE("embeddings: copies of a sample agree on what is known of it") {
  const Given given(6, 2, 3, 9);
  const Tensor ids = at::tensor({4, 5, 6, 7, 8, 9}, at::kLong);
  const auto refused = [&](Given again) {
    EmbeddingMetrics metric;
    given.update(metric, Rows{.ids = ids});
    again.update(metric, Rows{.ids = ids});
    metric.compute();
  };
  refused(given);
  Given labels = given, flags = given;
  labels.labels = given.labels.clone();
  labels.labels[2] += 10;
  CHECK_THROWS_WITH_AS(refused(labels), doctest::Contains("id 6 came twice with different `labels`"), metrics::Error);
  flags.is_query = given.is_query.logical_not();
  CHECK_THROWS_WITH_AS(refused(flags), doctest::Contains("id 4 came twice with different `is_query`"), metrics::Error);
}

TEST_CASE("embeddings: samples that lack are counted and named") {
  const Given given(6, 2, 3, 9);
  const auto message = [&](std::vector<int64_t> ids, int64_t expected) {
    EmbeddingMetrics metric({.num_samples = expected});
    given.narrow(0, static_cast<int64_t>(ids.size())).update(metric, Rows{.ids = at::tensor(ids, at::kLong)});
    try {
      metric.compute();
    } catch (const metrics::Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(message({5, 0, 1, 2, 3, 4}, 6).empty());
  CHECK(message({0, 3, 3, 0}, 5).find("different") != std::string::npos);
  CHECK(message({0, 2, 3, 5}, 6).find("2 of 6 samples are missing, those with ids 1, 4") != std::string::npos);
  CHECK(message({7, 0}, 40).find("38 of 40 samples are missing, those with ids 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, …") !=
        std::string::npos);
  CHECK(message({0, 6}, 6).find("a sample with id 6, where num_samples=6 expects ids from 0 to 5") !=
        std::string::npos);
  EmbeddingMetrics metric({.num_samples = 7});
  given.update(metric);
  CHECK_THROWS_WITH_AS(metric.compute(), doctest::Contains("there are 6 samples, where num_samples expects 7"),
                       metrics::Error);
}

TEST_CASE("embeddings: an optional input comes with all updates or with none, else the update is refused") {
  const Given given(6, 2, 3, 9);
  const std::optional<Tensor> numbers = given.labels, nothing;
  const Rows ids{.ids = at::arange(6, at::kLong)};
  struct Way {
    const char* input;
    std::optional<Tensor> sequences, categories;
    Rows rows;
  };
  const std::vector<Way> ways{{"`sequence_ids`", numbers, nothing, {}},
                              {"`categories`", nothing, numbers, {}},
                              {"`Rows.ids`", nothing, nothing, ids}};
  for (const Way& way : ways) {
    CAPTURE(way.input);
    const auto with = [&](EmbeddingMetrics& metric) {
      metric.update(given.embeddings, given.labels, given.is_query, given.is_gallery, way.sequences, way.categories,
                    way.rows);
    };
    const auto without = [&](EmbeddingMetrics& metric) { given.update(metric); };
    const auto refused = [&](EmbeddingMetrics metric, const auto& update, const std::string& how) {
      const auto before = metric.compute();
      CHECK_THROWS_WITH_AS(update(metric), doctest::Contains((std::string(way.input) + " came with " + how).c_str()),
                           InvalidArgument);
      CHECK(metric.states()["embeddings"].rows() == 6);
      const auto after = metric.compute();
      CHECK(std::equal(before.begin(), before.end(), after.begin(), after.end(), [](const auto& a, const auto& b) {
        return a.first == b.first && at::equal(a.second.nan_to_num(-7), b.second.nan_to_num(-7));
      }));
    };
    EmbeddingMetrics first, second;
    with(first);
    without(second);
    refused(first, without, "the samples before");
    refused(second, with, "this update");
    // Batches of which no row counts say nothing.
    given.update(first, Rows{.valid = at::zeros({6}, at::kBool)});
    first.reset();
    without(first);
    CHECK(first.compute().size() == 4);
  }
}

TEST_CASE("embeddings: where one sample has an id, a sequence or a category, all ranks' have one") {
  const Given given(6, 2, 3, 9);
  EmbeddingMetrics ids, with, categories, without;
  given.update(ids, Rows{.ids = at::arange(6, at::kLong)});
  given.update(without);
  ids.merge(without);
  CHECK_THROWS_WITH_AS(ids.compute(), doctest::Contains("6 of 12 samples have an id"), metrics::Error);
  with.update(given.embeddings, given.labels, given.is_query, given.is_gallery, given.labels);
  with.merge(without);
  CHECK_THROWS_WITH_AS(with.compute(), doctest::Contains("6 of 12 samples have `sequence_ids`"), metrics::Error);
  categories.update(given.embeddings, given.labels, given.is_query, given.is_gallery, std::nullopt, given.labels);
  categories.merge(without);
  CHECK_THROWS_WITH_AS(categories.compute(), doctest::Contains("6 of 12 samples have `categories`"), metrics::Error);
}

TEST_CASE("embeddings: too great numbers are refused by their row") {
  EmbeddingMetrics metric;
  Given given(4, 2, 2, 1);
  given.embeddings = given.embeddings.to(at::kDouble);
  given.embeddings[3][1] = 1e101;
  CHECK_THROWS_WITH_AS(given.update(metric), doctest::Contains("row 3"), InvalidArgument);
  given.update(metric, Rows{.valid = at::tensor({1, 1, 1, 0}).to(at::kBool)});
  CHECK(metric.compute().size() == 4);
}
