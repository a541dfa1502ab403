// Plays one case after another for scripts/fuzz.py, which plays them in torchmetrics. A request is a line of JSON and
// the bytes of a safetensors file:
//
//   {"case": a case as the indexes of fixtures have it, "plays": names, "shares": how many batches each shard gets,
//    "half": how many come before what `reset`, `clone`, `saved`, `to_file` and `from_file` do, "file": its path,
//    "ways": names, "bytes": n}
//
// The answer is a line: for each play its value, or its error and the call that threw it. CompositionalMetric has no
// name in the registry and is a case all the same: its options are `{"operator": "Add", "a": operand, "b": operand}`,
// an operand being a metric, a number or again such options. A MetricTracker has a step for each batch. Of a functional
// that belongs to no class the class is empty.

#define DOCTEST_CONFIG_IMPLEMENT
#include <metrics/collections/composition.h>
#include <metrics/collections/tracker.h>
#include <metrics/core/codec.h>
#include <metrics/core/dynamic.h>
#include <metrics/core/errors.h>
#include <metrics/core/warning.h>
#include <metrics/io/checkpoint.h>
#include <metrics/testing/fixtures.h>
#include <metrics/testing/ways.h>

#include <ATen/Parallel.h>
#include <ATen/ops/scalar_tensor.h>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <exception>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace metrics::testing;
using c10::IValue;
using metrics::Metric;
using nlohmann::json;

json encoded(const at::Tensor& tensor) {
  const at::Tensor plain = tensor.detach().contiguous();
  const auto* bytes = static_cast<const unsigned char*>(plain.const_data_ptr());
  constexpr char digits[] = "0123456789abcdef";
  std::string hex;
  for (std::size_t i = 0; i < plain.nbytes(); ++i) {
    hex += digits[bytes[i] / 16];
    hex += digits[bytes[i] % 16];
  }
  return {{"dtype", c10::toString(plain.scalar_type())}, {"shape", plain.sizes().vec()}, {"hex", hex}};
}

/// A value as JSON, its tensors to the bit.
json encoded(const IValue& value) {
  if (value.isNone()) return nullptr;
  if (value.isTensor()) return {{"tensor", encoded(value.toTensor())}};
  if (value.isBool()) return {{"scalar", value.toBool()}};
  if (value.isInt()) return {{"scalar", value.toInt()}};
  if (value.isDouble()) return {{"tensor", encoded(at::scalar_tensor(value.toDouble(), at::kDouble))}};
  if (value.isString()) return {{"text", value.toStringRef()}};
  if (value.isGenericDict()) {
    json entries = json::object();
    for (const auto& entry : value.toGenericDict()) entries[entry.key().toStringRef()] = encoded(entry.value());
    return {{"dict", entries}};
  }
  json elements = json::array();
  if (value.isTuple()) {
    for (const IValue& element : value.toTupleRef().elements()) elements.push_back(encoded(element));
  } else {
    for (const IValue& element : value.toListRef()) elements.push_back(encoded(element));
  }
  return {{"list", elements}};
}

constexpr std::string_view tracker_name = "MetricTracker";
constexpr std::string_view composed_name = "CompositionalMetric";
/// In the order of `Operator`.
constexpr std::array<std::string_view, 22> operators = {
    "Add", "Sub", "Mul", "TrueDivide", "FloorDivide", "Fmod",       "Pow",        "Matmul", "Eq",  "Ne",  "Lt",
    "Le",  "Gt",  "Ge",  "BitwiseAnd", "BitwiseOr",   "BitwiseXor", "BitwiseNot", "Abs",    "Neg", "Pos", "GetItem"};

metrics::CompositionalMetric composed(const std::function<std::optional<IValue>(std::string_view)>& option);

metrics::Operand operand(const IValue& given) {
  if (given.isTensor()) return given.toTensor();
  if (given.isInt()) return given.toInt();
  if (given.isDouble()) return given.toDouble();
  const auto option = [&](std::string_view name) { return metrics::detail::entry_of(given, name); };
  if (option("operator")) return composed(option);
  return metrics::Codec<metrics::MetricHandle>::read(given).value();
}

metrics::CompositionalMetric composed(const std::function<std::optional<IValue>(std::string_view)>& option) {
  const auto* const name = std::find(operators.begin(), operators.end(), option("operator").value().toStringRef());
  const auto function = static_cast<metrics::collections::Operator>(name - operators.begin());
  const metrics::Operand first = operand(option("a").value());
  if (function == metrics::collections::Operator::GetItem) return {first, option("key").value().toInt()};
  const std::optional<IValue> second = option("b");
  return {function, first, second ? std::optional(operand(*second)) : std::nullopt};
}

