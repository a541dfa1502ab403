#include "families/numbers.h"

#include "families/formula.h"
#include "harness/value.h"

#include <ATen/ATen.h>

#include <doctest/doctest.h>

#include <limits>

// The last step of a metric: what a formula gives of numbers has the bits of what it gives of tensors.

namespace numbers_test {
namespace {

using at::Tensor;
using metrics::families::Doubles;
using metrics::families::tensor_of;
using metrics::families::value_of;
using metrics::testing::bits;

constexpr double infinity = std::numeric_limits<double>::infinity();

const auto quotient = [](const auto& sum, const auto& total) { return sum / total; };
const auto root_of_quotient = [](const auto& sum, const auto& total) {
  return metrics::families::formula::root(sum / total);
};
const auto chosen_quotient = [](const auto& sum, const auto& total) {
  return metrics::families::chosen(total == 0, 1.0, 1 - sum / total);
};

/// The same numbers in memory in which a formula does not find them.
Tensor spread(const Tensor& numbers) {
  return at::stack({numbers, numbers}, -1).select(-1, 0);
}

template <class Formula>
void check_same_bits(const Formula& formula, const Tensor& sum, const Tensor& total) {
  const Tensor of_numbers = value_of(formula, sum, total);
  const Tensor of_tensors = formula(sum, total);
  CHECK(bits(of_numbers) == bits(of_tensors));
  const bool are_spread = sum.numel() > 1;
  CHECK(Doubles(spread(sum)).are_here() == !are_spread);
  CHECK(bits(value_of(formula, spread(sum), total)) == bits(of_tensors));
}

}  // namespace

TEST_CASE("a formula gives the same bits by numbers and by tensors") {
  at::manual_seed(5);
  const Tensor ends = at::tensor(
      {0.0, -0.0, 1e308, 5e-324, infinity, -infinity, std::numeric_limits<double>::quiet_NaN()}, at::kDouble);
  for (const Tensor& sums : {at::rand({}, at::kDouble), at::rand({7}, at::kDouble) * 1e9, ends}) {
    for (const Tensor& totals :
         {at::tensor(int64_t{0}, at::kLong).squeeze(), at::tensor(int64_t{7}, at::kLong).squeeze(),
          at::rand({}, at::kDouble), at::rand(sums.sizes(), at::kDouble)}) {
      CAPTURE(totals);
      check_same_bits(quotient, sums, totals);
      check_same_bits(root_of_quotient, sums.abs(), totals);
      check_same_bits(chosen_quotient, sums, totals);
    }
  }
}

TEST_CASE("a formula is given the tensors where they carry gradients") {
  const Tensor sum = at::ones({}, at::kDouble).requires_grad_();
  const Tensor value = value_of(quotient, sum, at::full({}, 4, at::kLong));
  value.backward();
  CHECK(sum.grad().item<double>() == 0.25);
}

TEST_CASE("numbers that are held keep their memory") {
  const Tensor first = tensor_of(1), second = tensor_of(2);
  CHECK(first.item<double>() == 1);
  CHECK(second.item<double>() == 2);
  const Tensor view = tensor_of(3).view({1});
  const Tensor fourth = tensor_of(4);
  CHECK(view.item<double>() == 3);
  {
    const c10::InferenceMode inference;
    tensor_of(5);
  }
  CHECK(!tensor_of(6).is_inference());
}

}  // namespace numbers_test
