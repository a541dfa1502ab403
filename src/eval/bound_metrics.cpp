#include "bound_metrics.h"

#include "nearest.h"
#include "usage_error.h"
#include <metrics/core/registry.h>
#include <metrics/core/unit.h>

#include <fnmatch.h>

#include <algorithm>
#include <memory>
#include <set>
#include <sstream>
#include <utility>

namespace metrics::eval {
namespace {

/// What the classes that a metric's data are in say of an input.
struct Expected {
  bool takes_texts = false;
  bool takes_numbers = false;
  bool required = false;
};

Expected expected_of(Metric& metric, const std::string& input) {
  Expected expected;
  for (const Unit* unit : metric.units()) {
    const MetricEntry* entry = find_metric(unit->name());
    if (entry == nullptr) continue;
    for (const InputInfo& info : entry->inputs) {
      if (info.name != input) continue;
      const bool texts = info.type.find("str") != std::string::npos;
      expected.takes_texts = expected.takes_texts || texts;
      expected.takes_numbers = expected.takes_numbers || !texts;
      expected.required = expected.required || !info.type.ends_with("or None");
    }
  }
  return expected;
}

/// All names that an input may have.
std::vector<std::string> input_names(const Table& table) {
  std::set<std::string> names(table.columns().begin(), table.columns().end());
  for (const MetricEntry* entry : list_metrics()) {
    for (const InputInfo& input : entry->inputs) names.emplace(input.name);
  }
  return {names.begin(), names.end()};
}

/// The columns of `preds=p0,p1` or `preds=p*`.
std::vector<std::string> columns_of(const std::string& input, const std::string& given, const Table& table) {
  if (table.contains(given)) return {given};
  std::vector<std::string> columns;
  std::istringstream stream(given);
  for (std::string part; std::getline(stream, part, ',');) {
    const std::size_t before = columns.size();
    for (const std::string& column : table.columns()) {
      const bool matches = column == part || (!table.contains(part) && ::fnmatch(part.c_str(), column.c_str(), 0) == 0);
      if (matches) columns.push_back(column);
    }
    if (columns.size() > before) continue;
    throw UsageError("there is no column `" + part + "` for input `" + input + "`" +
                     did_you_mean(part, table.columns()));
  }
  if (columns.empty()) throw UsageError("no column is named for input `" + input + "`");
  return columns;
}

bool draws_by_sample(const Metric& metric) {
  const std::vector<ChildMetric> children = metric.children();
  return metric.name() == "BootStrapper" || std::any_of(children.begin(), children.end(), [](const ChildMetric& child) {
           return draws_by_sample(*child.metric);
         });
}

/// A metric before it is in a collection.
struct Asked {
  std::string title;
  std::shared_ptr<Metric> metric;
  std::vector<BoundInput> inputs;
};

Asked bind_metric(const MetricSpec& spec, const Request& request, const Table& table) {
  Asked asked{spec.title, make_metric(spec), {}};
  Metric& metric = *asked.metric;
  if (asked.title.empty()) asked.title = metric.name();
  std::vector<std::string> taken;
  for (const std::string& input : input_names(table)) {
    if (metric.takes_input(input)) taken.push_back(input);
  }
  for (const auto& [input, column] : spec.columns) {
    if (metric.takes_input(input)) continue;
    throw UsageError(asked.title + " has no input `" + input + "`" + did_you_mean(input, taken));
  }
  for (const std::string& input : taken) {
    const Expected expected = expected_of(metric, input);
    BoundInput bound{input, {}, expected.takes_texts, expected.takes_numbers};
    const auto own = spec.columns.find(input);
    const auto common = request.columns.find(input);
    if (own != spec.columns.end()) {
      bound.columns = columns_of(input, own->second, table);
    } else if (common != request.columns.end()) {
      bound.columns = columns_of(input, common->second, table);
    } else if (table.contains(input)) {
      bound.columns = {input};
    } else if (expected.required) {
      throw UsageError(asked.title + ": there is no column `" + input + "`; name the one that is meant, as in --map " +
                       input + "=COLUMN, or its file with --" + input + did_you_mean(input, table.columns()));
    } else {
      continue;
    }
    asked.inputs.push_back(std::move(bound));
  }
  return asked;
}

/// Whether a metric can be updated with these: each input that both have is the same, and what one has the other does
/// not miss.
bool fits(const Asked& asked, const BoundMetrics& bound) {
  const auto among = [](const BoundInput& input, const std::vector<BoundInput>& inputs) {
    return std::any_of(inputs.begin(), inputs.end(), [&](const BoundInput& other) { return input.comes_from(other); });
  };
  return std::all_of(bound.inputs.begin(), bound.inputs.end(),
                     [&](const BoundInput& input) {
                       return !asked.metric->takes_input(input.name) || among(input, asked.inputs);
                     }) &&
         std::all_of(asked.inputs.begin(), asked.inputs.end(), [&](const BoundInput& input) {
           return !bound.metrics.takes_input(input.name) || among(input, bound.inputs);
         });
}

void add_inputs(const std::vector<BoundInput>& inputs, std::vector<BoundInput>& all) {
  for (const BoundInput& input : inputs) {
    const auto known =
        std::find_if(all.begin(), all.end(), [&](const BoundInput& other) { return input.comes_from(other); });
    if (known == all.end()) {
      all.push_back(input);
    } else {
      known->takes_texts = known->takes_texts || input.takes_texts;
      known->takes_numbers = known->takes_numbers || input.takes_numbers;
    }
  }
}

}  // namespace

std::vector<BoundMetrics> bind_metrics(const Request& request, const Table& table) {
  std::vector<BoundMetrics> all;
  std::set<std::string> titles;
  std::set<std::string> mapped;
  for (const MetricSpec& spec : request.specs.metrics) {
    Asked asked = bind_metric(spec, request, table);
    if (!titles.insert(asked.title).second) {
      throw UsageError("two metrics are called " + asked.title + ": give them names, as in top5=" + asked.title +
                       "(top_k=5)");
    }
    for (const auto& [input, column] : request.columns) {
      if (asked.metric->takes_input(input)) mapped.insert(input);
    }
    auto place = std::find_if(all.begin(), all.end(), [&](const BoundMetrics& bound) { return fits(asked, bound); });
    if (place == all.end()) {
      MetricCollection none({}, {.prefix = request.specs.prefix, .postfix = request.specs.postfix});
      place = all.insert(all.end(), BoundMetrics{std::move(none), {}, false});
    }
    try {
      place->draws_by_sample = place->draws_by_sample || draws_by_sample(*asked.metric);
      place->metrics.add({asked.title, MetricHandle(asked.metric)});
    } catch (const InvalidArgument& error) {
      throw UsageError(error.what());
    }
    add_inputs(asked.inputs, place->inputs);
  }
  for (const auto& [input, column] : request.columns) {
    if (!mapped.contains(input))
      throw UsageError("no metric has an input `" + input + "`, for which there is a column");
  }
  return all;
}

}  // namespace metrics::eval
