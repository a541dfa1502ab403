#include "harness/fixtures.h"
#include "harness/ways.h"
#include <metrics/core/errors.h>
#include <metrics/core/registry.h>

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

using namespace metrics::testing;

namespace {

/// The classes in the library's headers that have a `///` above them.
std::set<std::string> documented_classes() {
  // A class is `class X`, or declared by METRICS_METRIC or METRICS_CLASS.
  const std::regex declaration(R"(^\s*(?:class\s+(?:METRICS_API\s+)?|METRICS_(?:METRIC|CLASS)\()(\w+))");
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
      for (const auto& m : fixtures.misuses) names.insert(m.metric.empty() ? m.functional : m.metric);
    else
      for (const auto& c : fixtures.cases) names.insert(c.metric);
  }
  names.erase("");
  return names;
}

std::set<std::string> functionals_with_cases() {
  std::set<std::string> names;
  for (const auto& fixtures : read_all_fixtures(METRICS_FIXTURE_DIR))
    for (const auto& c : fixtures.cases) names.insert(c.functional);
  return names;
}

/// What the tests themselves register says that it is the user's.
bool is_of_the_library(std::string_view domain) {
  return domain != "user";
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
    CHECK_MESSAGE(std::filesystem::is_directory(std::filesystem::path(METRICS_SOURCE_DIR) / "src" / metric->domain),
                  name << " is of the domain '" << metric->domain << "', which has no folder in src");
    CHECK_MESSAGE(documented.contains(name), name << " has no /// above its class in include/metrics");
    CHECK_MESSAGE(cases.contains(name), name << " has no case in python_compat_fixtures/" << metric->domain);
    CHECK_MESSAGE(misuses.contains(name), name << " has no misuse case in python_compat_fixtures/" << metric->domain);
  }
  CHECK(seen > 0);
  for (const auto* functional : metrics::list_functionals()) {
    if (!is_of_the_library(functional->domain)) continue;
    CHECK_MESSAGE(functionals.contains(std::string(functional->name)), functional->name << " has no case");
    // What goes with a class is refused by the rules of that, matrices of values by those of their pairs.
    if (functional->domain == "pairwise")
      CHECK_MESSAGE(misuses.contains(std::string(functional->name)), functional->name << " has no misuse case");
  }
  for (const auto* router : metrics::list_routers()) {
    const std::string name(router->name);
    CHECK_MESSAGE(cases.contains(name), name << " has no case");
    CHECK_MESSAGE(misuses.contains(name), name << " has no misuse case");
    if (!router->functional.empty())
      CHECK_MESSAGE(functionals.contains(std::string(router->functional)), router->functional << " has no case");
  }
}

TEST_CASE("every way is played by some case, and no two cases share a name") {
  std::map<std::string_view, int> played;
  std::set<std::string> names;
  for (const auto& fixtures : read_all_fixtures(METRICS_FIXTURE_DIR)) {
    for (const auto& c : fixtures.cases) {
      CHECK_MESSAGE(names.insert(c.name).second, "two cases are named " << c.name);
      for (const auto& way : ways()) played[way.name] += way.applies(c) && !c.excludes.contains(way.name);
    }
  }
  for (const auto& way : ways())
    if (way.name != "cuda" && way.name != "gradients")
      CHECK_MESSAGE(played[way.name] > 0, "no case is played in the way '" << way.name << "'");
}

TEST_CASE("a topic that is not there is refused by name") {
  // The environment is this process's own: nothing else runs in it meanwhile.
  const char* before = std::getenv("METRICS_TEST_STEMS");
  const std::string chosen = before ? before : "";
  ::setenv("METRICS_TEST_STEMS", "text,classification/no_such_topic", 1);
  CHECK_THROWS_WITH_AS(read_all_fixtures(METRICS_FIXTURE_DIR), doctest::Contains("classification/no_such_topic"),
                       metrics::InvalidArgument);
  ::setenv("METRICS_TEST_STEMS", "text", 1);
  const auto found = read_all_fixtures(METRICS_FIXTURE_DIR);
  if (before)
    ::setenv("METRICS_TEST_STEMS", chosen.c_str(), 1);
  else
    ::unsetenv("METRICS_TEST_STEMS");
  REQUIRE(!found.empty());
  for (const auto& fixtures : found) CHECK(fixtures.stem.starts_with("text/"));
}

TEST_CASE("every metric that has cases is registered") {
  for (const auto& name : metrics_with(false))
    CHECK_MESSAGE((metrics::find_metric(name) || metrics::find_router(name)), name << " is not registered");
}
