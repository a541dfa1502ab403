#include "distributed/worker.h"
#include <metrics/core/errors.h>
#include <metrics/distributed/process_group.h>
#include <metrics/training/balance_sampler.h>
#include <metrics/training/batch_shards.h>
#include <metrics/training/embedding_dataset.h>
#include <metrics/training/loader.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <functional>
#include <set>
#include <string>
#include <vector>

using at::Tensor;
using metrics::init_process_group;
using metrics::InvalidArgument;
using metrics::SyncError;
using namespace metrics::training;
using metrics_test::expect;
using metrics_test::expect_contains;
using metrics_test::run_workers;
using metrics_test::sync_error_of;
using nlohmann::json;

namespace {

/// A sampler whose batches hold their numbers.
BatchSampler numbered(int64_t size) {
  return {.size = size, .draw = [size](int64_t) {
            Batches batches;
            for (int64_t number = 0; number < size; ++number) batches.push_back({number, 100 + number});
            return batches;
          }};
}

std::string refusal_of_shards(const std::function<void()>& call) {
  try {
    call();
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "not refused";
}

#define CHECK_SHARDS_REFUSED(call, part)                       \
  do {                                                         \
    const std::string text = refusal_of_shards([&] { call; }); \
    CAPTURE(text);                                             \
    CHECK(text.find(part) != std::string::npos);               \
  } while (false)

Tensor eight_labels() {
  return at::arange(24).remainder(8);
}

}  // namespace

WORKER(draws_alike_or_not_at_all) {
  const auto group = init_process_group();
  const int64_t rank = group->rank();
  const auto shards_by = [&](int64_t seed) {
    return BatchShards(BalanceSampler(eight_labels(), {.n_labels = 2, .n_instances = 2, .seed = seed}));
  };
  // Equal draws: one collective of 32 bytes, and all batches once.
  BatchShards alike = shards_by(5);
  alike.set_epoch(2);
  const auto before = group->c10d_counters();
  const BatchShard shard = alike.shard();
  const auto sent = group->c10d_counters() - before;
  expect(sent.collectives == 1 && sent.bytes == 32, "one collective of 32 bytes");
  const Batches all = BalanceSampler(eight_labels(), {.n_labels = 2, .n_instances = 2, .seed = 5}).draw(2);
  for (std::size_t i = 0; i < shard.batches.size(); ++i)
    expect(shard.batches[i] == all[(i * 3 + static_cast<std::size_t>(rank)) % 4], "whole batches in turn");
  expect(shard.batches.size() == 2 && shard.valid == (rank == 0 ? 2 : 1), "repeats to be told");

  const std::string seeds = sync_error_of([&] { shards_by(rank == 1 ? 6 : 5).shard(); });
  expect_contains(seeds, "ranks 0, 2 draw 4 batches by seed 5 in epoch 0; rank 1 draws 4 batches by seed 6 in epoch 0");
  expect_contains(seeds, "give all ranks the same seed");
  try {
    shards_by(rank == 2 ? 6 : 5).shard();
    expect(false, "an error");
  } catch (const SyncError& error) {
    expect(error.ranks() == std::vector<int64_t>{2}, "the rank that differs");
  }
  BatchShards other_epoch = shards_by(5);
  other_epoch.set_epoch(rank == 2 ? 0 : 1);
  expect_contains(sync_error_of([&] { other_epoch.shard(); }), "rank 2 draws 4 batches by seed 5 in epoch 0");
  const Tensor labels = rank == 0 ? at::arange(24).remainder(6) : eight_labels();
  const std::string samplers =
      sync_error_of([&] { BatchShards(BalanceSampler(labels, {.n_labels = 2, .n_instances = 2, .seed = 5})).shard(); });
  expect_contains(samplers,
                  "rank 0 draws 3 batches by seed 5 in epoch 0; ranks 1, 2 draw 4 batches by seed 5 in epoch 0");
  expect_contains(samplers, "equal seeds, so their samplers or labels differ");
  // A loader compares as it begins, and the group is none the worse for an error.
  Loader loader(labelled(at::arange(24).unsqueeze(1), eight_labels()), shards_by(rank));
  expect_contains(sync_error_of([&] { loader.begin(); }), "rank 1 draws 4 batches by seed 1 in epoch 0");
  Loader good(labelled(at::arange(24).unsqueeze(1), eight_labels()), shards_by(5), {.workers = 2});
  good.set_epoch(2);
  std::size_t number = 0;
  for (const Batch& batch : good) {
    expect(at::equal(batch.ids, at::tensor(shard.batches[number])), "a loader's batches to be the shard's");
    expect(batch.valid.all().item<bool>() == (static_cast<int64_t>(number) < shard.valid), "a repeat not to be valid");
    ++number;
  }
  expect(number == shard.batches.size() && good.size() == 2, "all of them");
}

WORKER(deals_to_a_part_of_the_ranks) {
  const auto world = init_process_group();
  const auto part = world->new_group({0, 2});
  if (!part->is_member()) return world->barrier();
  const BatchShard shard = BatchShards(numbered(5), {.process_group = part, .remainder = Remainder::Uneven}).shard();
  expect(static_cast<int64_t>(shard.batches.size()) == (part->rank() == 0 ? 3 : 2), "batches of the part alone");
  expect(shard.batches[0][0] == part->rank(), "the member's own");
  BatchSampler by_rank = numbered(5);
  by_rank.seed = world->rank();
  expect_contains(sync_error_of([&] { BatchShards(by_rank, {.process_group = part}).shard(); }),
                  "rank 0 draws 5 batches by seed 0 in epoch 0; rank 2 draws 5 batches by seed 2");
  world->barrier();
}

TEST_CASE("batch shards: samplers and ranks that cannot be are refused") {
  CHECK_SHARDS_REFUSED(BatchShards(BatchSampler{.size = 2}),
                       "sampler: expected a function that draws batches, got none");
  CHECK_SHARDS_REFUSED(BatchShards(numbered(3), {.num_replicas = 2}), "rank: expected a number, because the other");
  CHECK_SHARDS_REFUSED(BatchShards(numbered(3), {.rank = 0}), "num_replicas: expected a number, because the other");
  CHECK_SHARDS_REFUSED(BatchShards(numbered(3), {.num_replicas = 2, .rank = 2}),
                       "rank: expected one of 2 replicas, got 2");
  BatchSampler negative = numbered(3);
  negative.size = -1;
  CHECK_SHARDS_REFUSED(BatchShards{negative}, "got -1");
  BatchSampler wrong = numbered(3);
  wrong.size = 4;
  CHECK_SHARDS_REFUSED(BatchShards(wrong).shard(), "sampler: expected 4 batches an epoch, as its size says, it drew 3");
}

TEST_CASE("batch shards: batch for batch what Python's wrapper deals") {
  std::ifstream file(METRICS_FIXTURE_DIR "/training/batch_shards.jsonl");
  int rows = 0;
  for (std::string line; std::getline(file, line); ++rows) {
    const json row = json::parse(line);
    CAPTURE(line);
    const int64_t size = row.at("size"), ranks = row.at("num_replicas");
    for (int64_t rank = 0; rank < ranks; ++rank) {
      BatchShards shards(numbered(size), {.num_replicas = ranks,
                                          .rank = rank,
                                          .remainder = row.at("pad").get<bool>() ? Remainder::Pad : Remainder::Drop,
                                          .shuffle = row.at("shuffle")});
      const auto epochs = row.at("batches").at(static_cast<std::size_t>(rank)).get<std::vector<Batches>>();
      for (std::size_t epoch = 0; epoch < epochs.size(); ++epoch) {
        shards.set_epoch(static_cast<int64_t>(epoch));
        CHECK(shards.shard().batches == epochs[epoch]);
        CHECK(shards.size() == static_cast<int64_t>(epochs[epoch].size()));
      }
    }
  }
  CHECK(rows == 80);
}

TEST_CASE("batch shards: what is no repeat is each batch once") {
  for (const int64_t size : {0, 1, 5, 6, 7}) {
    for (const int64_t ranks : {1, 2, 3, 4}) {
      for (const auto remainder : {Remainder::Uneven, Remainder::Pad}) {
        std::multiset<int64_t> seen;
        for (int64_t rank = 0; rank < ranks; ++rank) {
          const BatchShards shards(numbered(size), {.num_replicas = ranks, .rank = rank, .remainder = remainder});
          const BatchShard shard = shards.shard();
          CHECK(shards.size_of(rank) == static_cast<int64_t>(shard.batches.size()));
          for (int64_t i = 0; i < shard.valid; ++i) seen.insert(shard.batches[static_cast<std::size_t>(i)][0]);
        }
        CHECK(seen.size() == static_cast<std::size_t>(size));
        CHECK(std::set(seen.begin(), seen.end()).size() == seen.size());
      }
    }
  }
}

TEST_CASE("batch shards: a loader of drawn batches takes no batch size, and refuses indices that are not there") {
  const auto source = labelled(at::arange(4).unsqueeze(1), at::arange(4));
  CHECK_SHARDS_REFUSED(Loader(source, BatchShards(numbered(2)), {.batch_size = 2}),
                       "batch_size: expected it not to be stated");
  CHECK_SHARDS_REFUSED(Loader(source, BatchShards(numbered(2)), {.drop_last = true}),
                       "drop_last: expected it not to be stated");
  CHECK_SHARDS_REFUSED(Loader(source, BatchShards(numbered(2)), {.workers = -1}), "workers");
  Loader loader(source, BatchShards(numbered(2)));
  CHECK_SHARDS_REFUSED(loader.begin(), "sampler: expected indices of the source's 4 samples, it drew 100");
  CHECK_SHARDS_REFUSED(loader.sampler(), "drawn by a batch sampler");
}

TEST_CASE("batch shards: ranks draw alike, in one exchange, or all refuse and name ranks and seeds" *
          doctest::skip(metrics_test::max_world_size() < 3)) {
  CHECK(run_workers("draws_alike_or_not_at_all", 3).ok());
}

TEST_CASE("batch shards: a part of the ranks shares batches among itself" *
          doctest::skip(metrics_test::max_world_size() < 3)) {
  CHECK(run_workers("deals_to_a_part_of_the_ranks", 3).ok());
}

TEST_CASE("embedding dataset: labels and columns that do not fit are refused by name") {
  const Tensor data = at::ones({4, 2}), labels = at::arange(4), all = at::ones({4}, at::kBool);
  CHECK_SHARDS_REFUSED(labelled(data, at::ones({4})), "labels: expected [N] of integers, got Float [4]");
  CHECK_SHARDS_REFUSED(labelled(data, Tensor()), "`labels`");
  CHECK_SHARDS_REFUSED(labelled(data, at::arange(3)), "target: expected 4 rows as data has, got 3");
  CHECK_SHARDS_REFUSED(labelled(std::function<Tensor(const std::vector<int64_t>&)>(), labels),
                       "read: expected a function");
  const Source source = labelled(data, labels);
  CHECK_SHARDS_REFUSED(query_gallery(source, {at::ones({3}, at::kBool), all}),
                       "is_query: expected Bool [4], got Bool [3]");
  CHECK_SHARDS_REFUSED(query_gallery(source, {all, labels}), "is_gallery: expected Bool [4], got Long [4]");
  CHECK_SHARDS_REFUSED(query_gallery(source, {all, ~all}), "is_gallery: expected a sample at least that is one");
  CHECK_SHARDS_REFUSED(query_gallery(source, {~all, all}), "is_query: expected a sample at least that is one");
  CHECK_SHARDS_REFUSED(query_gallery(source, {all, Tensor()}), "`is_gallery`");
  CHECK_SHARDS_REFUSED(query_gallery(source, {all, all, at::ones({4})}),
                       "sequence_ids: expected Long [4], got Float [4]");
  CHECK_SHARDS_REFUSED(query_gallery(source, {all, all, {}, at::arange(5)}),
                       "categories: expected Long [4], got Long [5]");
  Source ragged = source;
  ragged.columns["more"] = at::ones({5});
  CHECK_SHARDS_REFUSED(Loader(ragged, DistributedSampler(4)), "column `more`: expected 4 rows, got [5]");
}

TEST_CASE("embedding dataset: batches have labels, ids and the parts of their samples") {
  const Tensor data = at::arange(14).view({7, 2}), labels = at::arange(7).remainder(3);
  const Tensor is_query = at::arange(7).remainder(2) == 0, is_gallery = at::arange(7) > 2;
  const auto read = [&](const std::vector<int64_t>& indices) { return data.index_select(0, at::tensor(indices)); };
  for (const Source& samples : {labelled(data, labels), labelled(read, labels)}) {
    const Source source = query_gallery(samples, {is_query, is_gallery, at::arange(7) + 50});
    Loader loader(source, DistributedSampler(7, {.seed = 1}), {.batch_size = 3});
    int64_t seen = 0;
    for (const Batch& batch : loader) {
      const auto of = [&](const Tensor& column) { return column.index_select(0, batch.ids); };
      CHECK(at::equal(batch.data, of(data)));
      CHECK(at::equal(batch.target, of(labels)));
      CHECK(at::equal(batch.columns.at("is_query"), of(is_query)));
      CHECK(at::equal(batch.columns.at("is_gallery"), of(is_gallery)));
      CHECK(at::equal(batch.columns.at("sequence_ids"), batch.ids + 50));
      CHECK(batch.columns.size() == 3);
      seen += batch.size();
    }
    CHECK(seen == 7);
  }
}
