#include "kernels/checked_rows.h"

#include "kernels/streamed_copy.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace checked_rows_test {
namespace {

// The last is more than one task.
constexpr std::array<int64_t, 6> counts{0, 1, 7, 64, 1000, (int64_t{1} << 18) + 5};

/// Places of a row that stands out, among so many.
std::vector<std::size_t> places(int64_t count) {
  if (count == 0) return {};
  const auto last = static_cast<std::size_t>(count - 1);
  return {0, last / 2, last};
}

}  // namespace

TEST_CASE_TEMPLATE("checked rows: NaN is found wherever it is, and infinity is none", T, float, double) {
  for (const int64_t count : counts) {
    CAPTURE(count);
    std::vector<T> numbers(static_cast<std::size_t>(count), std::numeric_limits<T>::infinity());
    CHECK_FALSE(metrics::kernels::has_nan(numbers.data(), count));
    for (const std::size_t place : places(count)) {
      numbers[place] = std::numeric_limits<T>::quiet_NaN();
      CHECK(metrics::kernels::has_nan(numbers.data(), count));
      numbers[place] = -1;
    }
  }
}

TEST_CASE("checked rows: integers are narrowed where all fit, to the last") {
  constexpr int64_t least = std::numeric_limits<int32_t>::min(), greatest = std::numeric_limits<int32_t>::max();
  for (const int64_t count : counts) {
    CAPTURE(count);
    std::vector<int64_t> numbers(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = i % 3 == 0 ? least : i % 3 == 1 ? greatest : 5;
    std::vector<int32_t> narrow(numbers.size());
    REQUIRE(metrics::kernels::copy_narrowed(numbers.data(), count, narrow.data()));
    CHECK(std::equal(numbers.begin(), numbers.end(), narrow.begin(), narrow.end()));
    for (const std::size_t place : places(count)) {
      const int64_t before = numbers[place];
      for (const int64_t outside : {least - 1, greatest + 1, int64_t{1} << 32, std::numeric_limits<int64_t>::min()}) {
        numbers[place] = outside;
        CHECK_FALSE(metrics::kernels::copy_narrowed(numbers.data(), count, narrow.data()));
      }
      numbers[place] = before;
    }
  }
}

TEST_CASE("checked rows: what is not 0 or 1 is refused") {
  for (const int64_t count : counts) {
    CAPTURE(count);
    std::vector<int64_t> numbers(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = i % 3 == 0;
    std::vector<uint8_t> bytes(numbers.size());
    REQUIRE(metrics::kernels::copy_binary(numbers.data(), count, bytes.data()));
    CHECK(std::equal(numbers.begin(), numbers.end(), bytes.begin(), bytes.end()));
    for (const std::size_t place : places(count)) {
      for (const int64_t outside : {int64_t{-1}, int64_t{2}, int64_t{256}, std::numeric_limits<int64_t>::min()}) {
        numbers[place] = outside;
        CHECK_FALSE(metrics::kernels::copy_binary(numbers.data(), count, bytes.data()));
      }
      numbers[place] = 1;
    }
  }
}

TEST_CASE("a streamed copy is a copy, of any length from and to any address") {
  std::vector<uint8_t> from((std::size_t{1} << 18) + 300);
  for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<uint8_t>(i * 7919 >> 3);
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{5}, std::size_t{1} << 18, (std::size_t{1} << 18) + 77}) {
    for (const std::size_t source : {0, 3}) {
      for (const std::size_t target : {0, 1, 63, 64, 100}) {
        std::vector<uint8_t> to(target + bytes + 64, 255);
        std::vector<uint8_t> expected = to;
        const auto begin = from.begin() + static_cast<std::ptrdiff_t>(source);
        std::copy(begin, begin + static_cast<std::ptrdiff_t>(bytes),
                  expected.begin() + static_cast<std::ptrdiff_t>(target));
        metrics::kernels::streamed_copy(to.data() + target, from.data() + source, bytes);
        CHECK(to == expected);
      }
    }
  }
}

}  // namespace checked_rows_test