/// Whether the harness can play it in its ways.
bool has_ways(const Case& c) {
  return c.metric != tracker_name && c.metric != composed_name;
}

std::unique_ptr<Metric> made(const Case& c) {
  if (c.metric != composed_name) return created(c);
  const auto option = [&](std::string_view name) -> std::optional<IValue> {
    const auto found = c.options.find(std::string(name));
    return found == c.options.end() ? std::nullopt : std::optional(found->second);
  };
  return std::make_unique<metrics::CompositionalMetric>(composed(option));
}

/// The call that a play has come to, for its error.
struct Progress {
  std::string call = "create";
  int64_t batch = 0;
};

json outcome(const std::function<json(Progress&)>& play) {
  Progress progress;
  try {
    return {{"value", play(progress)}};
  } catch (const std::exception& error) {
    const bool ours = dynamic_cast<const metrics::Error*>(&error) != nullptr;
    return {{"error", error.what()}, {"is_metrics_error", ours}, {"call", progress.call}, {"batch", progress.batch}};
  }
}

void update_all(Metric& metric, const Case& c, int64_t begin, int64_t end, Progress& progress) {
  progress.call = "update";
  for (progress.batch = begin; progress.batch < end; ++progress.batch)
    update(metric, c.batches[static_cast<std::size_t>(progress.batch)]);
}

IValue computed(Metric& metric, Progress& progress) {
  progress.call = "compute";
  return metric.compute();
}

int64_t count(const Case& c) {
  return static_cast<int64_t>(c.batches.size());
}

json updates(const Case& c, Progress& progress) {
  const auto metric = made(c);
  update_all(*metric, c, 0, count(c), progress);
  return encoded(computed(*metric, progress));
}

json forwards(const Case& c, Progress& progress) {
  const auto metric = made(c);
  json values = json::array();
  progress.call = "forward";
  for (const Batch& batch : c.batches) {
    values.push_back(encoded(forward(*metric, batch)));
    ++progress.batch;
  }
  values.push_back(encoded(computed(*metric, progress)));
  return {{"list", values}};
}

/// Each shard gets so many batches in a row, as a rank does; shards are merged in their order.
json merged(const Case& c, const std::vector<int64_t>& shares, Progress& progress) {
  std::vector<std::unique_ptr<Metric>> shards;
  int64_t begin = 0;
  for (const int64_t count : shares) {
    shards.push_back(made(c));
    update_all(*shards.back(), c, begin, begin + count, progress);
    begin += count;
  }
  progress.call = "merge";
  for (std::size_t i = 1; i < shards.size(); ++i) shards.front()->merge(*shards[i]);
  return encoded(computed(*shards.front(), progress));
}

/// The values before and after a reset.
json reset(const Case& c, int64_t half, Progress& progress) {
  const auto metric = made(c);
  update_all(*metric, c, 0, half, progress);
  json values = json::array({encoded(computed(*metric, progress))});
  metric->reset();
  update_all(*metric, c, half, count(c), progress);
  values.push_back(encoded(computed(*metric, progress)));
  return {{"list", values}};
}

/// The values of a metric and of a copy that is left alone from then on.
json clone(const Case& c, int64_t half, Progress& progress) {
  const auto metric = made(c);
  update_all(*metric, c, 0, half, progress);
  const auto twin = metric->clone();
  update_all(*metric, c, half, count(c), progress);
  const json value = encoded(computed(*metric, progress));
  return {{"list", json::array({value, encoded(computed(*twin, progress))})}};
}

json saved(const Case& c, int64_t half, Progress& progress) {
  const auto first = made(c);
  update_all(*first, c, 0, half, progress);
  progress.call = "saved";
  first->persistent(true);
  const auto second = made(c);
  second->persistent(true);
  second->load_state_dict(first->state_dict("m."), "m.");
  update_all(*second, c, half, count(c), progress);
  return encoded(computed(*second, progress));
}

/// Saves half-way, and goes on.
json to_file(const Case& c, int64_t half, const std::string& file, Progress& progress) {
  const auto metric = made(c);
  update_all(*metric, c, 0, half, progress);
  progress.call = "save";
  metrics::io::save(*metric, file);
  update_all(*metric, c, half, count(c), progress);
  return encoded(computed(*metric, progress));
}

