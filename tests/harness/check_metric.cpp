#include "check_metric.h"

#include <metrics/core/errors.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

namespace metrics::testing {
namespace {

void check_ways_named(const Case& c) {
  for (const auto& [name, reason] : c.excludes) {
    const bool known =
        name == "ranks" || std::any_of(ways().begin(), ways().end(), [&](const Way& w) { return w.name == name; });
    CHECK_MESSAGE(known, c.name << " excludes an unknown way: " << name);
    CHECK_MESSAGE(!reason.empty(), c.name << " excludes '" << name << "' without a reason");
  }
}

void check_way(const Way& way, const Case& c) {
  const auto found = failure(way, c);
  CHECK_MESSAGE(found.empty(), c.name << ", " << way.name << ": " << found);
}

}  // namespace

void check_metric(const Case& c) {
  check_ways_named(c);
  for (const auto& way : ways()) check_way(way, c);
}

void check_functional(const Case& c) {
  REQUIRE_MESSAGE(!c.functional.empty(), c.name << " names no functional");
  for (const auto& way : ways())
    if (way.name == "functional") check_way(way, c);
}

void check_misuse(const Misuse& misuse) {
  const auto found = failure(misuse);
  CHECK_MESSAGE(found.empty(), misuse.name << ": " << found);
}

void check_on_ranks(const std::vector<Case>& cases, const std::vector<int64_t>& sizes) {
  const std::string test_case = doctest::getContextOptions()->currentTest->m_name;
  for (const int64_t world_size : sizes) {
    const auto found = failures_on_ranks(cases, world_size, test_case);
    for (const auto& text : found) FAIL_CHECK(text);
    CHECK(found.empty());
  }
}

}  // namespace metrics::testing
