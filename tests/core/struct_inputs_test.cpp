#include "harness/check_metric.h"
#include <metrics/core/define.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

using namespace metrics;
using namespace std::string_view_literals;

namespace {

struct Page {
  Tensor marks{};
  std::optional<Tensor> weights{};
  double bonus = 0;

  static constexpr auto fields() { return metrics::fields<&Page::marks, &Page::weights, &Page::bonus>(); }
};

/// What pages hold and how many there are, beside a struct that is of the whole batch.
struct PagesDefinition {
  static constexpr std::string_view name = "Pages";
  static constexpr std::string_view functional = "pages";
  using Options = NoOptions;
  static constexpr std::array inputs{"pages"sv, "cover"sv};
  static constexpr MetricTraits traits{};

  static void declare(States& states, const Options&) {
    states.add("sum", Reduction::Sum, at::zeros({}));
    states.add("pages", Reduction::Sum, at::zeros({}, at::kLong));
  }
  static void update(States& states, const Options&, const std::vector<Page>& pages, const std::optional<Page>& cover) {
    for (const Page& page : pages) {
      const Tensor marks = page.marks.to(at::kDouble);
      states["sum"].add((page.weights ? marks * *page.weights : marks).sum() + page.bonus);
      states["pages"].add(at::ones({}, at::kLong));
    }
    if (cover) states["sum"].add(cover->marks.to(at::kDouble).sum());
  }
  static std::vector<Tensor> finalise(const States& states, const Options&) {
    return {states["sum"].tensor(), states["pages"].tensor()};
  }
};
using Pages = MetricOf<PagesDefinition>;

c10::IValue dict(std::initializer_list<std::pair<std::string, c10::IValue>> entries) {
  c10::impl::GenericDict made(c10::StringType::get(), c10::AnyType::get());
  for (const auto& [key, value] : entries) made.insert(key, value);
  return made;
}

c10::IValue list(std::initializer_list<c10::IValue> elements) {
  c10::impl::GenericList made(c10::AnyType::get());
  for (const auto& element : elements) made.push_back(element);
  return made;
}

c10::IValue page(std::initializer_list<float> marks) {
  return dict({{"marks", at::tensor(marks)}, {"bonus", 0.5}});
}

void refused(const c10::IValue& pages, const std::string& why) {
  CAPTURE(why);
  Pages metric;
  CHECK_THROWS_WITH_AS(static_cast<Metric&>(metric).update({pages}), why.c_str(), InvalidArgument);
  CHECK(metric.update_count() == 0);
}

double sum(Pages& metric) {
  return metric.compute().front().item<double>();
}

}  // namespace

TEST_CASE("struct inputs: an error names the input, the element and the key") {
  const std::string expects =
      "Pages: input `pages` expects list of dict of marks: Tensor, weights: Tensor or None, bonus: float";
  refused(page({1}), expects + ", got {'marks': Tensor Float[1], 'bonus': 0.5}");
  refused(at::ones({3}), expects + ", got Tensor Float[3]");
  refused(list({page({1}), at::ones({3})}),
          expects +
              "; element 1 expects dict of marks: Tensor, weights: Tensor or None, bonus: float, got Tensor "
              "Float[3]");
  refused(list({page({1}), page({2}), dict({{"bonus", 1.0}})}), expects + "; element 2, key `marks` is missing");
  refused(list({dict({{"marks", at::ones({1})}})}), expects + "; element 0, key `bonus` is missing");
  refused(list({dict({{"marks", "many"}, {"bonus", 1.0}})}),
          expects + "; element 0, key `marks` expects Tensor, got 'many'");
  refused(list({dict({{"marks", c10::IValue()}, {"bonus", 1.0}})}),
          expects + "; element 0, key `marks` expects Tensor, got None");
  refused(list({dict({{"marks", at::ones({1})}, {"weights", 2.0}, {"bonus", 1.0}})}),
          expects + "; element 0, key `weights` expects Tensor or None, got 2.0");
  Pages metric;
  CHECK_THROWS_WITH_AS(static_cast<Metric&>(metric).update({list({}), dict({{"marks", at::ones({1})}})}),
                       "Pages: input `cover` expects dict of marks: Tensor, weights: Tensor or None, bonus: float or "
                       "None; key `bonus` is missing",
                       InvalidArgument);
}

