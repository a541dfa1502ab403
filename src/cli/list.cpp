#include "list.h"

#include <metrics/core/errors.h>
#include <metrics/core/registry.h>
#include <metrics/core/state.h>
#include <metrics/version.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace metrics::cli {
namespace {

using Json = nlohmann::ordered_json;

/// What is to be shown.
struct Listing {
  std::vector<const MetricEntry*> metrics;
  std::vector<const RouterEntry*> routers;
};

struct StateInfo {
  std::vector<std::string> names;
  std::string reduction;
};

std::vector<StateInfo> states_of(const MetricEntry& metric) {
  const std::unique_ptr<Metric> example = metric.example();
  std::vector<StateInfo> states;
  for (const State& state : example->states()) {
    states.push_back({state.names(), std::string(metrics::to_string(state.reduction()))});
  }
  return states;
}

std::string joined(const std::vector<std::string>& words, const std::string& between) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : between) + word;
  return all;
}

std::string text(const OptionInfo& option) {
  return std::string(option.name) + ": " + option.type +
         (option.default_text ? " = " + *option.default_text : " (required)") +
         (option.description.empty() ? "" : "  " + std::string(option.description));
}

std::string text(const InputInfo& input) {
  return std::string(input.name) + ": " + input.type;
}

std::string text(const StateInfo& state) {
  return joined(state.names, ", ") + " (" + state.reduction + ")";
}

std::string text(const RouterEntry::Task& task) {
  return "task=" + std::string(task.task) + ": " + std::string(task.metric);
}

template <class T>
std::vector<std::string> texts(const std::vector<T>& items) {
  std::vector<std::string> all;
  for (const T& item : items) all.push_back(text(item));
  return all;
}

/// Prints lines under a word that stands before the first of them.
void print_lines(std::ostream& out, const std::string& word, const std::vector<std::string>& lines) {
  std::string before = "  " + word + std::string(10 - word.size(), ' ');
  for (const std::string& line : lines) {
    out << before << line << "\n";
    before.assign(before.size(), ' ');
  }
}

void print_text(std::ostream& out, const Listing& listing) {
  for (const MetricEntry* metric : listing.metrics) {
    out << metric->name << "  (" << metric->domain << (metric->functional.empty() ? "" : ", functional ")
        << metric->functional << ")\n";
    print_lines(out, "options", texts(metric->options));
    print_lines(out, "inputs", texts(metric->inputs));
    print_lines(out, "outputs", {joined(metric->outputs, ", ")});
    print_lines(out, "states", texts(states_of(*metric)));
    out << "\n";
  }
  for (const RouterEntry* router : listing.routers) {
    out << router->name << "  (by task" << (router->functional.empty() ? "" : ", functional ") << router->functional
        << ")\n";
    print_lines(out, "creates", texts(router->tasks));
    out << "\n";
  }
}

/// A default as JSON has it; the registry keeps it as Python prints it.
Json default_value(const std::string& python) {
  if (python == "None") return nullptr;
  if (python == "True" || python == "False") return python == "True";
  if (python.size() >= 2 && python.front() == '\'') return python.substr(1, python.size() - 2);
  const Json number = Json::parse(python, nullptr, false);
  return number.is_discarded() ? Json(python) : number;
}

Json as_json(const MetricEntry& metric) {
  Json options = Json::array();
  for (const OptionInfo& option : metric.options) {
    Json described = {{"name", option.name}, {"type", option.type}, {"required", !option.default_text}};
    if (!option.description.empty()) described["description"] = option.description;
    if (option.default_text) described["default"] = default_value(*option.default_text);
    options.push_back(described);
  }
  Json inputs = Json::array();
  for (const InputInfo& input : metric.inputs) inputs.push_back({{"name", input.name}, {"type", input.type}});
  Json states = Json::array();
  for (const StateInfo& state : states_of(metric)) {
    states.push_back({{"names", state.names}, {"reduction", state.reduction}});
  }
  const auto& better = metric.traits.higher_is_better;
  return {{"name", metric.name},
          {"functional", metric.functional.empty() ? Json(nullptr) : Json(metric.functional)},
          {"domain", metric.domain},
          {"options", options},
          {"inputs", inputs},
          {"outputs", metric.outputs},
          {"states", states},
          {"higher_is_better", better ? Json(*better) : Json(nullptr)},
          {"is_differentiable", metric.traits.is_differentiable}};
}

Json as_json(const RouterEntry& router) {
  Json tasks = Json::object();
  for (const auto& task : router.tasks) tasks[std::string(task.task)] = task.metric;
  return {{"name", router.name},
          {"functional", router.functional.empty() ? Json(nullptr) : Json(router.functional)},
          {"tasks", tasks}};
}

void print_json(std::ostream& out, const Listing& listing) {
  Json all = {{"version", METRICS_VERSION}, {"metrics", Json::array()}, {"routers", Json::array()}};
  for (const MetricEntry* metric : listing.metrics) all["metrics"].push_back(as_json(*metric));
  for (const RouterEntry* router : listing.routers) all["routers"].push_back(as_json(*router));
  out << all.dump(2) << "\n";
}

