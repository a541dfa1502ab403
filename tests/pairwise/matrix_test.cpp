#include "pairwise/matrix.h"

#include "pairwise/kernels.h"
#include <metrics/core/dynamic.h>
#include <metrics/core/errors.h>
#include <metrics/pairwise/cosine.h>
#include <metrics/pairwise/euclidean.h>
#include <metrics/pairwise/linear.h>
#include <metrics/pairwise/manhattan.h>
#include <metrics/pairwise/minkowski.h>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/CPUAllocator.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

// What fixtures cannot show: kernels beside tensor operations, gradients, and how much memory there is at a time.

namespace pairwise_test {
namespace {

using at::Tensor;
using metrics::PairwiseOptions;
using metrics::pairwise::Reduction;

/// Numbers [rows, columns] in (-1, 1) that follow no pattern.
Tensor scattered(int64_t rows, int64_t columns, double shift = 0) {
  const Tensor numbers = at::arange(rows * columns, at::kDouble).add(shift).mul(12.9898).sin().mul(43758.5453).frac();
  return numbers.view({rows, columns});
}

using Functional = std::function<Tensor(const Tensor& x, const Tensor& y, const PairwiseOptions& options)>;

/// All of them, with a power beside for Minkowski's.
std::vector<std::pair<std::string, Functional>> functionals() {
  namespace f = metrics::functional;
  const auto minkowski = [](double exponent) {
    return [exponent](const Tensor& x, const Tensor& y, const PairwiseOptions& options) {
      return f::pairwise_minkowski_distance(
          x, y, {.exponent = exponent, .reduction = options.reduction, .zero_diagonal = options.zero_diagonal});
    };
  };
  return {{"cosine", f::pairwise_cosine_similarity},
          {"linear", f::pairwise_linear_similarity},
          {"euclidean", f::pairwise_euclidean_distance},
          {"manhattan", f::pairwise_manhattan_distance},
          {"minkowski of 3", minkowski(3)},
          {"minkowski of 2.5", minkowski(2.5)}};
}

/// Notes the largest piece of memory that is asked for on the CPU.
class LargestAllocation : public c10::Allocator {
 public:
  LargestAllocation() : before_(c10::GetCPUAllocator()) { c10::SetCPUAllocator(this, 100); }
  ~LargestAllocation() override { c10::SetCPUAllocator(before_, 100); }
  LargestAllocation(const LargestAllocation&) = delete;
  LargestAllocation& operator=(const LargestAllocation&) = delete;

  c10::DataPtr allocate(std::size_t bytes) override {
    most = std::max(most, bytes);
    return before_->allocate(bytes);
  }
  c10::DeleterFnPtr raw_deleter() const override { return before_->raw_deleter(); }
  void copy_data(void* to, const void* from, std::size_t count) const override { default_copy_data(to, from, count); }

  std::size_t most = 0;

