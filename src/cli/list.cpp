#include "list.h"

#include "eval/nearest.h"
#include "listing.h"
#include "markdown.h"
#include <metrics/core/errors.h>
#include <metrics/core/registry.h>
#include <metrics/core/state.h>
#include <metrics/version.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <iostream>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace metrics::cli {
namespace {

using Json = nlohmann::ordered_json;

/// A line with what is said of it on the next one.
std::string with_description(const std::string& line, std::string_view description) {
  return description.empty() ? line : line + "\n" + std::string(16, ' ') + std::string(description);
}

std::string text(const OptionInfo& option) {
  return with_description(std::string(option.name) + ": " + option.type +
                              (option.default_text ? " = " + *option.default_text : " (required)"),
                          option.description);
}

std::string text(const InputInfo& input) {
  return with_description(std::string(input.name) + ": " + input.type, input.description);
}

std::string text(const OutputInfo& output) {
  return with_description(std::string(output.name), output.description);
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
    out << metric->name << "  (" << metric->domain << (metric->functional.name.empty() ? "" : ", functional ")
        << metric->functional.name << ")\n";
    if (!metric->summary.empty()) out << "  " << metric->summary << "\n";
    print_lines(out, "options", texts(metric->options));
    print_lines(out, "inputs", texts(metric->inputs));
    print_lines(out, "outputs", texts(metric->outputs));
    print_lines(out, "states", texts(states_of(*metric)));
    if (const std::string weights = weights_of(*metric); !weights.empty()) print_lines(out, "weights", {weights});
    out << "\n";
  }
  for (const FunctionalEntry* functional : without_class(listing)) {
    out << functional->name << "  (" << functional->domain << ", a functional)\n";
    const std::string_view summary = metrics::detail::description(functional->name);
    if (!summary.empty()) out << "  " << summary << "\n";
    print_lines(out, "options", texts(functional->options));
    print_lines(out, "inputs", texts(functional->inputs));
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

Json as_json(const std::vector<OptionInfo>& infos) {
  Json options = Json::array();
  for (const OptionInfo& option : infos) {
    Json described = {{"name", option.name}, {"type", option.type}, {"required", !option.default_text}};
    if (option.default_text) described["default"] = default_value(*option.default_text);
    if (!option.description.empty()) described["description"] = option.description;
    options.push_back(described);
  }
  return options;
}

Json as_json(const std::vector<InputInfo>& infos) {
  Json inputs = Json::array();
  for (const InputInfo& input : infos) {
    inputs.push_back({{"name", input.name}, {"type", input.type}, {"description", input.description}});
  }
  return inputs;
}

Json as_json(const MetricEntry& metric) {
  Json outputs = Json::array();
  for (const OutputInfo& output : metric.outputs) {
    outputs.push_back({{"name", output.name}, {"description", output.description}});
  }
  Json states = Json::array();
  for (const StateInfo& state : states_of(metric)) {
    states.push_back({{"names", state.names}, {"reduction", state.reduction}});
  }
  const auto& better = metric.traits.higher_is_better;
  return {{"name", metric.name},
          {"summary", metric.summary},
          {"functional", metric.functional.name.empty() ? Json(nullptr) : Json(metric.functional.name)},
          {"domain", metric.domain},
          {"options", as_json(metric.options)},
          {"inputs", as_json(metric.inputs)},
          {"outputs", outputs},
          {"states", states},
          {"weights", weights_of(metric).empty() ? Json(nullptr) : Json(weights_of(metric))},
          {"higher_is_better", better ? Json(*better) : Json(nullptr)},
          {"is_differentiable", metric.traits.is_differentiable}};
}

Json as_json(const RouterEntry& router) {
  Json tasks = Json::object();
  for (const auto& task : router.tasks) tasks[std::string(task.task)] = task.metric;
  Json defaults = Json::object();
  for (const auto& [option, value] : router.defaults) {
    defaults[std::string(option)] = std::visit([](const auto& held) { return Json(held); }, value);
  }
  return {{"name", router.name},
          {"functional", router.functional.empty() ? Json(nullptr) : Json(router.functional)},
          {"tasks", tasks},
          {"defaults", defaults}};
}

Json as_json(const FunctionalEntry& functional) {
  return {{"name", functional.name},
          {"domain", functional.domain},
          {"options", as_json(functional.options)},
          {"inputs", as_json(functional.inputs)}};
}

void print_json(std::ostream& out, const Listing& listing) {
  Json all = {{"version", METRICS_VERSION}, {"metrics", Json::array()}, {"routers", Json::array()}};
  all["functionals"] = Json::array();
  for (const MetricEntry* metric : listing.metrics) all["metrics"].push_back(as_json(*metric));
  for (const RouterEntry* router : listing.routers) all["routers"].push_back(as_json(*router));
  for (const FunctionalEntry* functional : listing.functionals) all["functionals"].push_back(as_json(*functional));
  out << all.dump(2) << "\n";
}

void print_names(std::ostream& out, const Listing& listing) {
  for (const MetricEntry* metric : listing.metrics) out << metric->name << "\n";
  for (const RouterEntry* router : listing.routers) out << router->name << "\n";
}

std::vector<std::string> all_names() {
  std::vector<std::string> names;
  for (const MetricEntry* metric : list_metrics()) names.emplace_back(metric->name);
  for (const RouterEntry* router : list_routers()) names.emplace_back(router->name);
  for (const FunctionalEntry* functional : list_functionals()) names.emplace_back(functional->name);
  return names;
}

Listing find(const std::vector<std::string>& names) {
  if (names.empty()) return {list_metrics(), list_routers(), list_functionals()};
  Listing found;
  for (const std::string& name : names) {
    const MetricEntry* metric = find_metric(name);
    const RouterEntry* router = find_router(name);
    if (metric) found.metrics.push_back(metric);
    if (metric && !metric->functional.name.empty()) found.functionals.push_back(&metric->functional);
    if (router) found.routers.push_back(router);
    if (metric || router) continue;
    const FunctionalEntry* functional = find_functional(name);
    if (functional) {
      found.functionals.push_back(functional);
    } else {
      throw InvalidArgument("there is no metric called '" + name + "'" + eval::did_you_mean(name, all_names()) +
                            "; \"metrics list --names\" shows what there is");
    }
  }
  return found;
}

}  // namespace

void add_list(CLI::App& app) {
  struct Options {
    std::vector<std::string> names;
    bool json = false;
    std::string markdown;
    bool names_only = false;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("list", "Show what can be created by name: options, defaults, inputs, outputs, states");
  command->add_option("NAME", options->names, "Show these alone");
  auto* json = command->add_flag("--json", options->json, "Print JSON, for programs");
  auto* markdown =
      command->add_option("--markdown", options->markdown, "Write a page for each domain into this folder");
  auto* names = command->add_flag("--names", options->names_only, "Print the names alone");
  json->excludes(markdown)->excludes(names);
  markdown->excludes(names);
  command->callback([options] {
    const Listing listing = find(options->names);
    if (options->json) return print_json(std::cout, listing);
    if (!options->markdown.empty()) return write_markdown(options->markdown, listing);
    if (options->names_only) return print_names(std::cout, listing);
    print_text(std::cout, listing);
  });
}

}  // namespace metrics::cli
