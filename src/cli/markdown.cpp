#include "markdown.h"

#include <metrics/core/errors.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <map>
#include <sstream>
#include <string_view>

namespace metrics::cli {
namespace {

/// In a table's cell a bar would end the cell.
std::string cell(std::string value) {
  for (size_t at = 0; (at = value.find('|', at)) != std::string::npos; at += 2) value.insert(at, 1, '\\');
  return value;
}

std::string code(std::string_view name) {
  return "`" + cell(std::string(name)) + "`";
}

/// What one section describes: the metrics of a router's tasks, or one, or a functional that belongs to no class.
struct Section {
  std::string title;
  std::string functional;
  std::vector<const MetricEntry*> metrics;
  const FunctionalEntry* alone = nullptr;
};

/// The sections of a domain by title.
std::vector<Section> sections_of(std::string_view domain, const Listing& listing) {
  std::vector<Section> sections;
  std::vector<const MetricEntry*> by_task;
  for (const RouterEntry* router : listing.routers) {
    Section section{std::string(router->name), std::string(router->functional), {}};
    for (const auto& task : router->tasks) {
      const MetricEntry* metric = find_metric(task.metric);
      if (metric->domain == domain) section.metrics.push_back(metric);
    }
    by_task.insert(by_task.end(), section.metrics.begin(), section.metrics.end());
    if (!section.metrics.empty()) sections.push_back(std::move(section));
  }
  for (const MetricEntry* metric : listing.metrics) {
    const bool described = std::find(by_task.begin(), by_task.end(), metric) != by_task.end();
    if (metric->domain != domain || described) continue;
    sections.push_back({std::string(metric->name), std::string(metric->functional.name), {metric}});
  }
  for (const FunctionalEntry* functional : without_class(listing)) {
    if (functional->domain == domain) sections.push_back({std::string(functional->name), "", {}, functional});
  }
  std::sort(sections.begin(), sections.end(), [](const Section& a, const Section& b) { return a.title < b.title; });
  return sections;
}

template <class Infos>
void print_list(std::ostream& out, std::string_view what, const Infos& infos) {
  if (infos.empty()) return;
  out << "  - " << what << ":";
  std::string_view between = " ";
  for (const auto& info : infos) {
    out << between << code(info.name);
    if constexpr (requires { info.type; }) out << " (" << info.type << ")";
    if (!info.description.empty()) out << ": " << info.description;
    between = info.description.empty() ? ", " : " ";
  }
  out << "\n";
}

void print_metric(std::ostream& out, const MetricEntry& metric) {
  out << "- **" << code(metric.name) << "**";
  if (!metric.functional.name.empty()) out << ", functional " << code(metric.functional.name);
  out << ". " << metric.summary << "\n";
  print_list(out, "inputs", metric.inputs);
  if (metric.outputs.size() > 1 || metric.outputs.front().name != "value") print_list(out, "outputs", metric.outputs);
  const std::vector<StateInfo> states = states_of(metric);
  if (states.empty()) return;
  out << "  - states:";
  std::string_view between = " ";
  for (const StateInfo& state : states) {
    out << between << joined(state.names, ", ") << " (" << state.reduction << ")";
    between = "; ";
  }
  out << "; weights of rows: " << weights_of(metric) << "\n";
}

void print_functional(std::ostream& out, const FunctionalEntry& functional) {
  out << "- functional **" << code(functional.name) << "**. " << metrics::detail::description(functional.name) << "\n";
  print_list(out, "inputs", functional.inputs);
}

/// An option with the metrics of a section that have it so.
struct Row {
  const OptionInfo* option;
  std::vector<std::string> metrics;
};

bool is_alike(const OptionInfo& a, const OptionInfo& b) {
  return a.name == b.name && a.type == b.type && a.default_text == b.default_text && a.description == b.description;
}

/// The options of a section's metrics, those of one name beside each other.
std::vector<Row> rows_of(const Section& section) {
  std::vector<Row> rows;
  if (section.alone != nullptr) {
    for (const OptionInfo& option : section.alone->options) rows.push_back({&option, {}});
  }
  for (const MetricEntry* metric : section.metrics) {
    for (const OptionInfo& option : metric->options) {
      const auto same =
          std::find_if(rows.begin(), rows.end(), [&](const Row& r) { return is_alike(*r.option, option); });
      if (same != rows.end()) {
        same->metrics.emplace_back(metric->name);
        continue;
      }
      auto after =
          std::find_if(rows.rbegin(), rows.rend(), [&](const Row& r) { return r.option->name == option.name; });
      rows.insert(after == rows.rend() ? rows.end() : after.base(), {&option, {std::string(metric->name)}});
    }
  }
  return rows;
}

/// What tells a task's class from the others of its section: `Binary` of `BinaryAccuracy`.
std::string task_of(const std::string& metric, const Section& section) {
  const std::size_t at = metric.find(section.title);
  return at == std::string::npos || at == 0 ? metric : metric.substr(0, at);
}

void print_options(std::ostream& out, const Section& section) {
  const std::vector<Row> rows = rows_of(section);
  if (rows.empty()) return;
  out << "\n| option | type | default | |\n|---|---|---|---|\n";
  for (const Row& row : rows) {
    std::string of;
    if (row.metrics.size() < section.metrics.size()) {
      for (const std::string& metric : row.metrics) of += (of.empty() ? "" : ", ") + task_of(metric, section);
      of += ": ";
    }
    out << "| " << code(row.option->name) << " | " << cell(row.option->type) << " | "
        << (row.option->default_text ? code(*row.option->default_text) : "required") << " | " << of
        << cell(std::string(row.option->description)) << " |\n";
  }
}

/// The classes of a domain whose updates do the same where their options are those of the listing.
std::vector<std::vector<std::string>> sharing(std::string_view domain, const Listing& listing) {
  std::map<std::string, std::vector<std::string>> by_key;
  for (const MetricEntry* metric : listing.metrics) {
    if (metric->domain != domain) continue;
    const std::unique_ptr<Metric> example = metric->example();
    const auto* unit = dynamic_cast<const Unit*>(example.get());
    if (unit != nullptr) by_key[unit->update_key()].push_back(code(metric->name));
  }
  std::vector<std::vector<std::string>> groups;
  for (const auto& [key, names] : by_key) {
    if (names.size() > 1) groups.push_back(names);
  }
  std::sort(groups.begin(), groups.end());
  return groups;
}

std::string page_of(std::string_view domain, const Listing& listing) {
  std::ostringstream out;
  out << "# Metrics: " << domain
      << "\n\nWritten by `metrics list --markdown docs/metrics`. All of them take the common "
      << "options of [the dynamic face](../dynamic.md) as well.\n";
  for (const Section& section : sections_of(domain, listing)) {
    out << "\n## " << section.title << "\n\n";
    if (section.alone != nullptr) {
      print_functional(out, *section.alone);
      print_options(out, section);
      continue;
    }
    if (section.metrics.size() > 1 || section.title != section.metrics.front()->name) {
      out << "By `task`";
      if (!section.functional.empty()) out << "; functional " << code(section.functional);
      out << ".\n\n";
    }
    for (const MetricEntry* metric : section.metrics) print_metric(out, *metric);
    print_options(out, section);
  }
  const auto groups = sharing(domain, listing);
  if (!groups.empty()) {
    out << "\n## Updated together\n\nIn a collection, and in `update_together`, the classes of a line keep one state "
           "and "
           "read a batch once,\nwhere their options agree as far as counting goes.\n\n";
    for (const auto& names : groups) out << "- " << joined(names, ", ") << "\n";
  }
  return out.str();
}

std::string index_of(const std::vector<std::string_view>& domains, const Listing& listing) {
  std::ostringstream out;
  out << "# Metrics\n\nWritten by `metrics list --markdown docs/metrics`: every class that can be created by name. "
         "`metrics "
         "list NAME`\nshows the same of one.\n\n| domain | metrics |\n|---|---|\n";
  for (const std::string_view domain : domains) {
    out << "| [" << domain << "](" << domain << ".md) |";
    for (const Section& section : sections_of(domain, listing)) {
      out << " "
          << "[" << section.title << "](" << domain << ".md#";
      for (const char c : section.title) out << static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      out << ")";
    }
    out << " |\n";
  }
  return out.str();
}

void write(const std::filesystem::path& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary);
  out << text;
  out.close();
  if (!out) throw Error("cannot write " + file.string());
}

}  // namespace

void write_markdown(const std::filesystem::path& folder, const Listing& listing) {
  std::vector<std::string_view> domains;
  for (const MetricEntry* metric : listing.metrics) domains.push_back(metric->domain);
  for (const FunctionalEntry* functional : listing.functionals) domains.push_back(functional->domain);
  std::sort(domains.begin(), domains.end());
  domains.erase(std::unique(domains.begin(), domains.end()), domains.end());
  for (const std::string_view domain : domains) {
    write(folder / (std::string(domain) + ".md"), page_of(domain, listing));
  }
  write(folder / "README.md", index_of(domains, listing));
}

}  // namespace metrics::cli
