#include <metrics/core/autograd_scope.h>
#include <metrics/core/metric.h>

#include <ATen/core/ivalue.h>

#include <algorithm>
#include <vector>

namespace metrics {

namespace {

/// Metrics whose updates do the same.
using Alike = std::vector<Metric*>;

bool are_alike(const Metric& a, const Metric& b) {
  return a.device() == b.device() && a.dtype() == b.dtype() && a.update_key() == b.update_key();
}

int64_t size_of(const Metric& metric) {
  int64_t elements = 0;
  for (const State& state : metric.states()) elements += state.grows() ? 0 : state.tensor().numel();
  return elements;
}

std::vector<Alike> grouped(std::span<Metric* const> metrics) {
  std::vector<Alike> groups;
  for (Metric* metric : metrics) {
    const auto holds = [&](const Alike& group) { return std::find(group.begin(), group.end(), metric) != group.end(); };
    if (std::any_of(groups.begin(), groups.end(), holds)) continue;
    const auto group = std::find_if(groups.begin(), groups.end(),
                                    [&](const Alike& other) { return are_alike(*other.front(), *metric); });
    if (group != groups.end()) {
      group->push_back(metric);
    } else {
      groups.push_back({metric});
    }
  }
  return groups;
}

/// Takes one of the metrics that are alike to no other out of the groups: that with the largest states, which are
/// dearest to make anew. Null if there is none.
Metric* take_largest_alone(std::vector<Alike>& groups) {
  const auto weight = [](const Alike& group) { return group.size() == 1 ? size_of(*group.front()) : -1; };
  const auto largest = std::max_element(groups.begin(), groups.end(),
                                        [&](const Alike& a, const Alike& b) { return weight(a) < weight(b); });
  if (largest == groups.end() || largest->size() > 1) return nullptr;
  Metric* metric = largest->front();
  groups.erase(largest);
  return metric;
}

}  // namespace

void update_together(std::span<Metric* const> metrics, const Args& args, const Kwargs& kwargs, const Rows& rows) {
  for (const Metric* metric : metrics) metric->require_not_synced("update");
  std::vector<Alike> groups = grouped(metrics);
  Metric* last = take_largest_alone(groups);
  std::vector<States> batches;
  for (const Alike& group : groups) batches.push_back(group.front()->states_of_batch(args, kwargs, rows));

  std::vector<std::pair<Metric*, States>> before;
  try {
    {
      const AutogradScope scope;
      for (std::size_t i = 0; i < groups.size(); ++i) {
        batches[i].detach();
        for (Metric* metric : groups[i]) {
          before.emplace_back(metric, metric->states_.snapshot());
          metric->merge_states(metric->states_, batches[i]);
        }
      }
    }
    if (last != nullptr) last->update(args, kwargs, rows);  // all of it or, by itself, nothing
  } catch (...) {
    for (auto& [metric, states] : before) metric->states_ = std::move(states);
    throw;
  }
  for (const auto& [metric, states] : before) metric->states_changed();
}

}  // namespace metrics
