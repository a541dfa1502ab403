#include "rank_exchange.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace metrics::training {

std::vector<std::vector<int64_t>> numbers_of_ranks(ProcessGroup& ranks, const std::vector<int64_t>& own,
                                                   const std::string& what) {
  const auto count = static_cast<int64_t>(own.size());
  at::Tensor sent = at::empty({count}, at::kLong), all = at::empty({ranks.world_size() * count}, at::kLong);
  std::copy(own.begin(), own.end(), sent.mutable_data_ptr<int64_t>());
  run_collective(ranks, at::kCPU, what, [&](c10d::Backend& backend) { return backend._allgather_base(all, sent, {}); });
  std::vector<std::vector<int64_t>> numbers;
  for (int64_t rank = 0; rank < ranks.world_size(); ++rank) {
    const int64_t* of_rank = all.const_data_ptr<int64_t>() + rank * count;
    numbers.emplace_back(of_rank, of_rank + count);
  }
  return numbers;
}

std::vector<std::string> texts_of_ranks(ProcessGroup& ranks, const std::string& own, const std::string& what) {
  constexpr int64_t length = 512;
  at::Tensor sent = at::zeros({length}, at::kByte), all = at::empty({ranks.world_size() * length}, at::kByte);
  std::memcpy(sent.mutable_data_ptr(), own.data(), std::min<std::size_t>(own.size(), length - 1));
  run_collective(ranks, at::kCPU, what, [&](c10d::Backend& backend) { return backend._allgather_base(all, sent, {}); });
  std::vector<std::string> texts;
  for (int64_t rank = 0; rank < ranks.world_size(); ++rank)
    texts.emplace_back(static_cast<const char*>(all.const_data_ptr()) + rank * length);
  return texts;
}

std::shared_ptr<ProcessGroup> several_ranks(std::shared_ptr<ProcessGroup> stated) {
  auto group = stated ? std::move(stated) : default_process_group();
  return group && group->world_size() > 1 ? group : nullptr;
}

}  // namespace metrics::training
