// Inputs of every kind: what the harness does with their rows.

#include "harness/batches.h"

#include "harness/check_metric.h"
#include <metrics/core/define.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using namespace metrics::testing;
using namespace std::string_view_literals;

namespace {

using at::Tensor;
using c10::IValue;
using metrics::MetricTraits;
using metrics::Reduction;
using metrics::Rows;
using metrics::States;

constexpr Tolerance exact{.rtol = 0, .atol = 0};

IValue texts(std::initializer_list<const char*> texts) {
  return list_of(std::vector<IValue>(texts.begin(), texts.end()));
}

IValue boxes(std::initializer_list<float> scores) {
  c10::impl::GenericDict entries(c10::StringType::get(), c10::AnyType::get());
  entries.insert("scores", at::tensor(std::vector<float>(scores)));
  entries.insert("labels", at::ones({static_cast<int64_t>(scores.size())}, at::kLong));
  return entries;
}

/// A batch of two rows of every kind, and a flag.
Batch every_kind() {
  return {{"tensor", at::tensor({1.f, 2.f})},
          {"texts", texts({"one", "two"})},
          {"ragged", list_of({at::tensor({1.f}), at::tensor({2.f, 3.f})})},
          {"images", list_of({boxes({0.5f}), boxes({})})},
          {"real", true},
          {std::string(ids_name), at::tensor({7, 8}, at::kLong)}};
}

void check_same(const Batch& got, const Batch& expected) {
  REQUIRE(got.size() == expected.size());
  for (const auto& [name, value] : expected) CHECK_MESSAGE(difference(got.at(name), value, exact).empty(), name);
}

}  // namespace

TEST_CASE("batches: rows are counted, cut, joined and picked whatever they hold") {
  const Batch batch = every_kind();
  CHECK(has_rows(batch));
  CHECK(rows_of(batch) == 2);
  const auto pieces = split(batch, {1, 0, 1});
  CHECK(rows_of(pieces[1]) == 0);
  CHECK(difference(pieces[2].at("texts"), texts({"two"}), exact).empty());
  CHECK(difference(pieces[0].at("images"), list_of({boxes({0.5f})}), exact).empty());
  CHECK(pieces[1].at("real").toBool());
  check_same(*joined(pieces), batch);
  const Batch turned = taken(batch, at::tensor({1, 0}, at::kLong));
  CHECK(difference(turned.at("ragged"), list_of({at::tensor({2.f, 3.f}), at::tensor({1.f})}), exact).empty());
  CHECK(difference(turned.at(std::string(ids_name)), at::tensor({8, 7}, at::kLong), exact).empty());
  check_same(taken(turned, at::tensor({1, 0}, at::kLong)), batch);
}

TEST_CASE("batches: a number, a text or a dict is one row, a flag none") {
  const Batch batch{{"number", 2.5}, {"text", "a"}, {"image", boxes({1.f})}, {"flag", false}, {"none", IValue()}};
  CHECK(has_one_row(batch));
  CHECK_FALSE(has_rows(batch));
  const Batch rows = as_rows(batch);
  CHECK(has_rows(rows));
  CHECK(difference(rows.at("text"), texts({"a"}), exact).empty());
  CHECK(rows.at("number").toTensor().dim() == 1);
  CHECK(rows.at("flag").isBool());
  CHECK_FALSE(has_one_row({{"flag", true}}));
  CHECK_FALSE(has_rows({{"flag", true}}));
  CHECK_FALSE(joined({{{"value", at::ones({1})}, {"flag", true}}, {{"value", at::ones({1})}, {"flag", false}}}));
  CHECK_FALSE(has_rows({{"texts", texts({"a"})}, {"tensor", at::ones({2})}}));
}

TEST_CASE("batches: garbage goes around the rows and is taken out again") {
  const Batch batch = every_kind();
  const auto padded = with_garbage(batch);
  CHECK(rows_of(padded.batch) == 7);
  CHECK(has_rows(padded.batch));
  check_same(kept(padded.batch, padded.valid), batch);
  const auto garbage = kept(padded.batch, padded.valid.logical_not());
  CHECK(garbage.at("texts").toListRef()[0].toStringRef() == "garbage \xff in texts");
  CHECK(garbage.at("tensor").toTensor().isnan().sum().item<int64_t>() == 3);
  CHECK(tensors_of(padded.batch.at("images"))[0].numel() == 2);
  const Batch empty = split(batch, {0}).front();
  check_same(with_garbage(empty).batch, empty);
  CHECK(with_garbage(empty).valid.numel() == 0);
}

