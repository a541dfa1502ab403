#include "core/failing_write.h"
#include <metrics/core/errors.h>
#include <metrics/core/state.h>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace state_test {
namespace {

using at::Tensor;
using metrics::Error;
using metrics::InvalidArgument;
using metrics::Reduction;
using metrics::State;
using metrics::States;

Tensor number(double value) {
  return at::scalar_tensor(value, at::kDouble);
}

States one(Reduction reduction, const Tensor& initial = {}) {
  States states;
  states.add("x", reduction, initial);
  return states;
}

States updated(States states, int64_t updates) {
  states.set_update_count(updates);
  return states;
}

bool same(const Tensor& a, const Tensor& b) {
  return a.scalar_type() == b.scalar_type() && at::equal(a, b);
}

Tensor mask(std::initializer_list<bool> values) {
  Tensor tensor = at::empty({static_cast<int64_t>(values.size())}, at::kBool);
  std::copy(values.begin(), values.end(), tensor.mutable_data_ptr<bool>());
  return tensor;
}

}  // namespace

TEST_CASE("a state is declared once, with a name and the default that its reduction needs") {
  States states;
  states.add("x", Reduction::Sum, number(0));
  CHECK_THROWS_WITH_AS(states.add("x", Reduction::Cat), doctest::Contains("`x` is declared twice"), InvalidArgument);
  CHECK_THROWS_WITH_AS(states.add({"y", "x"}, Reduction::Cat), doctest::Contains("`x`"), InvalidArgument);
  for (const char* name : {"", "a b", "a.b"}) {
    CHECK_THROWS_WITH_AS(states.add(name, Reduction::Cat), doctest::Contains("without spaces and dots"),
                         InvalidArgument);
  }
  CHECK_THROWS_AS(states.add(std::vector<std::string>{}, Reduction::Cat), InvalidArgument);
  for (const auto reduction : {Reduction::Cat, Reduction::List}) {
    CHECK_THROWS_WITH_AS(states.add("y", reduction, number(0)), doctest::Contains("takes no default"), InvalidArgument);
  }
  for (const auto reduction : {Reduction::Sum, Reduction::Mean, Reduction::Min, Reduction::Max, Reduction::Own}) {
    CHECK_THROWS_WITH_AS(states.add("y", reduction), doctest::Contains("needs a default"), InvalidArgument);
  }
  CHECK_THROWS_WITH_AS(states.add({"y", "z"}, Reduction::Sum, at::zeros({3})), doctest::Contains("one row for each"),
                       InvalidArgument);
  CHECK_THROWS_WITH_AS(states.add({"y", "z"}, Reduction::List), doctest::Contains("cannot be packed"), InvalidArgument);
  CHECK(states.size() == 1);
}

TEST_CASE("a state refuses what belongs to another reduction, and an unknown name") {
  States sum = one(Reduction::Sum, number(0));
  States cat = one(Reduction::Cat);
  CHECK_THROWS_WITH_AS(sum["x"].append(number(1)),
                       doctest::Contains("reduced by sum, not by cat: data is folded in by `add`"), Error);
  CHECK_THROWS_WITH_AS(sum["x"].set(number(1)), doctest::Contains("own"), Error);
  CHECK_THROWS_AS(sum["x"].raise(number(1)), Error);
  CHECK_THROWS_AS(sum["x"].lower(number(1)), Error);
  CHECK_THROWS_AS(sum["x"].average(number(1), 0), Error);
  CHECK_THROWS_AS(sum["x"].append_item(number(1)), Error);
  CHECK_THROWS_AS(cat["x"].add(number(1)), Error);
  CHECK_THROWS_AS(cat["x"].items(), Error);
  CHECK_THROWS_WITH_AS(cat["y"], doctest::Contains("`y`"), InvalidArgument);
}

TEST_CASE("integers are summed as int64") {
  States states = one(Reduction::Sum, at::zeros({2}, at::kInt));
  States other = states.fresh();
  const auto big = std::numeric_limits<int32_t>::max();
  states["x"].add(at::tensor({big, 1}, at::kLong));
  states["x"].add(at::tensor({big, 2}, at::kInt));
  other["x"].add(at::tensor({1, 1}, at::kLong));
  states.merge(other);
  CHECK(same(states["x"].tensor(), at::tensor({2 * int64_t{big} + 1, int64_t{4}}, at::kLong)));
  CHECK_FALSE(states["x"].compensated());
  states["x"].counts()[1] += 3;
  CHECK(states["x"].tensor()[1].item<int64_t>() == 7);
}

TEST_CASE("a floating sum keeps what float64 alone would lose") {
  for (const bool by_tensor : {true, false}) {
    CAPTURE(by_tensor);
    States states = one(Reduction::Sum, at::zeros({}));
    for (const double value : {1e16, 1.0, -1e16, 1e-8}) {
      if (by_tensor) {
        states["x"].add(number(value));
      } else {
        states["x"].add(metrics::DoubleDouble{value, 0});
      }
    }
    CHECK(states["x"].tensor().item<double>() == 1.0 + 1e-8);
    CHECK((states["x"].tensor().scalar_type() == at::kDouble));
  }
}

