#include <metrics/core/errors.h>
#include <metrics/training/sampler.h>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <numeric>
#include <set>
#include <string>

using metrics::InvalidArgument;
using metrics::training::DistributedSampler;
using metrics::training::DistributedSamplerOptions;
using metrics::training::Remainder;
using metrics::training::Shard;

namespace {

DistributedSampler sampler_of(const nlohmann::json& row, int64_t rank) {
  DistributedSampler sampler(row.at("size"),
                             {.num_replicas = row.at("num_replicas").get<int64_t>(),
                              .rank = rank,
                              .shuffle = row.at("shuffle"),
                              .seed = row.at("seed"),
                              .remainder = row.at("drop_last").get<bool>() ? Remainder::Drop : Remainder::Pad});
  sampler.set_epoch(row.at("epoch"));
  return sampler;
}

}  // namespace

TEST_CASE("sampler: sizes and ranks that cannot be are refused") {
  CHECK_THROWS_AS(DistributedSampler(-1), InvalidArgument);
  CHECK_THROWS_AS(DistributedSampler(3, {.num_replicas = 0}), InvalidArgument);
  CHECK_THROWS_AS(DistributedSampler(3, {.num_replicas = 2, .rank = 2}), InvalidArgument);
  CHECK_THROWS_AS(DistributedSampler(3, {.num_replicas = 2, .rank = -1}), InvalidArgument);
}

TEST_CASE("sampler: index for index what Python's gives") {
  std::ifstream file(METRICS_FIXTURE_DIR "/training/sampler.jsonl");
  int rows = 0;
  for (std::string line; std::getline(file, line); ++rows) {
    const auto row = nlohmann::json::parse(line);
    CAPTURE(line.substr(0, 120));
    if (row.contains("first")) {
      Shard shard = sampler_of(row, row.at("rank")).shard();
      shard.indices.resize(20);
      CHECK(shard.indices == row.at("first").get<std::vector<int64_t>>());
      continue;
    }
    int64_t valid = 0;
    for (std::size_t rank = 0; rank < row.at("indices").size(); ++rank) {
      const auto sampler = sampler_of(row, static_cast<int64_t>(rank));
      const Shard shard = sampler.shard();
      CHECK(shard.indices == row.at("indices").at(rank).get<std::vector<int64_t>>());
      CHECK(sampler.size() == static_cast<int64_t>(shard.indices.size()));
      valid += shard.valid;
    }
    const int64_t size = row.at("size"), replicas = row.at("num_replicas");
    CHECK(valid == (row.at("drop_last").get<bool>() ? size / replicas * replicas : size));
  }
  CHECK(rows > 100);
}

TEST_CASE("sampler: what is marked as a repeat is one, and the others are the dataset") {
  for (const int64_t size : {1, 5, 6, 7, 13}) {
    for (const int64_t replicas : {1, 2, 3, 4, 20}) {
      for (const auto remainder : {Remainder::Uneven, Remainder::Pad}) {
        std::multiset<int64_t> seen;
        std::vector<int64_t> sizes;
        for (int64_t rank = 0; rank < replicas; ++rank) {
          DistributedSampler sampler(size, {.num_replicas = replicas, .rank = rank, .seed = 3, .remainder = remainder});
          const Shard shard = sampler.shard();
          seen.insert(shard.indices.begin(), shard.indices.begin() + shard.valid);
          sizes.push_back(static_cast<int64_t>(shard.indices.size()));
          for (int64_t other = 0; other <= rank; ++other) CHECK(sampler.size_of(other) == sizes.at(other));
          if (remainder == Remainder::Uneven) CHECK(shard.valid == sizes.back());
        }
        std::vector<int64_t> all(static_cast<std::size_t>(size));
        std::iota(all.begin(), all.end(), 0);
        CHECK(std::equal(seen.begin(), seen.end(), all.begin(), all.end()));
        const auto [least, most] = std::minmax_element(sizes.begin(), sizes.end());
        CHECK(*most - *least <= (remainder == Remainder::Pad ? 0 : 1));
      }
    }
  }
}

TEST_CASE("sampler: an epoch has an order of its own, the same each time it comes") {
  DistributedSampler sampler(50, {.num_replicas = 2, .rank = 1});
  const auto first = sampler.shard().indices;
  CHECK(sampler.shard().indices == first);
  sampler.set_epoch(1);
  CHECK(sampler.shard().indices != first);
  sampler.set_epoch(0);
  CHECK(sampler.shard().indices == first);
}
