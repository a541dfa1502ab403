#include "rank_exchange.h"
#include <metrics/training/node_group.h>

#include <unistd.h>

#include <array>
#include <fstream>
#include <functional>
#include <set>
#include <string>
#include <utility>

namespace metrics::training {

namespace {

/// Containers of one machine may share its boot, and machines a host name.
int64_t machine_print() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  std::string boot;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  return static_cast<int64_t>(std::hash<std::string>()(host.data() + ("/" + boot)));
}

/// Of ranks of one machine, by their local ranks, those of the same node as `rank`.
std::vector<int64_t> node_of(int64_t rank, const std::vector<int64_t>& ranks, const std::vector<int64_t>& local_ranks) {
  if (std::set(local_ranks.begin(), local_ranks.end()).size() == local_ranks.size()) return ranks;
  std::vector<int64_t> node;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    if (i > 0 && local_ranks[i] <= local_ranks[i - 1]) {
      if (node.back() >= rank) return node;
      node.clear();
    }
    node.push_back(ranks[i]);
  }
  return node;
}

}  // namespace

std::shared_ptr<ProcessGroup> in_node_group(std::shared_ptr<ProcessGroup> process_group) {
  auto group = process_group ? std::move(process_group) : default_process_group();
  if (!group || group->world_size() == 1) return group;
  const auto places =
      numbers_of_ranks(*group, {machine_print(), group->local_rank()}, "finding the ranks of a machine");
  const auto rank = static_cast<std::size_t>(group->rank());
  std::vector<int64_t> ranks, local_ranks;
  for (std::size_t other = 0; other < places.size(); ++other) {
    if (places[other][0] != places[rank][0]) continue;
    ranks.push_back(static_cast<int64_t>(other));
    local_ranks.push_back(places[other][1]);
  }
  return group->new_group(node_of(group->rank(), ranks, local_ranks));
}

}  // namespace metrics::training