/// In a table's cell a bar would end the cell.
std::string cell(std::string value) {
  for (size_t at = 0; (at = value.find('|', at)) != std::string::npos; at += 2) value.insert(at, 1, '\\');
  return value;
}

void print_markdown_table(std::ostream& out, const MetricEntry& metric) {
  out << "### " << metric.name << "\n\n";
  if (!metric.functional.empty()) out << "Functional: `" << metric.functional << "`. ";
  const auto or_childrens = [](const std::string& own) { return own.empty() ? "those of its metrics" : own; };
  out << "Inputs: " << or_childrens(cell(joined(texts(metric.inputs), "; ")))
      << ". Outputs: " << joined(metric.outputs, ", ")
      << ". States: " << or_childrens(joined(texts(states_of(metric)), "; ")) << ".\n\n";
  if (metric.options.empty()) return;
  out << "| option | type | default |\n|---|---|---|\n";
  for (const OptionInfo& option : metric.options) {
    out << "| `" << option.name << "` | " << cell(option.type) << " | "
        << (option.default_text ? "`" + cell(*option.default_text) + "`" : "required") << " |\n";
  }
  out << "\n";
}

/// The classes whose updates do the same where their options are those of the listing.
std::vector<std::vector<std::string>> sharing(const Listing& listing) {
  std::map<std::string, std::vector<std::string>> by_key;
  for (const MetricEntry* metric : listing.metrics) {
    by_key[metric->example()->update_key()].push_back("`" + std::string(metric->name) + "`");
  }
  std::vector<std::vector<std::string>> groups;
  for (const auto& [key, names] : by_key) {
    if (names.size() > 1) groups.push_back(names);
  }
  std::sort(groups.begin(), groups.end());
  return groups;
}

void print_markdown(std::ostream& out, const Listing& listing) {
  out << "# Metrics\n\nWritten by `metrics list --markdown`: every class that can be created by name. All of them "
         "take\n"
         "the common options of [the dynamic face](dynamic.md) as well.\n\n";
  if (!listing.routers.empty()) {
    out << "## By task\n\n| name | task | creates |\n|---|---|---|\n";
    for (const RouterEntry* router : listing.routers) {
      for (const auto& task : router->tasks) {
        out << "| `" << router->name << "` | `" << task.task << "` | `" << task.metric << "` |\n";
      }
    }
    out << "\n";
  }
  const auto groups = sharing(listing);
  if (!groups.empty()) {
    out << "## Updated together\n\nIn a collection, and in `update_together`, the classes of a line keep one state and "
           "read a batch once,\nwhere their options agree as far as counting goes.\n\n";
    for (const auto& names : groups) out << "- " << joined(names, ", ") << "\n";
    out << "\n";
  }
  std::set<std::string_view> domains;
  for (const MetricEntry* metric : listing.metrics) domains.insert(metric->domain);
  for (const std::string_view domain : domains) {
    out << "## " << domain << "\n\n";
    for (const MetricEntry* metric : listing.metrics) {
      if (metric->domain == domain) print_markdown_table(out, *metric);
    }
  }
}

void print_names(std::ostream& out, const Listing& listing) {
  for (const MetricEntry* metric : listing.metrics) out << metric->name << "\n";
  for (const RouterEntry* router : listing.routers) out << router->name << "\n";
}

Listing find(const std::vector<std::string>& names) {
  if (names.empty()) return {list_metrics(), list_routers()};
  Listing found;
  for (const std::string& name : names) {
    const MetricEntry* metric = find_metric(name);
    const RouterEntry* router = find_router(name);
    if (metric) found.metrics.push_back(metric);
    if (router) found.routers.push_back(router);
    if (!metric && !router) {
      throw InvalidArgument("there is no metric called '" + name + "'; \"metrics list --names\" shows what there is");
    }
  }
  return found;
}

}  // namespace

void add_list(CLI::App& app) {
  struct Options {
    std::vector<std::string> names;
    bool json = false;
    bool markdown = false;
    bool names_only = false;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("list", "Show what can be created by name: options, defaults, inputs, outputs, states");
  command->add_option("NAME", options->names, "Show these alone");
  auto* json = command->add_flag("--json", options->json, "Print JSON, for programs");
  auto* markdown = command->add_flag("--markdown", options->markdown, "Print the page of docs/metrics.md");
  auto* names = command->add_flag("--names", options->names_only, "Print the names alone");
  json->excludes(markdown)->excludes(names);
  markdown->excludes(names);
  command->callback([options] {
    const Listing listing = find(options->names);
    if (options->json) return print_json(std::cout, listing);
    if (options->markdown) return print_markdown(std::cout, listing);
    if (options->names_only) return print_names(std::cout, listing);
    print_text(std::cout, listing);
  });
}

}  // namespace metrics::cli