TEST_CASE("merged floating sums lose nothing either, whatever the shape") {
  States left = one(Reduction::Sum, at::zeros({3}));
  States right = left.fresh();
  left["x"].add(at::tensor({1e16, 1.0, 0.5f}, at::kDouble));
  left["x"].add(at::tensor({1.0, 1e16, 0.25}, at::kDouble));
  right["x"].add(at::tensor({-1e16, -1e16, 0.125}, at::kDouble));
  left.merge(right);
  CHECK(same(left["x"].tensor(), at::tensor({1.0, 1.0, 0.875}, at::kDouble)));
}

TEST_CASE("one addend is broadcast to all elements of a floating sum") {
  States states = one(Reduction::Sum, at::zeros({2, 2}));
  states["x"].add(at::tensor({1.0f, 2.0f}));
  CHECK(same(states["x"].tensor(), at::tensor({1.0, 2.0, 1.0, 2.0}, at::kDouble).view({2, 2})));
}

TEST_CASE("infinity and NaN stay in a sum and leave no residual") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  States states = one(Reduction::Sum, number(0));
  states["x"].add(number(infinity));
  states["x"].add(number(1));
  CHECK(states["x"].tensor().item<double>() == infinity);
  CHECK(states["x"].residual().item<double>() == 0);
  states["x"].add(number(-infinity));
  CHECK(std::isnan(states["x"].tensor().item<double>()));
}

TEST_CASE("a mean weighs each side by its number of updates") {
  States left = one(Reduction::Mean, at::zeros({}));
  States right = left.fresh();
  left["x"].average(number(1), 0);
  left["x"].average(number(3), 1);
  left.set_update_count(2);
  for (int64_t i = 0; i < 4; ++i) right["x"].average(number(5), i);
  right.set_update_count(4);
  left.merge(right);
  CHECK(left["x"].tensor().item<double>() == doctest::Approx((1 + 3 + 4 * 5) / 6.0).epsilon(1e-15));
  CHECK(left.update_count() == 6);
}

TEST_CASE("the neutral element of a mean changes nothing on either side") {
  States empty = one(Reduction::Mean, number(7));
  States some = updated(empty.fresh(), 1);
  some["x"].average(number(3), 0);
  States left = some, right = empty;
  left.merge(empty);
  right.merge(some);
  CHECK(left["x"].tensor().item<double>() == 3);
  CHECK(right["x"].tensor().item<double>() == 3);
}

TEST_CASE("minimum and maximum go element by element, and NaN wins") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  States low = one(Reduction::Min, at::full({2}, 10, at::kDouble));
  States high = one(Reduction::Max, at::full({2}, -10, at::kDouble));
  low["x"].lower(at::tensor({3.0, 11.0}, at::kDouble));
  high["x"].raise(at::tensor({3.0, -11.0}, at::kDouble));
  CHECK(same(low["x"].tensor(), at::tensor({3.0, 10.0}, at::kDouble)));
  CHECK(same(high["x"].tensor(), at::tensor({3.0, -10.0}, at::kDouble)));
  States other = high.fresh();
  other["x"].raise(at::tensor({nan, 2.0}, at::kDouble));
  high.merge(other);
  CHECK(at::isnan(high["x"].tensor()).equal(mask({true, false})));
  CHECK(high["x"].tensor()[1].item<double>() == 2);
}

TEST_CASE("a number is an extreme as a tensor of it is") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const at::ScalarType dtype : {at::kDouble, at::kFloat}) {
    States highest = one(Reduction::Max, at::full({}, -2, dtype)), lowest = one(Reduction::Min, at::full({}, 2, dtype));
    for (const double value : {1.0, 3.0, -1.0}) {
      highest["x"].raise(value);
      lowest["x"].lower(value);
    }
    CHECK(highest["x"].tensor().item<double>() == 3);
    CHECK(lowest["x"].tensor().item<double>() == -1);
    highest["x"].raise(nan);
    highest["x"].raise(9.0);
    lowest["x"].lower(nan);
    lowest["x"].lower(-9.0);
    CHECK(std::isnan(highest["x"].tensor().item<double>()));
    CHECK(std::isnan(lowest["x"].tensor().item<double>()));
    CHECK_THROWS_AS(highest["x"].lower(1.0), Error);
    CHECK_THROWS_AS(lowest["x"].raise(1.0), Error);
  }
}

TEST_CASE("numbers are added to sums one by one, as many as there are sums") {
  States states = one(Reduction::Sum, at::zeros({2}));
  const std::vector<metrics::DoubleDouble> numbers{{1, 0x1p-60}, {2, 0}};
  states["x"].add(numbers);
  states["x"].add(numbers);
  CHECK(states["x"].tensor().equal(at::tensor({2.0, 4.0}, at::kDouble)));
  CHECK(states["x"].residual().equal(at::tensor({0x1p-59, 0.0}, at::kDouble)));
  CHECK_THROWS_WITH_AS(states["x"].add(std::span(numbers).first(1)), "state `x` holds 2 sums and was given 1", Error);
  States counts = one(Reduction::Sum, at::zeros({2}, at::kLong));
  CHECK_THROWS_AS(counts["x"].add(numbers), Error);
}

