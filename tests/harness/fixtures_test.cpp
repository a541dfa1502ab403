#include "harness/fixtures.h"

#include "harness/check_metric.h"
#include "harness/ways.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <set>

using namespace metrics::testing;

namespace {

const std::vector<Fixtures>& all_fixtures() {
  static const std::vector<Fixtures> fixtures = read_all_fixtures(METRICS_FIXTURE_DIR);
  REQUIRE_MESSAGE(!fixtures.empty(), "METRICS_TEST_STEMS names no stem, such as classification/accuracy");
  return fixtures;
}

/// Plays the case in the ways that METRICS_TEST_WAYS names, a list with commas; without it in all.
void check_chosen(const Case& c) {
  const char* chosen = std::getenv("METRICS_TEST_WAYS");
  if (!chosen) return check_metric(c);
  for (const auto& way : ways()) {
    if (!is_in_list(way.name, chosen)) continue;
    const auto found = failure(way, c);
    CHECK_MESSAGE(found.empty(), c.name << ", " << way.name << ": " << found);
  }
}

}  // namespace

TEST_CASE("fixtures: what must be refused is refused, and changes nothing") {
  for (const auto& fixtures : all_fixtures()) {
    CHECK_MESSAGE(!fixtures.misuses.empty(), fixtures.stem << " has no misuse");
    for (const auto& misuse : fixtures.misuses) check_misuse(misuse);
  }
}

TEST_CASE("fixtures: every case in every way that one process has") {
  std::map<std::string_view, int> played;
  std::set<std::string> names;
  for (const auto& fixtures : all_fixtures()) {
    for (const auto& c : fixtures.cases) {
      CHECK_MESSAGE(names.insert(c.name).second, "two cases are named " << c.name);
      check_chosen(c);
      for (const auto& way : ways()) played[way.name] += way.applies(c) && !c.excludes.contains(way.name);
    }
  }
  if (std::getenv("METRICS_TEST_STEMS")) return;
  for (const auto& way : ways())
    if (way.name != "cuda" && way.name != "gradients")
      CHECK_MESSAGE(played[way.name] > 0, "no case is played in the way '" << way.name << "'");
}

TEST_CASE("fixtures: every case over ranks") {
  std::vector<Case> cases;
  for (const auto& fixtures : all_fixtures())
    for (const auto& c : fixtures.cases) cases.push_back(c);
  REQUIRE(!cases.empty());
  check_on_ranks(cases);
}
