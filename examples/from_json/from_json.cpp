// Builds metrics from a JSON file, feeds them the batches that stand in it, and prints what they compute:
//
//   from_json examples/from_json/example.json
//   metrics launch -n 2 -- from_json examples/from_json/example.json     (the ranks share the batches)

#include "json_tensor.h"
#include <metrics/core/dynamic.h>
#include <metrics/distributed/process_group.h>

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

#include <nlohmann/json.hpp>

#include <exception>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace {

using nlohmann::json;

/// A metric of the file, with the column of the batches that each of its inputs takes.
struct Entry {
  std::string title;
  std::unique_ptr<metrics::Metric> metric;
  std::map<std::string, std::string> columns;
};

json read(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) throw metrics::Error(file + " cannot be opened");
  try {
    return json::parse(stream);
  } catch (const json::exception& error) {
    throw metrics::FormatError(file + " is no JSON: " + error.what(), file, -1);
  }
}

std::vector<Entry> build(const json& config) {
  std::vector<Entry> entries;
  for (const auto& [title, metric] : config.at("metrics").items()) {
    entries.push_back(
        {title,
         metrics::create_from_json(
             json{{"name", metric.at("name")}, {"options", metric.value("options", json::object())}}.dump()),
         metric.at("inputs")});
  }
  return entries;
}

metrics::Kwargs inputs(const Entry& entry, const json& batch) {
  metrics::Kwargs kwargs;
  for (const auto& [input, column] : entry.columns) kwargs.emplace(input, from_json::tensor(batch.at(column)));
  return kwargs;
}

void run(const std::string& file) {
  const json config = read(file);
  const auto world = metrics::init_process_group();
  std::vector<Entry> entries = build(config);

  // Every rank takes its part of the batches; some may get none.
  const auto& batches = config.at("batches");
  for (size_t i = static_cast<size_t>(world->rank()); i < batches.size();
       i += static_cast<size_t>(world->world_size())) {
    for (Entry& entry : entries) entry.metric->update({}, inputs(entry, batches[i]));
  }
  for (Entry& entry : entries) {
    const c10::IValue value = entry.metric->compute();
    if (world->rank() == 0) std::cout << entry.title << ": " << *entry.metric << "\n" << value << "\n\n";
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: from_json FILE\n";
    return 2;
  }
  try {
    run(argv[1]);
  } catch (const std::exception& error) {
    std::cerr << "from_json: " << error.what() << "\n";
    return 1;
  }
}
