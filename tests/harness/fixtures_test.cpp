#include "harness/fixtures.h"

#include "harness/check_metric.h"
#include "harness/ways.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

using namespace metrics::testing;

namespace {

/// Leaves of each metric's cases the first one and every n-th after it.
void leave_each(int64_t n, std::vector<Case>& cases) {
  std::map<std::string, int64_t> seen;
  std::erase_if(cases, [&](const Case& c) { return seen[c.metric]++ % n != 0; });
}

/// The same where METRICS_TEST_SHARE is n.
void leave_share(std::vector<Case>& cases) {
  const char* share = std::getenv("METRICS_TEST_SHARE");
  if (!share) return;
  const int64_t n = std::atoll(share);
  REQUIRE_MESSAGE(n > 0, "METRICS_TEST_SHARE must be a number of 1 or more, got '" << share << "'");
  leave_each(n, cases);
}

const std::vector<Fixtures>& all_fixtures() {
  static const std::vector<Fixtures> fixtures = [] {
    auto all = read_all_fixtures(METRICS_FIXTURE_DIR);
    for (auto& topic : all) leave_share(topic.cases);
    return all;
  }();
  REQUIRE(!fixtures.empty());
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
  int played = 0;
  for (const auto& fixtures : all_fixtures()) {
    for (const auto& c : fixtures.cases) {
      check_chosen(c);
      ++played;
    }
  }
  CHECK(played > 0);
  MESSAGE(played << " cases");
}

TEST_CASE("fixtures: every case over ranks, and of fewer ranks every third") {
  std::vector<Case> cases;
  for (const auto& fixtures : all_fixtures())
    for (const auto& c : fixtures.cases) cases.push_back(c);
  REQUIRE(!cases.empty());
  const std::vector<int64_t> sizes = world_sizes();
  check_on_ranks(cases, {sizes.back()});
  leave_each(3, cases);
  check_on_ranks(cases, {sizes.begin(), sizes.end() - 1});
}