TEST_CASE("items that lie one after the other are appended as each of them would be") {
  const Tensor rows = at::arange(6, at::kDouble);
  const std::vector<int64_t> sizes{2, 0, 3, 1};
  States together = one(Reduction::List), each = one(Reduction::List);
  for (int round = 0; round < 2; ++round) {
    together["x"].append_items(rows, sizes);
    int64_t begin = 0;
    for (const int64_t size : sizes) {
      each["x"].append_item(rows.narrow(0, begin, size));
      begin += size;
    }
  }
  const auto ends = each["x"].item_ends();
  CHECK(std::ranges::equal(together["x"].item_ends(), ends));
  CHECK(together["x"].tensor().equal(each["x"].tensor()));
  together["x"].append_items(rows.narrow(0, 0, 0), {});
  CHECK(together["x"].items().size() == 8);
  CHECK_THROWS_AS(together["x"].append_items(rows, std::span(sizes).first(3)), InvalidArgument);
  CHECK_THROWS_AS(together["x"].append_items(rows.sum(), std::span(sizes).last(1)), InvalidArgument);
  CHECK(together["x"].rows() == 12);
}

TEST_CASE("an own state takes a copy of what it is given and is left to the metric when merged") {
  States states = one(Reduction::Own, at::zeros({2}));
  const Tensor given = at::tensor({1.0f, 2.0f});
  states["x"].set(given);
  given.fill_(9);
  CHECK(same(states["x"].tensor(), at::tensor({1.0f, 2.0f})));
  States other = states.fresh();
  other["x"].set(at::tensor({5.0f, 6.0f}));
  states.merge(other);
  CHECK(same(states["x"].tensor(), at::tensor({1.0f, 2.0f})));
}

TEST_CASE("a packed state is one tensor under several names") {
  States states;
  states.add({"tp", "fp"}, Reduction::Sum, at::zeros({2, 3}, at::kLong));
  CHECK(states["tp"].name() == "tp fp");
  CHECK(&states["tp"] == &states["tp fp"]);
  CHECK(states["tp"].names() == std::vector<std::string>{"tp", "fp"});
  CHECK_THROWS_AS(states["fp"], InvalidArgument);
}

TEST_CASE("rows are appended in a buffer that grows by doubling") {
  constexpr int64_t batches = 3000, rows = 7;
  States states = one(Reduction::Cat);
  State& state = states["x"];
  int64_t moves = 0;
  const void* place = nullptr;
  for (int64_t i = 0; i < batches; ++i) {
    state.append(at::full({rows, 2}, static_cast<float>(i)));
    const auto bytes = static_cast<std::size_t>(state.rows() * 2) * sizeof(float);
    REQUIRE(state.tensor().storage().nbytes() <= 2 * bytes);
    moves += state.tensor().const_data_ptr() != place;
    place = state.tensor().const_data_ptr();
  }
  CHECK(moves <= 14);  // 1 + log2(3000), and one for rounding
  CHECK(state.rows() == batches * rows);
  CHECK(same(state.tensor(), at::arange(batches, at::kFloat).repeat_interleave(rows).unsqueeze(1).expand({-1, 2})));
}

TEST_CASE("what is appended may be a scalar, strided, expanded, a conjugate or negated view") {
  States states = one(Reduction::Cat);
  State& state = states["x"];
  state.append(at::scalar_tensor(1.0f));
  state.append(at::tensor({2.0f, 0.0f, 3.0f, 0.0f}).view({2, 2}).select(1, 0));
  state.append(at::tensor({4.0f}).expand({2}));
  CHECK(same(state.tensor(), at::tensor({1.0f, 2.0f, 3.0f, 4.0f, 4.0f})));
  const Tensor complex = at::complex(at::tensor({1.0f, 2.0f}), at::tensor({3.0f, 4.0f}));
  state.append(at::imag(at::conj(complex)));
  CHECK(same(state.tensor().narrow(0, 5, 2), at::tensor({-3.0f, -4.0f})));
  States conjugates = one(Reduction::Cat);
  conjugates["x"].append(at::conj(complex));
  CHECK(same(conjugates["x"].tensor(), at::conj_physical(complex)));
}

TEST_CASE("appending changes nothing that was handed out, and copies what it is given") {
  States states = one(Reduction::Cat);
  const Tensor given = at::zeros({4});
  states["x"].append(given);
  given.fill_(1);
  const Tensor seen = states["x"].tensor();
  for (int i = 0; i < 10; ++i) states["x"].append(at::ones({4}));
  CHECK(same(seen, at::zeros({4})));
  CHECK(same(states["x"].tensor().narrow(0, 0, 4), at::zeros({4})));
}

TEST_CASE("no rows change nothing, and fix neither shape nor dtype") {
  States states = one(Reduction::Cat);
  states["x"].append(at::zeros({0}, at::kDouble));
  CHECK_FALSE(states["x"].tensor().defined());
  states["x"].append(at::ones({1, 3}, at::kLong));
  states["x"].append(at::zeros({0}));
  CHECK(same(states["x"].tensor(), at::ones({1, 3}, at::kLong)));
}

