#include <metrics/core/autograd_scope.h>
#include <metrics/core/metric.h>

#include <ATen/core/ivalue.h>

#include <algorithm>
#include <vector>

namespace metrics {

void update_together(std::span<Metric* const> metrics, const Args& args, const Kwargs& kwargs, const Rows& rows) {
  struct Group {
    States batch;
    std::vector<Metric*> members;
  };
  std::vector<Group> groups;
  const auto holds = [](const Group& group, const Metric* metric) {
    return std::find(group.members.begin(), group.members.end(), metric) != group.members.end();
  };
  for (Metric* metric : metrics) {
    metric->require_not_synced("update");
    if (std::any_of(groups.begin(), groups.end(), [&](const Group& group) { return holds(group, metric); })) continue;
    const auto shared = std::find_if(groups.begin(), groups.end(), [&](const Group& group) {
      const Metric& first = *group.members.front();
      return first.device() == metric->device() && first.dtype() == metric->dtype() &&
             first.update_key() == metric->update_key();
    });
    if (shared != groups.end()) {
      shared->members.push_back(metric);
    } else {
      groups.push_back({metric->states_of_batch(args, kwargs, rows), {metric}});
    }
  }

  const AutogradScope scope;
  std::vector<std::pair<Metric*, States>> before;
  try {
    for (Group& group : groups) {
      group.batch.detach();
      for (Metric* metric : group.members) {
        before.emplace_back(metric, metric->states_.snapshot());
        metric->merge_states(metric->states_, group.batch);
      }
    }
  } catch (...) {
    for (auto& [metric, states] : before) metric->states_ = std::move(states);
    throw;
  }
  for (const auto& [metric, states] : before) metric->states_changed();
}

}  // namespace metrics
