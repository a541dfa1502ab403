#include "kernels/radix_sort.h"

#include "kernels/uint128.h"

#include <ATen/Parallel.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

namespace {

struct Item {
  uint64_t key;
  std::size_t place;  // before sorting
};

std::vector<Item> items_of(const std::vector<uint64_t>& keys) {
  std::vector<Item> items;
  for (std::size_t i = 0; i < keys.size(); ++i) items.push_back({keys[i], i});
  return items;
}

template <class Key>
int width_of(Key key) {
  int bits = 0;
  for (; key != 0; key = static_cast<Key>(key >> 1)) ++bits;
  return bits;
}

/// Sorts items with these keys, and checks that equal ones stay in their order, as those of std::stable_sort do; the
/// same with the number of the keys' bits, and one more, told.
template <class KeyOf>
void check_sorted(const std::vector<uint64_t>& keys, const KeyOf& key) {
  const auto lower = [&](const Item& a, const Item& b) { return key(a) < key(b); };
  std::vector<Item> expected = items_of(keys);
  std::stable_sort(expected.begin(), expected.end(), lower);
  const int bits = expected.empty() ? 0 : width_of(key(expected.back()));
  for (const std::optional<int> told : {std::optional<int>(), std::optional(bits), std::optional(bits + 1)}) {
    std::vector<Item> items = items_of(keys), scratch(items.size());
    const std::span<Item> sorted = metrics::kernels::radix_sorted(std::span(items), std::span(scratch), key, told);
    REQUIRE(sorted.size() == expected.size());
    CHECK((sorted.data() == items.data() || sorted.data() == scratch.data()));
    CHECK(std::equal(sorted.begin(), sorted.end(), expected.begin(),
                     [](const Item& a, const Item& b) { return a.key == b.key && a.place == b.place; }));
  }
}

/// Numbers of items on both sides of every way to sort them.
constexpr std::size_t kCounts[] = {0, 1, 2, 31, 32, 33, 500, 32768, 32769, 200000};

template <class Draw>
std::vector<uint64_t> drawn(std::size_t count, const Draw& draw) {
  std::vector<uint64_t> keys(count);
  std::generate(keys.begin(), keys.end(), draw);
  return keys;
}

}  // namespace

TEST_CASE("a radix sort is std::stable_sort, however keys are spread") {
  std::mt19937_64 random(5);
  const int threads_before = at::get_num_threads();
  for (const int threads : {1, 2}) {
    at::set_num_threads(threads);
    for (const std::size_t count : kCounts) {
      CAPTURE(count);
      const auto by_key = [](const Item& item) { return item.key; };
      check_sorted(drawn(count, [&] { return random(); }), by_key);
      check_sorted(drawn(count, [&] { return random() % 1000; }), by_key);
      check_sorted(drawn(count, [&] { return uint64_t{7}; }), by_key);
      check_sorted(drawn(count, [&] { return random() % 2 == 0 ? uint64_t{0} : ~uint64_t{0}; }), by_key);
      // Nearly all in one part, which is split again; and runs that only the lowest bits tell apart.
      check_sorted(drawn(count, [&] { return random() % 1000 == 0 ? random() : random() % 100000; }), by_key);
      check_sorted(drawn(count, [&] { return (random() % 3 << 62) + random() % 1000; }), by_key);
      check_sorted(drawn(count, [&] { return (random() % 5 << 60) + (random() % 300 << 20) + random() % 2; }), by_key);
      check_sorted(drawn(count, [n = uint64_t{0}]() mutable { return n++; }), by_key);
      check_sorted(drawn(count, [n = ~uint64_t{0}]() mutable { return n--; }), by_key);
      // Narrow keys and wide ones.
      check_sorted(drawn(count, [&] { return random(); }), [](const Item& i) { return static_cast<uint8_t>(i.key); });
      check_sorted(drawn(count, [&] { return random(); }), [](const Item& i) { return static_cast<uint32_t>(i.key); });
      check_sorted(drawn(count, [&] { return random(); }),
                   [](const Item& i) { return static_cast<metrics::kernels::uint128>(i.key) << 60 | (i.key & 3); });
    }
  }
  at::set_num_threads(threads_before);
}
