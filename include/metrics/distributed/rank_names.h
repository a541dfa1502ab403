#pragma once

#include <metrics/export.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace metrics {
class ProcessGroup;
}  // namespace metrics

namespace metrics::distributed {

/// The numbers by which the program knows the members of a group: for a part of the ranks, those that they have in the
/// group that the program started with. Messages speak of these.
class RankNames {
 public:
  RankNames() = default;
  /// `world_ranks` is empty for a group whose members' numbers are their own.
  explicit RankNames(std::vector<int64_t> world_ranks) : world_ranks_(std::move(world_ranks)) {}

  int64_t operator()(int64_t member) const {
    return world_ranks_.empty() ? member : world_ranks_[static_cast<std::size_t>(member)];
  }
  std::vector<int64_t> operator()(const std::vector<int64_t>& members) const {
    std::vector<int64_t> ranks;
    for (const int64_t member : members) ranks.push_back((*this)(member));
    return ranks;
  }
  /// Empty where the members' numbers are their own.
  const std::vector<int64_t>& world_ranks() const { return world_ranks_; }
  /// "rank 2"
  std::string text(int64_t member) const { return "rank " + std::to_string((*this)(member)); }
  /// "rank 2", "ranks 0, 2"
  std::string text(const std::vector<int64_t>& members) const {
    std::string list;
    for (const int64_t member : members) list += (list.empty() ? "" : ", ") + std::to_string((*this)(member));
    return (members.size() == 1 ? "rank " : "ranks ") + list;
  }

 private:
  std::vector<int64_t> world_ranks_;
};

/// Those of the members of `group`.
METRICS_API RankNames rank_names_of(ProcessGroup& group);

}  // namespace metrics::distributed
