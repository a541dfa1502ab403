#include "families/comparisons.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>

#include <doctest/doctest.h>

#include <limits>
#include <vector>

using metrics::families::is_above;
using metrics::families::is_at_least;

TEST_CASE("comparisons: integers that float32 does not hold, and bounds between and beyond integers") {
  const auto flags = [](std::vector<int64_t> numbers) { return at::tensor(numbers, at::kLong).to(at::kBool); };
  const at::Tensor large = at::tensor({int64_t{16777215}, int64_t{16777216}, int64_t{16777217}}, at::kLong);
  CHECK(at::equal(is_above(large, 16777216), flags({0, 0, 1})));
  CHECK(at::equal(is_at_least(large, 16777217), flags({0, 0, 1})));
  CHECK(at::equal(is_above(large, 16777215.5), flags({0, 1, 1})));
  CHECK(at::equal(is_at_least(large, 16777215.5), flags({0, 1, 1})));

  const at::Tensor bits = at::tensor({0, 1}, at::kByte), booleans = bits.to(at::kBool);
  for (const at::Tensor& few : {bits, booleans}) {
    CHECK(at::equal(is_above(few, -1), flags({1, 1})));
    CHECK(at::equal(is_at_least(few, 0.999999999), flags({0, 1})));
    CHECK(at::equal(is_above(few, 0.999999999), flags({0, 1})));
  }

  constexpr auto most = std::numeric_limits<int64_t>::max(), least = std::numeric_limits<int64_t>::min();
  const at::Tensor ends = at::tensor({least, most}, at::kLong);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  for (const double beyond : {0x1p63, 1e300, infinity}) {
    CHECK(at::equal(is_above(ends, beyond), flags({0, 0})));
    CHECK(at::equal(is_at_least(ends, beyond), flags({0, 0})));
    CHECK(at::equal(is_at_least(ends, -beyond), flags({1, 1})));
  }
  CHECK(at::equal(is_above(ends, -0x1p63), flags({0, 1})));
  CHECK(at::equal(is_above(ends, -infinity), flags({1, 1})));
  CHECK(at::equal(is_at_least(ends, std::numeric_limits<double>::quiet_NaN()), flags({0, 0})));
  CHECK(at::equal(is_above(at::tensor({0.25, 0.75}), 0.5), flags({0, 1})));
}