TEST_CASE("rows of another shape are refused and nothing is taken") {
  States states = one(Reduction::Cat);
  states["x"].append(at::ones({1, 3}));
  CHECK_THROWS_WITH_AS(states["x"].append(at::ones({2, 4})), doctest::Contains("`x` holds rows of shape [3]"),
                       InvalidArgument);
  CHECK_THROWS_AS(states["x"].append(at::ones({3})), InvalidArgument);
  CHECK(same(states["x"].tensor(), at::ones({1, 3})));
}

TEST_CASE("dtypes of rows unify: floating to the widest, integers to int64") {
  using metrics::unified_dtype;
  CHECK((unified_dtype(at::kFloat, at::kDouble, "x") == at::kDouble));
  CHECK((unified_dtype(at::kHalf, at::kFloat, "x") == at::kFloat));
  CHECK((unified_dtype(at::kHalf, at::kBFloat16, "x") == at::kFloat));
  CHECK((unified_dtype(at::kInt, at::kByte, "x") == at::kLong));
  CHECK((unified_dtype(at::kBool, at::kInt, "x") == at::kLong));
  CHECK((unified_dtype(at::kInt, at::kInt, "x") == at::kInt));
  CHECK((unified_dtype(at::kComplexFloat, at::kComplexDouble, "x") == at::kComplexDouble));
  CHECK_THROWS_WITH_AS(unified_dtype(at::kFloat, at::kLong, "x"), doctest::Contains("`x` holds Float"),
                       InvalidArgument);
  CHECK_THROWS_AS(unified_dtype(at::kBool, at::kHalf, "x"), InvalidArgument);
  CHECK_THROWS_AS(unified_dtype(at::kComplexFloat, at::kFloat, "x"), InvalidArgument);

  States states = one(Reduction::Cat);
  states["x"].append(at::tensor({1.5f}));
  states["x"].append(at::tensor({1e-20}, at::kDouble));
  CHECK(same(states["x"].tensor(), at::tensor({1.5, 1e-20}, at::kDouble)));
  CHECK_THROWS_AS(states["x"].append(at::ones({1}, at::kLong)), InvalidArgument);
}

TEST_CASE("converted rows stay in their dtype, those to come too, also after a reset") {
  States states;
  states.add("rows", Reduction::Cat);
  states.add("labels", Reduction::Cat);
  states.add("sum", Reduction::Sum, number(0));
  states["rows"].append(at::ones({2}));
  states["labels"].append(at::ones({2}, at::kLong));
  states.set_dtype(at::kHalf);
  states["rows"].append(at::ones({2}));
  CHECK(same(states["rows"].tensor(), at::ones({4}, at::kHalf)));
  CHECK((states["labels"].tensor().scalar_type() == at::kLong));
  CHECK((states["sum"].tensor().scalar_type() == at::kDouble));
  states.reset();
  States fresh = states.fresh();
  for (States* each : {&states, &fresh}) {
    (*each)["rows"].append(at::ones({2}, at::kDouble));
    CHECK(((*each)["rows"].tensor().scalar_type() == at::kHalf));
  }
}

TEST_CASE("rows after a reset go into the memory of those before it") {
  constexpr int64_t large = int64_t{3} << 20;  // floats; more than a few large pages
  for (const int64_t rows : {int64_t{5}, large}) {
    CAPTURE(rows);
    States states = one(Reduction::Cat);
    State& state = states["x"];
    state.append(at::ones({rows}));
    state.append(at::ones({rows}));
    const void* const place = state.tensor().const_data_ptr();
    for (int epoch = 0; epoch < 3; ++epoch) {
      states.reset();
      CHECK(state.rows() == 0);
      CHECK_FALSE(state.tensor().defined());
      const Tensor given = at::full({rows}, static_cast<float>(epoch));
      state.append(given);
      state.append(given);
      CHECK(state.tensor().const_data_ptr() == place);
      CHECK(same(state.tensor(), at::cat({given, given})));
    }
    states.reset();
    states.reset();
    state.append(at::zeros({1}));
    CHECK(state.tensor().const_data_ptr() == place);
    state.append(at::ones({4 * rows}));
    CHECK(same(state.tensor(), at::cat({at::zeros({1}), at::ones({4 * rows})})));
  }
}

TEST_CASE("memory of rows of another dtype or shape is not taken for those that come") {
  States states = one(Reduction::Cat);
  const std::vector<Tensor> kinds{at::ones({6, 2}), at::ones({6, 2}, at::kDouble), at::ones({6, 3}),
                                  at::ones({3}),    at::ones({9}, at::kLong),      at::ones({2}, at::kByte)};
  for (const Tensor& before : kinds) {
    for (const Tensor& after : kinds) {
      states.reset();
      states["x"].append(before);
      states.reset();
      states["x"].append(after);
      states["x"].append(after);
      CHECK(same(states["x"].tensor(), at::cat({after, after})));
    }
  }
  states.reset();
  states.set_dtype(at::kHalf);
  states["x"].append(at::ones({2}));
  CHECK(same(states["x"].tensor(), at::ones({2}, at::kHalf)));
}

