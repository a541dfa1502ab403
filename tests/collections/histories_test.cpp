#include "core/fake_ranks.h"
#include <metrics/collections/tracker.h>
#include <metrics/core/dynamic.h>
#include <metrics/core/errors.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <fstream>
#include <memory>
#include <string>

// Calls of which each depends on those before it, as torchmetrics answered them. (The harness plays the rest.)

namespace histories_test {
namespace {

using metrics::Metric;
using metrics::MetricTracker;
using metrics::testing::CollectedWarnings;
using nlohmann::json;

at::Tensor tensor_of(const json& numbers) {
  if (numbers.at(0).is_array()) {
    std::vector<at::Tensor> rows;
    for (const json& row : numbers) rows.push_back(tensor_of(row));
    return at::stack(rows);
  }
  if (numbers.at(0).is_number_integer()) return at::tensor(numbers.get<std::vector<int64_t>>(), at::kLong);
  return at::tensor(numbers.get<std::vector<float>>(), at::kFloat);
}

json as_json(const at::Tensor& tensor) {
  if (tensor.dim() == 0) {
    const double number = tensor.item<double>();
    return std::isnan(number) ? json("nan") : json(number);
  }
  json elements = json::array();
  for (const at::Tensor& element : tensor.unbind(0)) elements.push_back(as_json(element));
  return elements;
}

json as_json(const c10::IValue& value) {
  if (value.isTensor()) return as_json(value.toTensor());
  json entries = json::object();
  for (const auto& entry : value.toGenericDict()) entries[entry.key().toStringRef()] = as_json(entry.value());
  return entries;
}

json as_json(const MetricTracker::NamedBest& best) {
  json values = json::object(), steps = json::object();
  for (const auto& [name, found] : best) {
    values[name] = found ? json(found->value) : json();
    steps[name] = found ? json(found->step) : json();
  }
  return {values, steps};
}

/// Whether two values are alike, numbers to the last bits of float32.
bool alike(const json& a, const json& b) {
  if (a.is_number() && b.is_number()) {
    const double x = a.get<double>(), y = b.get<double>();
    return std::abs(x - y) <= 2e-6 * std::abs(y) + 1e-7;
  }
  if (a.type() != b.type() || a.size() != b.size()) return false;
  if (!a.is_structured()) return a == b;
  for (const auto& [key, entry] : b.items()) {
    const json* other = a.is_array() ? &a.at(std::stoul(key)) : a.contains(key) ? &a.at(key) : nullptr;
    if (other == nullptr || !alike(*other, entry)) return false;
  }
  return true;
}

/// A metric by its name, or a tracker, which has none in the registry.
struct Played {
  explicit Played(const json& row) {
    const std::string name = row.at("metric");
    if (name == "MetricTracker") {
      auto made = std::make_unique<MetricTracker>(MetricTracker::from_json(row.at("options").dump()));
      tracker = made.get();
      metric = std::move(made);
    } else {
      metric = metrics::create_from_json(json{{"name", name}, {"options", row.at("options")}}.dump());
    }
  }

  json best() const {
    if (tracker->compute_all().isGenericDict()) return as_json(tracker->best_metrics());
    const auto found = tracker->best_metric();
    return found ? json{found->value, found->step} : json{nullptr, nullptr};
  }

  json answer(const json& call) const {
    const std::string method = call.at("call");
    metrics::Args inputs;
    for (const json& input : call.value("inputs", json::array())) inputs.emplace_back(tensor_of(input));
    if (method == "update") return metric->update(inputs), json();
    if (method == "forward") return as_json(metric->forward(inputs));
    if (method == "compute") return as_json(metric->compute());
    if (method == "reset") return metric->reset(), json();
    REQUIRE(tracker != nullptr);
    if (method == "increment") return tracker->increment(), json();
    if (method == "reset_all") return tracker->reset_all(), json();
    if (method == "compute_all") return as_json(tracker->compute_all());
    REQUIRE(method == "best");
    return best();
  }

  std::unique_ptr<Metric> metric;
  MetricTracker* tracker = nullptr;
};

}  // namespace

TEST_CASE("histories: each call gives what it gives in torchmetrics, and refuses what is refused there") {
  const CollectedWarnings warnings;
  std::ifstream file(METRICS_FIXTURE_DIR "/collections/histories.jsonl");
  int calls = 0, refused = 0;
  for (std::string line; std::getline(file, line);) {
    const json row = json::parse(line);
    CAPTURE(row.at("metric").get<std::string>());
    CAPTURE(row.at("options").dump());
    if (row.contains("refused")) {
      ++refused;
      CHECK_THROWS_WITH_AS(Played{row}, doctest::Contains(row.at("refused").get<std::string>().c_str()),
                           metrics::InvalidArgument);
      continue;
    }
    Played played(row);
    int place = 0;
    for (const json& call : row.at("calls")) {
      CAPTURE(place);
      CAPTURE(call.dump());
      ++calls, ++place;
      if (call.contains("refused")) {
        CHECK_THROWS_AS(played.answer(call), metrics::Error);
        continue;
      }
      const json answer = played.answer(call);
      CHECK_MESSAGE(alike(answer, call.at("value")), "got " << answer.dump());
    }
  }
  CHECK(calls > 900);
  CHECK(refused == 11);
}

}  // namespace histories_test
