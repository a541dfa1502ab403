#include "harness/fixtures.h"
#include <metrics/core/registry.h>

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>

using namespace metrics::testing;

namespace {

/// The classes in the library's headers that have a `///` above them.
std::set<std::string> documented_classes() {
  // A class is `class X`, or `using X = MetricOf<…>`, or declared by a macro that names it.
  const std::regex declaration(R"(^\s*(?:class\s+(?:METRICS_API\s+)?|using\s+|METRICS_DECLARE\w*\()(\w+))");
  std::set<std::string> classes;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(METRICS_SOURCE_DIR "/include/metrics")) {
    if (entry.path().extension() != ".h") continue;
    std::ifstream file(entry.path());
    std::string line;
    bool documented = false;
    while (std::getline(file, line)) {
      std::smatch match;
      if (line.find("///") != std::string::npos)
        documented = true;
      else if (documented && std::regex_search(line, match, declaration))
        classes.insert(match[1]);
      else if (line.find("template") == std::string::npos)
        documented = false;
      if (std::regex_search(line, match, declaration)) documented = false;
    }
  }
  return classes;
}

std::set<std::string> metrics_with(bool misuse) {
  std::set<std::string> names;
  for (const auto& fixtures : read_all_fixtures(METRICS_FIXTURE_DIR)) {
    if (misuse)
      for (const auto& m : fixtures.misuses) names.insert(m.metric);
    else
      for (const auto& c : fixtures.cases) names.insert(c.metric);
  }
  return names;
}

std::set<std::string> functionals_with_cases() {
  std::set<std::string> names;
  for (const auto& fixtures : read_all_fixtures(METRICS_FIXTURE_DIR))
    for (const auto& c : fixtures.cases) names.insert(c.functional);
  return names;
}

bool is_of_the_library(std::string_view domain) {
  return std::filesystem::exists(std::filesystem::path(METRICS_SOURCE_DIR) / "src" / domain) && !domain.empty();
}

}  // namespace

TEST_CASE("every metric of the library has documentation, cases and misuse cases") {
  const auto documented = documented_classes();
  const auto cases = metrics_with(false);
  const auto misuses = metrics_with(true);
  const auto functionals = functionals_with_cases();
  int seen = 0;
  for (const auto* metric : metrics::list_metrics()) {
    if (!is_of_the_library(metric->domain)) continue;
    ++seen;
    const std::string name(metric->name);
    CHECK_MESSAGE(documented.contains(name), name << " has no /// above its class in include/metrics");
    CHECK_MESSAGE(cases.contains(name), name << " has no case in python_compat_fixtures/" << metric->domain);
    CHECK_MESSAGE(misuses.contains(name), name << " has no misuse case in python_compat_fixtures/" << metric->domain);
    if (!metric->functional.empty())
      CHECK_MESSAGE(functionals.contains(std::string(metric->functional)), metric->functional << " has no case");
  }
  CHECK(seen > 0);
  for (const auto* router : metrics::list_routers()) {
    const std::string name(router->name);
    CHECK_MESSAGE(cases.contains(name), name << " has no case");
    CHECK_MESSAGE(misuses.contains(name), name << " has no misuse case");
    if (!router->functional.empty())
      CHECK_MESSAGE(functionals.contains(std::string(router->functional)), router->functional << " has no case");
  }
}

TEST_CASE("every metric that has cases is registered") {
  for (const auto& name : metrics_with(false))
    CHECK_MESSAGE((metrics::find_metric(name) || metrics::find_router(name)), name << " is not registered");
}