TEST_CASE("a list begins anew after a reset, in the same memory") {
  States states = one(Reduction::List);
  states["x"].append_item(at::ones({3, 2}));
  states["x"].append_item(at::ones({2, 2}));
  const void* const place = states["x"].tensor().const_data_ptr();
  states.reset();
  states["x"].append_item(at::zeros({0, 2}));
  states["x"].append_item(at::zeros({4, 2}));
  CHECK(states["x"].tensor().const_data_ptr() == place);
  REQUIRE(states["x"].items().size() == 2);
  CHECK(same(states["x"].items()[0], at::zeros({0, 2})));
  CHECK(same(states["x"].items()[1], at::zeros({4, 2})));
}

TEST_CASE("memory that others see, or that was given, is left alone after a reset") {
  States states = one(Reduction::Cat);
  State& state = states["x"];
  const auto begin_anew = [&] {
    states.reset();
    for (int i = 0; i < 3; ++i) state.append(at::zeros({4}));
    return same(state.tensor(), at::zeros({12}));
  };
  SUBCASE("a tensor that was handed out") {
    state.append(at::ones({4}));
    const Tensor seen = state.tensor();
    CHECK(begin_anew());
    CHECK(same(seen, at::ones({4})));
  }
  SUBCASE("a snapshot") {
    state.append(at::ones({4}));
    States before = states.snapshot();
    CHECK(begin_anew());
    CHECK(same(before["x"].tensor(), at::ones({4})));
    states = std::move(before);
    states["x"].append(at::ones({4}));
    CHECK(same(states["x"].tensor(), at::ones({8})));
  }
  SUBCASE("a copy") {
    state.append(at::ones({4}));
    States copy = states;
    CHECK(begin_anew());
    copy["x"].append(at::full({4}, 2.0f));
    CHECK(same(copy["x"].tensor(), at::cat({at::ones({4}), at::full({4}, 2.0f)})));
    CHECK(same(state.tensor(), at::zeros({12})));
  }
  SUBCASE("a tensor that the state was given") {
    std::vector<float> theirs(12, 1.0f);
    state.assign(at::from_blob(theirs.data(), {12}), {}, {});
    CHECK(begin_anew());
    CHECK(std::count(theirs.begin(), theirs.end(), 1.0f) == 12);
  }
  SUBCASE("a tensor with gradients") {
    const Tensor leaf = at::ones({12}).set_requires_grad(true);
    state.append(leaf);
    CHECK(begin_anew());
    CHECK(same(leaf.detach(), at::ones({12})));
  }
}

TEST_CASE("memory is handed on to the states that replace others") {
  States states;
  for (const char* name : {"a", "b"}) states.add(name, Reduction::Cat);
  states.add("sum", Reduction::Sum, number(0));
  for (const char* name : {"a", "b"}) states[name].append(at::ones({4}));
  const void* const place = states["a"].tensor().const_data_ptr();
  const Tensor seen = states["b"].tensor();
  States next = states.fresh();
  next["sum"].add(number(3));
  next.take_memory(states);
  CHECK(states["a"].rows() == 0);
  CHECK_FALSE(states["a"].tensor().defined());
  CHECK(next["sum"].tensor().item<double>() == 3);
  for (const char* name : {"a", "b"}) {
    CHECK_FALSE(next[name].tensor().defined());
    next[name].append(at::zeros({4}));
    CHECK(same(next[name].tensor(), at::zeros({4})));
  }
  CHECK(next["a"].tensor().const_data_ptr() == place);
  CHECK(same(seen, at::ones({4})));

  States full = states.fresh();
  full["a"].append(at::full({4}, 7.0f));
  full.take_memory(next);
  CHECK(same(full["a"].tensor(), at::full({4}, 7.0f)));

  States none;
  none.take_memory(full);
  full.take_memory(none);
  CHECK(same(full["a"].tensor(), at::full({4}, 7.0f)));
}

TEST_CASE("rows stored in the room that a state has for them count when they are appended") {
  States states = one(Reduction::Cat);
  State& state = states["x"];
  const auto store = [&](float first, int64_t rows) {
    float* const room = state.room<float>(rows);
    REQUIRE(room != nullptr);
    for (int64_t i = 0; i < rows; ++i) room[i] = first + static_cast<float>(i);
  };
  store(9, 3);
  CHECK(state.rows() == 0);
  CHECK_FALSE(state.tensor().defined());
  REQUIRE(state.room<int64_t>(2) != nullptr);  // the first rows may still be of any kind
  store(0, 3);
  state.append_stored(3);
  store(50, 100);
  CHECK(same(state.tensor(), at::arange(3, at::kFloat)));
  const States before = states.snapshot();
  for (float first = 3; first < 200; first += 3) {
    store(first, 3);
    state.append_stored(3);
  }
  CHECK(same(state.tensor(), at::arange(state.rows(), at::kFloat)));
  CHECK(same(before["x"].tensor(), at::arange(3, at::kFloat)));
  state.append(at::zeros({2}));
  CHECK(state.tensor().narrow(0, state.rows() - 2, 2).eq(0).all().item<bool>());
}

