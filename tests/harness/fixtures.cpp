#include "fixtures.h"

#include "safetensors_file.h"
#include <metrics/core/dynamic.h>
#include <metrics/core/errors.h>

#include <ATen/ops/empty.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>

namespace metrics::testing {
namespace {

using c10::IValue;
using nlohmann::json;

Options options(const json& node) {
  return options_from_json(node.dump());
}

IValue scalar(const json& node) {
  if (node.is_boolean()) return node.get<bool>();
  if (node.is_number_integer()) return node.get<int64_t>();
  return node.is_string() ? std::numeric_limits<double>::quiet_NaN() : node.get<double>();
}

/// What python_compat_fixtures/draws.py draws: splitmix64 (Steele et al. 2014) over a counter.
at::Tensor drawn(const json& recipe) {
  at::Tensor numbers = at::empty(recipe.at("shape").get<std::vector<int64_t>>(), at::kLong);
  const auto within = [&](int64_t low, int64_t high) {
    const auto key = recipe.at("key").get<uint64_t>(), counter = recipe.at("counter").get<uint64_t>();
    auto* number = numbers.mutable_data_ptr<int64_t>();
    for (uint64_t i = 1; i <= static_cast<uint64_t>(numbers.numel()); ++i) {
      uint64_t z = key + (counter + i) * 0x9E3779B97F4A7C15;
      z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
      z = (z ^ z >> 27) * 0x94D049BB133111EB;
      *number++ = static_cast<int64_t>((z ^ z >> 31) % static_cast<uint64_t>(high - low)) + low;
    }
    return numbers;
  };
  const std::string kind = recipe.at("kind");
  if (kind == "integers") return within(recipe.at("low"), recipe.at("high"));
  if (kind == "probabilities") return within(0, 512).mul(2).add(1).to(at::kFloat).div(1024);
  if (kind == "logits") return within(-512, 512).mul(2).add(1).to(at::kFloat).div(256);
  if (kind == "values") return within(-4096, 4096).to(at::kFloat).div(64);
  throw std::out_of_range(kind);
}

/// An input or an expected value: a tensor by its key or drawn again, a number, a text, or lists and dicts of them.
IValue value(const json& node, const Tensors& tensors) {
  if (node.is_null()) return {};
  if (node.is_string()) return tensors.at(node.get<std::string>());
  if (node.contains("scalar")) return scalar(node.at("scalar"));
  if (node.contains("text")) return node.at("text").get<std::string>();
  if (node.contains("drawn")) return drawn(node.at("drawn"));
  if (node.contains("list")) {
    std::vector<IValue> elements;
    for (const auto& element : node.at("list")) elements.push_back(value(element, tensors));
    return list_of(elements);
  }
  c10::impl::GenericDict dict(c10::StringType::get(), c10::AnyType::get());
  for (const auto& [name, element] : node.at("dict").items()) dict.insert(name, value(element, tensors));
  return dict;
}

Batch batch(const json& node, const Tensors& tensors) {
  Batch result;
  for (const auto& [name, input] : node.items()) result.emplace(name, value(input, tensors));
  return result;
}

/// A call of a functional that belongs to no class.
Case fixture_call(const json& node, const Tensors& tensors) {
  return {.name = node.at("name"),
          .metric = "",
          .functional = node.at("functional"),
          .functional_call = batch(node.at("functional_call"), tensors),
          .functional_value = value(node.at("functional_value"), tensors),
          .tolerance = {.rtol = node.at("rtol"), .atol = node.at("atol")}};
}

Case fixture_case(const json& node, const Tensors& tensors) {
  if (!node.contains("class")) return fixture_call(node, tensors);
  Case c{.name = node.at("name"), .metric = node.at("class"), .options = options(node.at("options"))};
  for (const auto& b : node.at("batches")) c.batches.push_back(batch(b, tensors));
  if (node.contains("ids"))
    for (std::size_t i = 0; i < c.batches.size(); ++i)
      c.batches[i].emplace(ids_name, value(node.at("ids").at(i), tensors));
  if (node.contains("weights"))
    for (std::size_t i = 0; i < c.batches.size(); ++i)
      c.batches[i].emplace(weights_name, value(node.at("weights").at(i), tensors));
  if (node.contains("whole")) c.whole = batch(node.at("whole"), tensors);
  if (node.contains("valid"))
    for (const auto& v : node.at("valid")) c.valid.push_back(tensors.at(v.get<std::string>()));
  if (node.contains("forward"))
    for (const auto& v : node.at("forward")) c.forward.push_back(value(v, tensors));
  if (node.contains("final")) c.final = value(node.at("final"), tensors);
  if (node.contains("functional")) {
    c.functional = node.at("functional");
    c.functional_options = node.contains("functional_options") ? options(node.at("functional_options")) : c.options;
    if (node.contains("functional_call")) c.functional_call = batch(node.at("functional_call"), tensors);
    if (node.contains("functional_inputs")) c.functional_inputs = node.at("functional_inputs");
    if (node.contains("functional_value")) c.functional_value = value(node.at("functional_value"), tensors);
  }
  if (node.contains("rtol")) c.tolerance = {.rtol = node.at("rtol"), .atol = node.at("atol")};
  c.rows_permute = node.value("rows", "invariant") == "permutes";
  if (node.contains("warns")) c.warns = node.at("warns").get<bool>();
  if (node.contains("excludes"))
    for (const auto& [way, reason] : node.at("excludes").items()) c.excludes.emplace(way, reason.get<std::string>());
  return c;
}

Misuse fixture_misuse(const json& node, const Tensors& tensors) {
  if (!node.contains("class")) {
    return {.name = node.at("name"),
            .metric = "",
            .functional = node.at("functional"),
            .functional_call = batch(node.at("functional_call"), tensors),
            .contains = node.at("contains")};
  }
  Misuse m{.name = node.at("name"), .metric = node.at("class"), .options = options(node.at("options"))};
  for (const auto& b : node.at("batches")) m.batches.push_back(batch(b, tensors));
  m.contains = node.at("contains");
  m.at_compute = node.value("at", "update") == "compute";
  return m;
}

}  // namespace

Case read_case(std::string_view line, const Tensors& tensors) {
  return fixture_case(json::parse(line), tensors);
}

Fixtures read_fixtures(const std::filesystem::path& index) {
  try {
    std::ifstream file(index);
    const auto content = json::parse(file);
    if (content.at("format") != 1) throw FormatError(index.string() + ": unknown format", index.string(), -1);
    auto beside = index;
    const auto tensors = read_safetensors(beside.replace_extension(".safetensors"));
    Fixtures fixtures{.stem = content.at("stem"), .cases = {}, .misuses = {}};
    for (const auto& node : content.at("cases")) fixtures.cases.push_back(fixture_case(node, tensors));
    for (const auto& node : content.at("misuse")) fixtures.misuses.push_back(fixture_misuse(node, tensors));
    return fixtures;
  } catch (const json::exception& error) {
    throw FormatError(index.string() + ": " + error.what(), index.string(), -1);
  } catch (const std::out_of_range&) {
    throw FormatError(index.string() + ": names a tensor that is not in the file beside it", index.string(), -1);
  }
}

std::vector<Fixtures> read_all_fixtures(const std::filesystem::path& directory) {
  const char* chosen = std::getenv("METRICS_TEST_STEMS");
  std::vector<std::filesystem::path> indexes;
  std::set<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (entry.path().extension() != ".json") continue;
    const auto relative = std::filesystem::relative(entry.path(), directory).replace_extension();
    const auto stem = relative.generic_string(), domain = relative.parent_path().generic_string();
    if (chosen && !is_in_list(stem, chosen) && !is_in_list(domain, chosen)) continue;
    indexes.push_back(entry.path());
    found.insert({stem, domain});
  }
  std::istringstream names(chosen ? chosen : "");
  for (std::string name; std::getline(names, name, ',');)
    if (!found.contains(name))
      throw InvalidArgument("METRICS_TEST_STEMS: there is no stem and no domain '" + name + "' in " + directory.string());
  std::sort(indexes.begin(), indexes.end());
  std::vector<Fixtures> all;
  for (const auto& index : indexes) all.push_back(read_fixtures(index));
  return all;
}

bool is_in_list(std::string_view name, std::string_view names) {
  return ("," + std::string(names) + ",").find("," + std::string(name) + ",") != std::string::npos;
}

}  // namespace metrics::testing