TEST_CASE("batches: dtypes, copies and floats reach into lists and dicts") {
  const Batch halves = with_dtype(every_kind(), at::kHalf);
  for (const auto* name : {"tensor", "ragged", "images"})
    for (const Tensor& tensor : tensors_of(halves.at(name)))
      CHECK((!tensor.is_floating_point() || tensor.scalar_type() == at::kHalf));
  CHECK(has_floats({{"images", list_of({boxes({1.f})})}}));
  CHECK_FALSE(has_floats({{"texts", texts({"a"})}, {"labels", at::ones({1}, at::kLong)}}));
  const Batch batch = every_kind();
  const Batch copy = copied(batch);
  tensors_of(copy.at("ragged"))[0].fill_(9);
  check_same(batch, every_kind());
}

namespace {

/// Counts the letters of texts, and apart those of batches that are said to be real.
struct Letters {
  static constexpr std::string_view name = "HarnessLetters";
  using Options = metrics::NoOptions;
  static constexpr std::array inputs{"texts"sv, "real"sv};
  static constexpr MetricTraits traits{};
  static void declare(States& states, const Options&) {
    states.add("letters", Reduction::Sum, at::zeros({2}, at::kLong));
  }
  static void update(States& states, const Options&, const std::vector<std::string>& texts, const bool& real) {
    for (const auto& text : texts) states["letters"].counts()[real] += static_cast<int64_t>(text.size());
  }
  static Tensor finalise(const States& states, const Options&) { return states["letters"].tensor(); }
};

/// The sum of the ids of the rows that are valid.
struct SumOfIds {
  static constexpr std::string_view name = "HarnessSumOfIds";
  using Options = metrics::NoOptions;
  static constexpr std::array inputs{"texts"sv};
  static constexpr MetricTraits traits{};
  static void declare(States& states, const Options&) { states.add("sum", Reduction::Sum, at::zeros({}, at::kLong)); }
  static void update(States& states, const Options&, const std::vector<std::string>&, const Rows& rows) {
    states["sum"].add((rows.valid ? rows.ids->masked_select(*rows.valid) : *rows.ids).sum());
  }
  static Tensor finalise(const States& states, const Options&) { return states["sum"].tensor(); }
};

/// Looks at the first text of a batch alone.
struct FirstText : Letters {
  static constexpr std::string_view name = "HarnessFirstText";
  static void update(States& states, const Options&, const std::vector<std::string>& texts, const bool& real) {
    if (!texts.empty()) states["letters"].counts()[real] += static_cast<int64_t>(texts.front().size());
  }
};

template <class D>
Case case_of(std::vector<Batch> batches) {
  if (!metrics::find_metric(D::name)) metrics::register_metric<metrics::MetricOf<D>>();
  Case c{.name = std::string(D::name), .metric = std::string(D::name), .batches = std::move(batches)};
  c.excludes.emplace("scaled weights", "the value is a sum");
  return c;
}

const std::vector<Batch> real_and_not{{{"texts", texts({"one", "three", "eleven"})}, {"real", true}},
                                      {{"texts", texts({"seven"})}, {"real", false}},
                                      {{"texts", "twenty"}, {"real", true}}};

std::vector<Batch> with_ids() {
  const std::string ids(ids_name);
  return {{{"texts", texts({"a", "b", "c"})}, {ids, at::tensor({1, 20, 300}, at::kLong)}},
          {{"texts", texts({"d"})}, {ids, at::tensor({4000}, at::kLong)}}};
}

std::set<std::string> ways_that_apply(const Case& c) {
  std::set<std::string> names;
  for (const auto& way : ways())
    if (way.applies(c)) names.emplace(way.name);
  return names;
}

}  // namespace

TEST_CASE("harness: texts with a flag are played in all ways that need no joining") {
  auto c = case_of<Letters>(real_and_not);
  c.final = at::tensor({5, 20}, at::kLong);
  check_metric(c);
  const auto names = ways_that_apply(c);
  for (const auto* name : {"permuted", "garbage", "empty batches", "row by row"})
    CHECK_MESSAGE(names.contains(name), std::string(name));
  CHECK_FALSE(names.contains("one update"));
  const auto first = case_of<FirstText>(real_and_not);
  for (const auto& way : ways())
    if (way.name == "permuted" || way.name == "row by row") CHECK_FALSE(failure(way, first).empty());
}

TEST_CASE("harness: sample ids travel with their rows") {
  auto c = case_of<SumOfIds>(with_ids());
  c.final = at::scalar_tensor(4321, at::kLong);
  check_metric(c);
  CHECK(ways_that_apply(c).contains("one update"));
}

TEST_CASE("harness: texts and flags and sample ids over ranks") {
  check_on_ranks({case_of<Letters>(real_and_not), case_of<SumOfIds>(with_ids())});
}