TEST_CASE("there is no room for rows that are kept in another form") {
  States states = one(Reduction::Cat);
  State& state = states["x"];
  state.append(at::ones({2}));
  CHECK(state.room<double>(1) == nullptr);
  CHECK(state.room<int32_t>(1) == nullptr);
  CHECK(state.room<float>(1) != nullptr);
  CHECK(same(state.tensor(), at::ones({2})));
  states.reset();
  state.append(at::ones({2, 1}));
  CHECK(state.room<float>(1) == nullptr);
  states.reset();
  state.append(at::ones({2}).set_requires_grad(true));
  CHECK(state.room<float>(1) == nullptr);
  states.reset();
  states.set_dtype(at::kDouble);
  CHECK(state.room<float>(1) == nullptr);
  CHECK(state.room<double>(1) != nullptr);
  CHECK(state.room<int32_t>(1) != nullptr);
  States sum = one(Reduction::Sum, number(0));
  CHECK_THROWS_AS(sum["x"].room<double>(1), Error);
}

TEST_CASE("a list keeps its items with their boundaries, those without rows too") {
  States states = one(Reduction::List);
  State& state = states["x"];
  state.append_item(at::zeros({0, 2}));
  state.append_item(at::ones({2, 2}));
  state.append_item(at::zeros({0, 2}));
  state.append_item(at::full({1, 2}, 2.0f));
  REQUIRE(state.items().size() == 4);
  CHECK(same(state.items()[0], at::zeros({0, 2})));
  CHECK(same(state.items()[1], at::ones({2, 2})));
  CHECK(same(state.items()[2], at::zeros({0, 2})));
  CHECK(same(state.items()[3], at::full({1, 2}, 2.0f)));
  CHECK(state.rows() == 3);

  States other = states.fresh();
  other["x"].append_item(at::full({3, 2}, 3.0f));
  states.merge(other);
  states.merge(states.fresh());
  REQUIRE(state.items().size() == 5);
  CHECK(same(state.items()[4], at::full({3, 2}, 3.0f)));
}

TEST_CASE("a list or cat state can be merged with itself") {
  for (const auto reduction : {Reduction::List, Reduction::Cat}) {
    States states = one(reduction);
    auto append = [&](const Tensor& rows) {
      reduction == Reduction::List ? states["x"].append_item(rows) : states["x"].append(rows);
    };
    append(at::tensor({1.0f, 2.0f}));
    append(at::tensor({3.0f}));
    states.merge(states);
    CHECK(same(states["x"].tensor(), at::tensor({1.0f, 2.0f, 3.0f, 1.0f, 2.0f, 3.0f})));
    if (reduction == Reduction::List) CHECK(states["x"].items().size() == 4);
  }
}

TEST_CASE("a snapshot shares rows with the original, and the original can go back to it") {
  for (const auto reduction : {Reduction::List, Reduction::Cat}) {
    CAPTURE(to_string(reduction));
    States states = one(reduction);
    auto append = [&](const Tensor& rows) {
      reduction == Reduction::List ? states["x"].append_item(rows) : states["x"].append(rows);
    };
    for (int i = 0; i < 5; ++i) append(at::full({3}, static_cast<float>(i)));
    States before = states.snapshot();
    CHECK(before["x"].tensor().const_data_ptr() == states["x"].tensor().const_data_ptr());
    CHECK(before["x"].item_ends().data() == states["x"].item_ends().data());
    for (int i = 5; i < 20; ++i) append(at::full({3}, static_cast<float>(i)));
    CHECK(same(before["x"].tensor(), at::arange(5, at::kFloat).repeat_interleave(3)));
    states = std::move(before);
    append(at::full({2}, 9.0f));
    CHECK(same(states["x"].tensor(), at::cat({at::arange(5, at::kFloat).repeat_interleave(3), at::full({2}, 9.0f)})));
    if (reduction == Reduction::List) {
      CHECK(states["x"].item_ends().size() == 6);
      CHECK(states["x"].item_ends().back() == 17);
    }
  }
}

TEST_CASE("a snapshot of accumulators does not follow the original") {
  States states = one(Reduction::Sum, at::zeros({2}, at::kLong));
  const States before = states.snapshot();
  states["x"].counts()[0] = 5;
  CHECK(same(before["x"].tensor(), at::zeros({2}, at::kLong)));
}

namespace {

/// One state of each kind that an update can change in a way of its own, with something in them.
States one_of_each() {
  States states;
  states.add("sum", Reduction::Sum, number(0));
  states.add("counts", Reduction::Sum, at::zeros({3}, at::kLong));
  states.add("open", Reduction::Sum, number(0), metrics::ShapeFrom::Data);
  states.add("highest", Reduction::Max, at::zeros({2}));
  states.add("own", Reduction::Own, at::zeros({2}, at::kLong));
  states.add("rows", Reduction::Cat);
  states.add("items", Reduction::List);
  states.add("none", Reduction::Cat);
  states["sum"].add(number(1e16));
  states["sum"].add(number(1));
  states["counts"].counts()[1] = 7;
  states["rows"].append(at::ones({3}, at::kInt));
  states["items"].append_item(at::ones({2}));
  states["items"].append_item(at::ones({0}));
  states.set_update_count(2);
  return states;
}

void change_all(States& states) {
  states["sum"].add({number(-1e16).item<double>(), 0.5});
  states["counts"].counts()[0] = 1;
  states["open"].add(at::ones({4}));
  states["highest"].raise(at::ones({2}));
  states["own"].set(at::ones({5}));
  states["rows"].append(at::full({100}, int64_t{1} << 40));
  states["items"].append_item(at::ones({3}, at::kDouble));
  states["none"].append(at::ones({2}));
  states.set_update_count(9);
  states.set_dtype(at::kDouble);
}

std::string picture(const States& states) {
  std::ostringstream text;
  text << states.update_count() << states.dtype();
  for (const State& state : states) {
    const auto show = [&](const Tensor& part) {
      if (!part.defined()) return;
      text << part.scalar_type() << part.sizes();
      const Tensor plain = part.contiguous();
      text.write(static_cast<const char*>(plain.const_data_ptr()), static_cast<std::streamsize>(plain.nbytes()));
    };
    text << state.name() << state.rows();
    show(state.tensor());
    show(state.residual());
    for (int64_t end : state.item_ends()) text << "," << end;
  }
  return text.str();
}

}  // namespace

