#pragma once

#include <metrics/core/registry.h>
#include <metrics/core/state.h>
#include <metrics/core/unit.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace metrics::cli {

/// What is to be shown.
struct Listing {
  std::vector<const MetricEntry*> metrics;
  std::vector<const RouterEntry*> routers;
  std::vector<const FunctionalEntry*> functionals{};  ///< Those of the metrics, and those that belong to none.
};

/// The functionals that belong to none of the metrics.
inline std::vector<const FunctionalEntry*> without_class(const Listing& listing) {
  std::vector<const FunctionalEntry*> alone;
  for (const FunctionalEntry* functional : listing.functionals) {
    const bool belongs = std::any_of(listing.metrics.begin(), listing.metrics.end(), [&](const MetricEntry* metric) {
      return metric->functional.name == functional->name;
    });
    if (!belongs) alone.push_back(functional);
  }
  return alone;
}

struct StateInfo {
  std::vector<std::string> names;
  std::string reduction;
};

inline std::vector<StateInfo> states_of(const MetricEntry& metric) {
  const std::unique_ptr<Metric> example = metric.example();
  std::vector<StateInfo> states;
  const auto* unit = dynamic_cast<const Unit*>(example.get());
  if (unit == nullptr) return states;
  for (const State& state : unit->states()) {
    states.push_back({state.names(), std::string(metrics::to_string(state.reduction()))});
  }
  return states;
}

/// Which weights of rows a metric takes, with the options of its example: "any", "integers" or "none"; empty for one
/// that is made of others, which says so of each.
inline std::string weights_of(const MetricEntry& metric) {
  const std::unique_ptr<Metric> example = metric.example();
  const auto* unit = dynamic_cast<const Unit*>(example.get());
  return unit == nullptr ? std::string() : std::string(metrics::to_string(unit->taken_weights()));
}

inline std::string joined(const std::vector<std::string>& words, const std::string& between) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : between) + word;
  return all;
}

}  // namespace metrics::cli