 private:
  c10::Allocator* before_;
};

}  // namespace

TEST_CASE("distances of kernels are those of tensor operations, in any shape") {
  for (const double power : {1.0, 2.0, 3.0, 4.0, 1.5}) {
    CAPTURE(power);
    for (const auto& [rows, others, columns] :
         {std::array<int64_t, 3>{1, 1, 1}, {3, 65, 7}, {64, 64, 8}, {129, 31, 40}, {5, 200, 0}}) {
      CAPTURE(rows);
      CAPTURE(columns);
      for (const auto dtype : {at::kFloat, at::kDouble}) {
        const Tensor x = scattered(rows, columns).to(dtype), y = scattered(others, columns, 0.5).to(dtype);
        const Tensor got = at::empty({rows, others + 3}, x.options()).narrow(1, 1, others);
        metrics::pairwise::kernels::Panels(y).write_distances(x, 0, power, got);
        const Tensor expected =
            metrics::pairwise::plain::distances(x.to(at::kDouble), y.to(at::kDouble), power).to(dtype);
        CHECK(at::allclose(got, expected, dtype == at::kFloat ? 3e-7 : 1e-14, 0));
      }
    }
  }
}

TEST_CASE("Euclidean distances of wide rows are those of differences, near and far from one another and from 0") {
  const Tensor x = scattered(90, 64), y = scattered(140, 64, 0.5);
  const auto check = [](const Tensor& a, const Tensor& b) {
    for (const auto dtype : {at::kFloat, at::kDouble}) {
      const Tensor of_a = a.to(dtype), of_b = b.to(dtype);
      const Tensor expected = metrics::pairwise::plain::distances(of_a.to(at::kDouble), of_b.to(at::kDouble), 2);
      const Tensor got = metrics::functional::pairwise_euclidean_distance(of_a, of_b);
      CHECK(at::allclose(got.to(at::kDouble), expected, dtype == at::kFloat ? 1e-6 : 1e-14, 0, true));
    }
  };
  check(x, y);
  check(x + 1000, y + 1000);
  check(x, x);
  check(x, at::cat({x.narrow(0, 0, 5) + 1e-3, y}));  // few are near
  check(x, at::cat({x + 1e-3, x, x - 1e-5}));        // many are
  const Tensor spoilt = x.clone();
  spoilt[3][7] = std::numeric_limits<double>::infinity();
  spoilt[5][1] = std::numeric_limits<double>::quiet_NaN();
  check(spoilt, y);
  check(y, spoilt);
  check(x * 1e15, y * 1e15);
}

TEST_CASE("matrices of pairs: reductions are those of the whole matrix, whatever the number of parts and threads") {
  const Tensor x = scattered(700, 6).to(at::kFloat), y = scattered(2500, 6, 0.25).to(at::kFloat);
  const int threads = at::get_num_threads();
  for (const auto& [name, functional] : functionals()) {
    CAPTURE(name);
    for (const bool zero : {false, true}) {
      const Tensor matrix = functional(x, y, {.zero_diagonal = zero});
      if (zero) CHECK(matrix.diagonal().eq(0).all().item<bool>());
      const Tensor wide = matrix.to(at::kDouble);
      const Tensor sums = functional(x, y, {.reduction = Reduction::Sum, .zero_diagonal = zero});
      CHECK(at::allclose(sums.to(at::kDouble), wide.sum(1), 1e-5, 1e-3));
      const Tensor means = functional(x, y, {.reduction = Reduction::Mean, .zero_diagonal = zero});
      CHECK(at::allclose(means.to(at::kDouble), wide.mean(1), 1e-5, 1e-6));
      at::set_num_threads(1);
      CHECK(at::allclose(functional(x, y, {.zero_diagonal = zero}), matrix, 1e-6, 1e-6));
      at::set_num_threads(threads);
    }
    // Another dtype than that of the kernel is converted part by part.
    const Tensor halves = functional(x.to(at::kHalf), y.to(at::kHalf), {});
    CHECK((halves.scalar_type() == at::kHalf));
    const Tensor expected = functional(x.to(at::kHalf).to(at::kFloat), y.to(at::kHalf).to(at::kFloat), {});
    CHECK(at::equal(halves, expected.to(at::kHalf)));
  }
}

TEST_CASE("matrices of pairs: with a reduction the whole matrix is never there") {
  const Tensor x = scattered(3000, 4).to(at::kFloat);
  for (const auto& [name, functional] : functionals()) {
    CAPTURE(name);
    LargestAllocation allocations;
    functional(x, x, {.reduction = Reduction::Mean});
    CHECK(allocations.most <= 2 << 20);  // the matrix has 36 MB
  }
}

TEST_CASE("matrices of pairs: gradients are those of differences, also of the reduced matrix") {
  for (const auto& [name, functional] : functionals()) {
    CAPTURE(name);
    for (const auto reduction : {Reduction::None, Reduction::Mean, Reduction::Sum}) {
      const Tensor x = scattered(4, 3).set_requires_grad(true), y = scattered(5, 3, 0.5).set_requires_grad(true);
      const Tensor matrix = functional(x, y, {.reduction = reduction, .zero_diagonal = true});
      REQUIRE(matrix.requires_grad());
      matrix.square().sum().backward();
      const Tensor weights = x.detach();
      constexpr double step = 1e-6;
      for (int64_t i = 0; i < x.numel(); ++i) {
        const auto moved = [&](double by) {
          const Tensor other = x.detach().clone();
          other.view({-1})[i] += by;
          const Tensor value = functional(other, y.detach(), {.reduction = reduction, .zero_diagonal = true});
          return value.square().sum().item<double>();
        };
        const double slope = (moved(step) - moved(-step)) / (2 * step);
        CHECK(x.grad().view({-1})[i].item<double>() == doctest::Approx(slope).epsilon(1e-5));
      }
      CHECK(y.grad().defined());
      CHECK(at::allclose(functional(x.detach(), y.detach(), {.reduction = reduction, .zero_diagonal = true}), matrix));
    }
  }
}

TEST_CASE("matrices of pairs: without y a row meets all rows of x, and itself by default not") {
  const Tensor x = scattered(6, 3);
  const Tensor matrix = metrics::functional::pairwise_euclidean_distance(x);
  CHECK(at::equal(matrix, metrics::functional::pairwise_euclidean_distance(x, x, {.zero_diagonal = true})));
  CHECK(at::equal(matrix, matrix.t()));
  CHECK(metrics::functional::pairwise_linear_similarity(x, {}, {.zero_diagonal = false})[2][2].item<double>() > 0);
  CHECK(at::equal(metrics::call("pairwise_euclidean_distance", {x}).toTensor(), matrix));
}

TEST_CASE("matrices of pairs: an infinite exponent is refused, of which torchmetrics makes 1 for each distance") {
  CHECK_THROWS_WITH_AS(metrics::functional::pairwise_minkowski_distance(
                           scattered(6, 3), {}, {.exponent = std::numeric_limits<double>::infinity()}),
                       doctest::Contains("exponent"), metrics::InvalidArgument);
}

TEST_CASE("matrices of pairs refuse weights of rows by name, and what cannot be read") {
  const Tensor x = scattered(6, 3);
  CHECK_THROWS_WITH_AS(metrics::call("pairwise_linear_similarity", {x}, {{"sample_weight", at::ones({6})}}),
                       doctest::Contains("pairwise_linear_similarity"), metrics::InvalidArgument);
  CHECK_THROWS_WITH_AS(metrics::functional::pairwise_manhattan_distance(Tensor()),
                       doctest::Contains("pairwise_manhattan_distance"), metrics::InvalidArgument);
  CHECK_THROWS_WITH_AS(metrics::functional::pairwise_manhattan_distance(x, x.to(at::kComplexDouble)),
                       doctest::Contains("`y`"), metrics::InvalidArgument);
}

}  // namespace pairwise_test