TEST_CASE("an attempt takes back what has become of states, unless it succeeded") {
  States states = one_of_each();
  for (int round = 0; round < 3; ++round) {  // the later ones in the memory of the first
    CAPTURE(round);
    const std::string before = picture(states);
    { const States::Attempt attempt(states); }
    CHECK(picture(states) == before);
    {
      const States::Attempt attempt(states);
      change_all(states);
      CHECK(picture(states) != before);
    }
    CHECK(picture(states) == before);
    {
      const States::Attempt attempt(states);
      const Tensor seen = std::as_const(states)["counts"].tensor();
      seen.add_(5);
    }
    CHECK(picture(states) == before);
    {
      const States::Attempt attempt(states);
      states = one(Reduction::Cat);
    }
    CHECK(picture(states) == before);
    {
      const States::Attempt attempt(states);
      states.reset();
      states["rows"].append(at::zeros({9}));
    }
    CHECK(picture(states) == before);
    States changed = states;
    {
      States::Attempt attempt(states);
      states["sum"].add(number(1));
      states["rows"].append(at::ones({2}, at::kInt));
      attempt.succeed();
    }
    changed["sum"].add(number(1));
    changed["rows"].append(at::ones({2}, at::kInt));
    CHECK(picture(states) == picture(changed));
  }
}

TEST_CASE("an attempt within another takes back its own share") {
  States states = one_of_each();
  const std::string before = picture(states);
  {
    const States::Attempt outer(states);
    states["counts"].counts()[0] = 1;
    const std::string half_way = picture(states);
    {
      const States::Attempt inner(states);
      change_all(states);
    }
    CHECK(picture(states) == half_way);
    change_all(states);
  }
  CHECK(picture(states) == before);
}

TEST_CASE("an attempt that has ended shares no rows") {
  States states = one(Reduction::Cat);
  const auto append = [&] {
    States::Attempt attempt(states);
    states["x"].append(at::ones({1 << 20}));
    attempt.succeed();
  };
  append();
  const void* const memory = states["x"].tensor().const_data_ptr();
  states.reset();
  append();
  CHECK(states["x"].tensor().const_data_ptr() == memory);
}

TEST_CASE("several sums are added to, or none") {
  States states = one_of_each();
  const std::string before = picture(states);
  CHECK_THROWS_AS(State::add_all({{states["sum"], {1}}, {states["counts"], {1}}}), Error);
  CHECK_THROWS_AS(State::add_all({{states["sum"], {1}}, {states["highest"], {1}}}), Error);
  {
    const metrics::testing::FailingWrite failing(2);
    CHECK_THROWS_AS(State::add_all({{states["sum"], {1}}, {states["open"], {2}}}), Error);
  }
  CHECK(picture(states) == before);
  State::add_all({{states["sum"], {-1e16}}, {states["open"], {2}}});
  CHECK(states["sum"].tensor().item<double>() == 1);
  CHECK(states["open"].tensor().item<double>() == 2);
}

TEST_CASE("the n-th write to a state can be made to fail, in one thread") {
  const auto writes = [](States& states) { change_all(states); };
  int64_t n = 0;
  for (bool failed = true; failed;) {
    States states = one_of_each();
    const metrics::testing::FailingWrite failing(++n);
    std::thread([&] {
      States others = one_of_each();
      CHECK_NOTHROW(writes(others));
    }).join();
    failed = false;
    try {
      writes(states);
    } catch (const Error& error) {
      failed = true;
      CHECK(std::string(error.what()).find("this write was to fail") != std::string::npos);
    }
    CHECK(failing.has_come() == failed);
  }
  CHECK(n == 9);  // eight states are written to
}

TEST_CASE("a copy has its own memory") {
  States states;
  states.add("cat", Reduction::Cat);
  states.add("list", Reduction::List);
  states.add("sum", Reduction::Sum, number(0));
  states["cat"].append(at::ones({2}));
  states["list"].append_item(at::ones({2}));
  states["sum"].add(number(1e16));
  states["sum"].add(number(1));
  States copy = states;
  states["cat"].append(at::zeros({1}));
  states["list"].append_item(at::zeros({1}));
  states["sum"].add(number(-1e16));
  copy["cat"].append(at::full({1}, 2.0f));
  CHECK(same(copy["cat"].tensor(), at::tensor({1.0f, 1.0f, 2.0f})));
  CHECK(same(states["cat"].tensor(), at::tensor({1.0f, 1.0f, 0.0f})));
  CHECK(copy["list"].items().size() == 1);
  copy["sum"].add(number(-1e16));
  CHECK(copy["sum"].tensor().item<double>() == 1);
  CHECK(states["sum"].tensor().item<double>() == 1);
}

