#include "rank_exchange.h"
#include <metrics/core/draws.h>
#include <metrics/core/errors.h>
#include <metrics/distributed/rank_names.h>
#include <metrics/training/batch_shards.h>

#include <map>
#include <string>
#include <utility>

namespace metrics::training {

namespace {

/// Depends on each index and on where batches end.
int64_t print_of(const Batches& batches) {
  uint64_t print = 0;
  const auto add = [&](int64_t number) { print = mixed(print ^ static_cast<uint64_t>(number)) + 1; };
  for (const auto& batch : batches) {
    add(static_cast<int64_t>(batch.size()));
    for (const int64_t index : batch) add(index);
  }
  return static_cast<int64_t>(print);
}

/// "ranks 0, 2 draw 5 batches by seed 1 in epoch 0; rank 1 draws 5 batches by seed 2 in epoch 0"
std::string draws_of_ranks(const std::vector<std::vector<int64_t>>& drawn, const distributed::RankNames& names) {
  std::vector<std::pair<std::vector<int64_t>, std::vector<int64_t>>> alike;  // what is drawn, by whom
  for (std::size_t rank = 0; rank < drawn.size(); ++rank) {
    std::size_t place = 0;
    while (place < alike.size() && alike[place].first != drawn[rank]) ++place;
    if (place == alike.size()) alike.push_back({drawn[rank], {}});
    alike[place].second.push_back(static_cast<int64_t>(rank));
  }
  std::string text;
  for (const auto& [what, ranks] : alike) {
    text += (text.empty() ? "" : "; ") + names.text(ranks) + (ranks.size() == 1 ? " draws " : " draw ") +
            std::to_string(what[1]) + " batches by seed " + std::to_string(what[2]) + " in epoch " +
            std::to_string(what[3]);
  }
  return text;
}

void check_drawn_alike(ProcessGroup& group, const Batches& batches, int64_t seed, int64_t epoch) {
  const auto drawn = numbers_of_ranks(group, {print_of(batches), static_cast<int64_t>(batches.size()), seed, epoch},
                                      "comparing what ranks draw");
  std::vector<int64_t> others;
  bool same_seeds = true;
  for (std::size_t rank = 1; rank < drawn.size(); ++rank) {
    if (drawn[rank] == drawn[0]) continue;
    others.push_back(static_cast<int64_t>(rank));
    same_seeds = same_seeds && drawn[rank][2] == drawn[0][2] && drawn[rank][3] == drawn[0][3];
  }
  if (others.empty()) return;
  const distributed::RankNames names = distributed::rank_names_of(group);
  throw SyncError("batches are dealt to ranks that draw them alike, but " + draws_of_ranks(drawn, names) +
                      (same_seeds ? ": equal seeds, so their samplers or labels differ"
                                  : ": give all ranks the same seed, and the same epoch by set_epoch"),
                  "", "", names(others));
}

DistributedSamplerOptions dealing_options(const BatchShardsOptions& options) {
  if (options.num_replicas.has_value() != options.rank.has_value()) {
    throw InvalidArgument(std::string(options.rank ? "num_replicas" : "rank") +
                          ": expected a number, because the other of `num_replicas` and `rank` is stated");
  }
  DistributedSamplerOptions dealing{.num_replicas = options.num_replicas,
                                    .rank = options.rank,
                                    .shuffle = options.shuffle,
                                    .remainder = options.remainder};
  if (options.process_group && !options.rank) {
    dealing.num_replicas = options.process_group->world_size();
    dealing.rank = options.process_group->rank();
  }
  return dealing;
}

}  // namespace

BatchShards::BatchShards(BatchSampler sampler, BatchShardsOptions options)
    : sampler_(std::move(sampler)),
      group_(options.rank ? nullptr : several_ranks(options.process_group)),
      dealing_(sampler_.size, dealing_options(options)) {
  if (!sampler_.draw) throw InvalidArgument("sampler: expected a function that draws batches, got none");
}

void BatchShards::set_epoch(int64_t epoch) {
  dealing_.set_epoch(epoch);
}

BatchShard BatchShards::shard() const {
  Batches batches = sampler_.draw(epoch());
  if (group_) check_drawn_alike(*group_, batches, sampler_.seed, epoch());
  if (static_cast<int64_t>(batches.size()) != sampler_.size) {
    throw InvalidArgument("sampler: expected " + std::to_string(sampler_.size) +
                          " batches an epoch, as its size says, " + "it drew " + std::to_string(batches.size()));
  }
  const Shard numbers = dealing_.shard();
  BatchShard shard{.batches = {}, .valid = numbers.valid};
  for (const int64_t number : numbers.indices) shard.batches.push_back(batches[static_cast<std::size_t>(number)]);
  return shard;
}

}  // namespace metrics::training