/// Goes on from what was saved half-way.
json from_file(const Case& c, int64_t half, const std::string& file, Progress& progress) {
  const auto metric = made(c);
  progress.call = "load";
  metrics::io::load(*metric, file);
  update_all(*metric, c, half, count(c), progress);
  return encoded(computed(*metric, progress));
}

json best(const std::optional<metrics::MetricTracker::Best>& found) {
  if (!found) return nullptr;
  return {{"list", json::array({encoded(IValue(found->value)), encoded(IValue(found->step))})}};
}

/// A step for each batch: the values of all, that of the last, and the best.
json steps(const Case& c, bool by_forward, Progress& progress) {
  auto tracker = metrics::MetricTracker::of_options(c.options);
  json values = json::array();
  progress.call = "update";
  for (const Batch& batch : c.batches) {
    tracker.increment();
    if (by_forward) {
      values.push_back(encoded(forward(tracker, batch)));
    } else {
      update(tracker, batch);
    }
    ++progress.batch;
  }
  progress.call = "compute";
  const IValue all = tracker.compute_all();
  values.push_back(encoded(all));
  values.push_back(encoded(tracker.compute()));
  if (!all.isGenericDict()) {
    values.push_back(best(tracker.best_metric()));
  } else {
    json by_name = json::object();
    for (const auto& [name, found] : tracker.best_metrics()) by_name[name] = best(found);
    values.push_back({{"dict", by_name}});
  }
  return {{"list", values}};
}

json functional(const Case& c, Progress& progress) {
  progress.call = "functional";
  return encoded(metrics::call(c.functional, {}, c.functional_call.value()));
}

/// What is wrong with a refusal: a call that throws has to leave the metric as it was.
std::string after_refusal(const Case& c, const json& refused) {
  if (refused.at("call") == "compute") return "";
  Misuse misuse{.name = c.name, .metric = c.metric, .options = c.options};
  if (refused.at("call") == "update")
    misuse.batches.assign(c.batches.begin(), c.batches.begin() + refused.at("batch").get<int64_t>() + 1);
  try {
    return failure(misuse);
  } catch (const std::exception&) {
    return "";  // it has no value before the call that could be compared
  }
}

json answer(const json& request, const Tensors& tensors) {
  const Case c = read_case(request.at("case").dump(), tensors);
  const auto half = request.value("half", int64_t{0});
  const auto shares = request.value("shares", std::vector<int64_t>{});
  const auto file = request.value("file", std::string());
  json all;
  for (const std::string& play : request.at("plays").get<std::vector<std::string>>()) {
    all[play] = outcome([&](Progress& progress) -> json {
      if (c.metric == tracker_name) return steps(c, play == "forward", progress);
      if (play == "updates") return updates(c, progress);
      if (play == "forward") return forwards(c, progress);
      if (play == "merged") return merged(c, shares, progress);
      if (play == "reset") return reset(c, half, progress);
      if (play == "clone") return clone(c, half, progress);
      if (play == "saved") return saved(c, half, progress);
      if (play == "to_file") return to_file(c, half, file, progress);
      if (play == "from_file") return from_file(c, half, file, progress);
      if (play == "functional") return functional(c, progress);
      throw std::runtime_error("there is no play " + play);
    });
  }
  if (!has_ways(c) || !all.contains("updates")) return all;
  if (all["updates"].contains("error")) {
    all["refusal"] = after_refusal(c, all["updates"]);
    return all;
  }
  all["ways"] = json::object();
  for (const auto& way : ways()) {
    for (const auto& name : request.value("ways", std::vector<std::string>{})) {
      if (way.name != name) continue;
      const std::string wrong = failure(way, c);
      if (!wrong.empty()) all["ways"][name] = wrong;
    }
  }
  return all;
}

}  // namespace

int main() {
  at::set_num_threads(1);
  metrics::set_warning_handler([](const std::string&) {});
  try {
    for (std::string line; std::getline(std::cin, line);) {
      const json request = json::parse(line);
      std::string bytes(request.at("bytes").get<std::size_t>(), '\0');
      if (!std::cin.read(bytes.data(), static_cast<std::streamsize>(bytes.size())))
        throw std::runtime_error("the tensors of a case are missing");
      const json all = answer(request, read_safetensors(bytes, "the request"));
      std::cout << all.dump(-1, ' ', false, json::error_handler_t::replace) << std::endl;
    }
  } catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    return 1;
  }
}
