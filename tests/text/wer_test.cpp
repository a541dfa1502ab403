// What fixtures cannot say: bytes that are no UTF-8, the typed face, and the kernel beside the table it stands for.

#include "text/edit_distance.h"
#include "text/words.h"
#include <metrics/core/dynamic.h>
#include <metrics/core/errors.h>
#include <metrics/text/wer.h>

#include <ATen/Parallel.h>
#include <ATen/ops/tensor.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <random>
#include <string>
#include <vector>

using metrics::Texts;
using metrics::WordErrorRate;
using metrics::functional::word_error_rate;
using metrics::text::EditDistance;
using metrics::text::WordNumbers;
using namespace std::string_literals;

namespace {

using Symbols = std::vector<uint32_t>;

/// The distance from the whole table, row by row.
int64_t by_table(const Symbols& a, const Symbols& b) {
  std::vector<int64_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), int64_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    int64_t diagonal = std::exchange(row[0], static_cast<int64_t>(i) + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const int64_t replaced = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

Symbols drawn(std::mt19937& random, std::size_t size, uint32_t symbols) {
  Symbols drawn(size);
  for (auto& symbol : drawn) symbol = static_cast<uint32_t>(random() % symbols);
  return drawn;
}

double rate(const Texts& preds, const Texts& target) {
  return word_error_rate(preds, target).item<double>();
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words(1);
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t space = metrics::text::white_space(std::string_view(text).substr(i));
    if (space == 0)
      words.back() += text[i++];
    else
      words.emplace_back(), i += space;
  }
  std::erase(words, "");
  return words;
}

}  // namespace

TEST_CASE("edit distance: equal to the table at the boundaries of blocks, with one object for all pairs") {
  std::mt19937 random(4);
  EditDistance distance;
  const std::array<std::size_t, 12> sizes{0, 1, 2, 3, 31, 63, 64, 65, 127, 128, 129, 200};
  for (const std::size_t first : sizes) {
    for (const std::size_t second : sizes) {
      for (const uint32_t symbols : {1u, 2u, 5u, 60u, 1000u}) {
        const Symbols a = drawn(random, first, symbols), b = drawn(random, second, symbols);
        CHECK(distance({a, b, symbols}) == by_table(a, b));
      }
    }
  }
}

TEST_CASE("edit distance: equal to the table where sequences are alike") {
  std::mt19937 random(5);
  EditDistance distance;
  for (int round = 0; round < 400; ++round) {
    const uint32_t symbols = 2 + static_cast<uint32_t>(random() % 20);
    const Symbols a = drawn(random, random() % 300, symbols);
    Symbols b = a;
    for (int edit = 0; edit < 6 && !b.empty(); ++edit) {
      const auto at = static_cast<std::ptrdiff_t>(random() % b.size());
      if (random() % 3 == 0)
        b.erase(b.begin() + at);
      else if (random() % 2 == 0)
        b.insert(b.begin() + at, static_cast<uint32_t>(random() % symbols));
      else
        b[static_cast<std::size_t>(at)] = static_cast<uint32_t>(random() % symbols);
    }
    CHECK(distance({a, b, symbols}) == by_table(a, b));
  }
}

TEST_CASE("words: numbers are equal in both texts where words are") {
  WordNumbers numbers;
  for (int again = 0; again < 3; ++again) {
    const auto pair = numbers("a bb  c a", "\tc x a c a\n");
    CHECK(Symbols(pair.second.begin(), pair.second.end()) == Symbols{1, 2, 3, 1, 3});
    CHECK(Symbols(pair.first.begin(), pair.first.end()) == Symbols{3, 0, 1, 3});
    CHECK(pair.symbols == 4);
    CHECK(numbers("", " ").symbols == 1);
  }
}

TEST_CASE("words: bytes that are no UTF-8 belong to the word they stand in") {
  CHECK(words_of("a\xC2 b\xE2\x80 c\xE2") == std::vector{"a\xC2"s, "b\xE2\x80"s, "c\xE2"s});
  CHECK(words_of("\xF0\xE2\x80\x83z") == std::vector{"\xF0"s, "z"s});  // a white space whole after a broken character
  CHECK(words_of("a\x85 b\xA0 c\x80\x80") == std::vector{"a\x85"s, "b\xA0"s, "c\x80\x80"s});
  CHECK(words_of("\xC0\xA0 \xE0\x80\xA0") == std::vector{"\xC0\xA0"s, "\xE0\x80\xA0"s});  // overlong forms of a space
  CHECK(words_of("\0 a\0b"s) == std::vector{"\0"s, "a\0b"s});
  const std::string_view next_line = "\xC2\x85", em_space = "\xE2\x80\x83";
  CHECK(metrics::text::white_space(next_line.substr(0, 1)) == 0);  // what follows is not of the text
  CHECK(metrics::text::white_space(em_space.substr(0, 2)) == 0);
  CHECK(rate("\xFF \xFE", "\xFF \xFF") == 0.5);
  CHECK(rate({"\xE2\x80", "\xC2"}, {"\xE2\x80", "\xC2"}) == 0);
}

TEST_CASE("WordErrorRate: texts, lists of texts, and no words at all") {
  CHECK(rate("hello duck", "hello world") == 0.5);
  CHECK(rate({"a b", "c"}, {"a x", "c"}) == doctest::Approx(1.0 / 3));
  CHECK(rate("a"s, std::vector{"b"s}) == 1);
  CHECK(std::isnan(rate("", " ")));
  CHECK(std::isinf(rate("a", "")));
  CHECK(std::isnan(rate(Texts(std::vector<std::string>{}), Texts(std::vector<std::string>{}))));
  WordErrorRate metric;
  metric.update("a b c d", "a b c e");
  metric.update(std::vector{"x"s, "y"s}, std::vector{"x"s, "y y"s},
                metrics::Rows{.valid = at::tensor({1, 0}).to(at::kBool)});
  CHECK(metric.compute().item<double>() == doctest::Approx(0.2));
  CHECK_THROWS_AS(metric.update(std::vector{"x"s, "y"s}, "x"), metrics::InvalidArgument);
  CHECK(metric.compute().item<double>() == doctest::Approx(0.2));
}

TEST_CASE("WordErrorRate: as many threads, the same numbers") {
  std::mt19937 random(6);
  std::vector<std::string> preds, target;
  for (int i = 0; i < 500; ++i) {
    for (auto* texts : {&preds, &target}) {
      texts->emplace_back();
      for (int word = 0; word < 12; ++word) texts->back() += " w" + std::to_string(random() % 9);
    }
  }
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const double alone = rate(preds, target);
  at::set_num_threads(3);
  CHECK(rate(preds, target) == alone);
  at::set_num_threads(threads);
}