TEST_CASE("states of other metrics are refused") {
  States states = one(Reduction::Cat);
  CHECK_THROWS_AS(states.merge(States{}), InvalidArgument);
}

TEST_CASE("moving to the device where it is keeps the room to grow") {
  States states = one(Reduction::Cat);
  for (int i = 0; i < 3; ++i) states["x"].append(at::ones({4}));
  const void* place = states["x"].tensor().const_data_ptr();
  states.to(at::kCPU);
  states.move_growing_to_cpu();
  states["x"].append(at::ones({4}));
  CHECK(states["x"].tensor().const_data_ptr() == place);
  states.to(at::Device(at::kCPU, 0));
  CHECK((states.device() == at::Device(at::kCPU)));
}

TEST_CASE("counts and sums of a state on another device cannot be written, nor what a state is not") {
  States counts = one(Reduction::Sum, at::zeros({2}, at::kLong));
  States sums = one(Reduction::Sum, at::zeros({2}));
  CHECK_THROWS_WITH_AS(counts["x"].sums(), doctest::Contains("is a sum of integers"), Error);
  CHECK_THROWS_AS(sums["x"].counts(), c10::Error);
  for (States* states : {&counts, &sums}) states->to(at::kMeta);
  CHECK_THROWS_WITH_AS(counts["x"].counts(), doctest::Contains("not on the CPU"), Error);
  CHECK_THROWS_WITH_AS(sums["x"].sums(), doctest::Contains("not on the CPU"), Error);
}

TEST_CASE("kernels write to the memory of a state that does not grow, and nothing else does") {
  States states = one(Reduction::Sum, at::zeros({2}, at::kLong));
  states["x"].tensor_to_write().add_(2);
  ++states["x"].counts()[0];
  CHECK(at::equal(states["x"].tensor(), at::tensor({3, 2}, at::kLong)));
  States exact = one(Reduction::Sum, number(1));
  *exact["x"].sums().low = 0.25;
  CHECK(exact["x"].sum().low == 0.25);
  for (const Reduction reduction : {Reduction::Cat, Reduction::List}) {
    States growing = one(reduction);
    CHECK_THROWS_WITH_AS(growing["x"].tensor_to_write(), doctest::Contains("`x` grows"), Error);
  }
  const metrics::testing::FailingWrite failing(1);
  CHECK_THROWS_AS(states["x"].tensor_to_write(), Error);
  CHECK(failing.has_come());
}

TEST_CASE("the default of each reduction is neutral on either side, to the last bit") {
  const auto filled = [] {
    States states = one_of_each();
    change_all(states);
    states.set_update_count(3);
    return states;
  };
  const std::string expected = picture(filled());
  States left = filled().fresh();
  left["own"].set(filled()["own"].tensor());  // which the metric merges
  left.merge(filled());
  CHECK(picture(left) == expected);
  States right = filled();
  right.merge(right.fresh());
  CHECK(picture(right) == expected);
}

TEST_CASE("states made and copied under InferenceMode can be changed outside it") {
  auto [made, copied] = [] {
    const c10::InferenceMode on;
    States states;
    states.add("sum", Reduction::Sum, at::zeros({2}));
    states.add("count", Reduction::Sum, at::zeros({2}, at::kLong));
    states.add("rows", Reduction::Cat);
    states["rows"].append(at::ones({2}));
    States copy = states;
    copy["rows"].append(at::ones({2}));
    return std::pair(std::move(states), std::move(copy));
  }();
  for (States* states : {&made, &copied}) {
    (*states)["sum"].add(at::ones({2}));
    (*states)["count"].add(at::ones({2}, at::kInt));
    (*states)["rows"].append(at::ones({1}).expand({3}));
    CHECK_FALSE((*states)["sum"].tensor().is_inference());
    CHECK_FALSE((*states)["rows"].tensor().is_inference());
  }
  CHECK(copied["rows"].rows() == 7);
}

TEST_CASE("gradients flow through a state while they are recorded, and detach cuts them") {
  States states;
  states.add("sum", Reduction::Sum, at::zeros({}));
  states.add("rows", Reduction::Cat);
  const Tensor x = at::tensor({1.0f, 2.0f}).requires_grad_();
  states["sum"].add(x.sum());
  states["rows"].append(x);
  states["rows"].append(2 * x);
  (states["sum"].tensor() + states["rows"].tensor().sum()).backward();
  CHECK(same(x.grad(), at::full({2}, 4.0f)));
  states.detach();
  CHECK_FALSE(states["sum"].tensor().requires_grad());
  CHECK_FALSE(states["rows"].tensor().requires_grad());
  CHECK(states["rows"].tensor().const_data_ptr() != x.const_data_ptr());
  const at::NoGradGuard off;
  states["rows"].append(x);
  CHECK_FALSE(states["rows"].tensor().requires_grad());
}

}  // namespace state_test