TEST_CASE("struct inputs: a tensor that is not there, or elsewhere, is named by its place") {
  Pages metric;
  CHECK_THROWS_WITH_AS(metric.update(std::vector<Page>{{.marks = at::ones({1})}, {}}),
                       "Pages: input `pages[1].marks` is an undefined tensor", InvalidArgument);
  CHECK_THROWS_WITH_AS(metric.update(std::vector<Page>{}, Page{}), "Pages: input `cover.marks` is an undefined tensor",
                       InvalidArgument);
  const Tensor elsewhere = at::empty({1}, at::TensorOptions().device(at::kMeta));
  CHECK_THROWS_WITH_AS(metric.update(std::vector<Page>{{.marks = at::ones({1}), .weights = elsewhere}}),
                       doctest::Contains("Pages: input `pages[0].weights` is a Float tensor on the device meta"),
                       InvalidArgument);
  CHECK(metric.update_count() == 0);
}

TEST_CASE("struct inputs: rows are elements, and must agree with what is known of them") {
  const std::vector<Page> pages{{.marks = at::ones({2})}, {.marks = at::ones({3})}, {.marks = at::ones({4})}};
  Pages metric;
  metric.update(pages, Rows{.valid = at::tensor({1, 0, 1}).to(at::kBool), .ids = {}});
  CHECK(sum(metric) == 6);
  CHECK_THROWS_AS(metric.update(pages, Rows{.valid = at::tensor({1, 0}).to(at::kBool), .ids = {}}), InvalidArgument);
}

TEST_CASE("struct inputs: typed, from dicts in a list or a tuple, and by name") {
  Pages typed;
  typed.update(std::vector<Page>{{.marks = at::tensor({1.0, 2.0}), .weights = at::tensor({2.0, 3.0})}},
               Page{.marks = at::ones({1})});
  CHECK(sum(typed) == 9);
  const c10::IValue weighted =
      dict({{"bonus", 0}, {"weights", at::tensor({2.0, 3.0})}, {"marks", at::tensor({1.0, 2.0})}, {"other", "key"}});
  const c10::IValue cover = dict({{"marks", at::ones({1})}, {"weights", c10::IValue()}, {"bonus", 7.0}});
  Pages dynamic;
  static_cast<Metric&>(dynamic).update({list({weighted}), cover});
  CHECK(sum(dynamic) == 9);
  Pages tuple;
  static_cast<Metric&>(tuple).update({}, {{"pages", c10::ivalue::Tuple::create({weighted})}});
  CHECK(sum(tuple) == 8);
}

TEST_CASE("struct inputs: a dict that is written reads as the same struct") {
  const Page given{.marks = at::ones({2}), .weights = {}, .bonus = 2};
  const auto read = Codec<Page>::read(Codec<Page>::write(given));
  REQUIRE(read.has_value());
  CHECK(read->marks.equal(given.marks));
  CHECK_FALSE(read->weights.has_value());
  CHECK(read->bonus == 2);
  CHECK(Codec<std::vector<Page>>::read(Codec<std::vector<Page>>::write({given, given}))->size() == 2);
}

TEST_CASE("struct inputs: a metric of dicts passes in every way") {
  if (find_metric("Pages") == nullptr) register_metric<Pages>();
  testing::check_metric({.name = "Pages",
                         .metric = "Pages",
                         .batches = {{{"pages", list({page({1, 2}), page({3})})}},
                                     {{"pages", list({page({4, 5, 6})})}},
                                     {{"pages", list({page({7}), page({}), page({8, 9})})}}},
                         .functional = "pages",
                         .excludes = {{"scaled weights", "the value is a sum"}}});
}
