#pragma once

#include <metrics/core/metric.h>

#include <algorithm>
#include <string>
#include <vector>

// Walks over a metric and those that it is made of.

namespace metrics::detail {

/// A metric, and the prefixes of all its places in a state dict.
template <class M>
struct Node {
  M* metric;
  std::vector<std::string> prefixes;
};

/// The metric and all below it, each once.
template <class M>
std::vector<Node<M>> nodes(M& metric, const std::string& prefix = "") {
  std::vector<Node<M>> found{{&metric, {prefix}}};
  const auto add_children = [&](const auto& self, M& of, const std::string& under) -> void {
    for (const ChildMetric& child : of.children()) {
      const std::string at = under + child.name + ".";
      const auto known =
          std::find_if(found.begin(), found.end(), [&](auto& node) { return node.metric == child.metric; });
      if (known == found.end()) {
        found.push_back({child.metric, {at}});
      } else {
        known->prefixes.push_back(at);
      }
      self(self, *child.metric, at);
    }
  };
  add_children(add_children, metric, prefix);
  return found;
}

/// The name under which a metric below another one stands in its state dict, such as `extremes._base_metric`; empty for
/// one that is not below it.
inline std::string place_of(const Metric& metric, const Metric& root) {
  for (const auto& node : nodes(root)) {
    if (node.metric != &metric || node.metric == &root) continue;
    const std::string& prefix = node.prefixes.front();
    return prefix.substr(0, prefix.size() - 1);
  }
  return {};
}

}  // namespace metrics::detail
