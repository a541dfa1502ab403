// Plays one case after another for scripts/fuzz.py, which plays them in torchmetrics. A request is a line of JSON and the bytes
// of a safetensors file:
//
//   {"case": a case as the indexes of fixtures have it, "shares": how many batches each shard gets, "ways": names, "bytes": n}
//
// The answer is a line: for each play its value, or its error and the call that threw it.

#define DOCTEST_CONFIG_IMPLEMENT
#include <metrics/testing/fixtures.h>
#include <metrics/testing/ways.h>

#include <metrics/core/dynamic.h>
#include <metrics/core/errors.h>
#include <metrics/core/warning.h>

#include <ATen/Parallel.h>
#include <ATen/ops/scalar_tensor.h>
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <exception>
#include <functional>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
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

json updates(const Case& c, Progress& progress) {
  const auto metric = created(c);
  update_all(*metric, c, 0, static_cast<int64_t>(c.batches.size()), progress);
  return encoded(computed(*metric, progress));
}

json forwards(const Case& c, Progress& progress) {
  const auto metric = created(c);
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
    shards.push_back(created(c));
    update_all(*shards.back(), c, begin, begin + count, progress);
    begin += count;
  }
  progress.call = "merge";
  for (std::size_t i = 1; i < shards.size(); ++i) shards.front()->merge(*shards[i]);
  return encoded(computed(*shards.front(), progress));
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
  json all;
  all["updates"] = outcome([&](Progress& progress) { return updates(c, progress); });
  if (all["updates"].contains("error")) {
    all["refusal"] = after_refusal(c, all["updates"]);
  } else {
    all["ways"] = json::object();
    for (const auto& way : ways()) {
      for (const auto& name : request.at("ways")) {
        if (way.name != name) continue;
        const std::string wrong = failure(way, c);
        if (!wrong.empty()) all["ways"][std::string(way.name)] = wrong;
      }
    }
  }
  all["forward"] = outcome([&](Progress& progress) { return forwards(c, progress); });
  const auto shares = request.at("shares").get<std::vector<int64_t>>();
  if (!shares.empty()) all["merged"] = outcome([&](Progress& progress) { return merged(c, shares, progress); });
  if (!c.functional.empty()) all["functional"] = outcome([&](Progress& progress) { return functional(c, progress); });
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
