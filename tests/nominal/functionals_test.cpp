#include <metrics/core/dynamic.h>
#include <metrics/core/errors.h>
#include <metrics/nominal/cramers.h>
#include <metrics/nominal/pearson.h>
#include <metrics/nominal/theils_u.h>
#include <metrics/nominal/tschuprows.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>

#include <limits>

// What functionals of associations do beside their classes: values are whatever occurs, and there are matrices of them.

namespace nominal_functionals_test {
namespace {

using at::Tensor;
using metrics::Rows;

Tensor values(int64_t seed) {
  return (at::arange(60, at::kLong) * (7 + seed)).bitwise_xor(at::arange(60, at::kLong).div(2 + seed, "floor")) %
         (3 + seed % 2);
}

/// The same values under other names, in another order.
Tensor renamed(const Tensor& numbers) {
  return at::tensor({int64_t{1} << 40, int64_t{-3}, int64_t{1000}, int64_t{5}}, at::kLong).index_select(0, numbers);
}

}  // namespace

TEST_CASE("functionals of associations take any whole numbers for values") {
  const Tensor x = values(0), y = values(1);
  CHECK(metrics::functional::cramers_v(renamed(x), renamed(y)).equal(metrics::functional::cramers_v(x, y)));
  CHECK(metrics::functional::tschuprows_t(renamed(x), renamed(y)).equal(metrics::functional::tschuprows_t(x, y)));
  CHECK(metrics::functional::pearsons_contingency_coefficient(renamed(x), y)
            .allclose(metrics::functional::pearsons_contingency_coefficient(x, y)));
  CHECK(metrics::functional::theils_u(x, renamed(y)).allclose(metrics::functional::theils_u(x, y)));
}

TEST_CASE("functionals of associations take weights, and rows that are not valid, with NaN among them") {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  const Tensor x = at::tensor({0.0, 1.0, nan, 2.0, 0.0, 1.0}), y = at::tensor({1.0, 1.0, 0.0, nan, 0.0, 2.0});
  const Tensor times = at::tensor({2, 1, 3, 0, 1, 4}, at::kLong);
  const auto repeated = [&](const Tensor& input) { return input.repeat_interleave(times); };
  for (const auto strategy : {metrics::nominal::NanStrategy::Replace, metrics::nominal::NanStrategy::Drop}) {
    const metrics::BatchAssociationOptions options{.nan_strategy = strategy};
    const Tensor expected = metrics::functional::theils_u(repeated(x), repeated(y), options);
    CHECK(metrics::functional::theils_u(x, y, options, Rows{.weights = times}).equal(expected));
    CHECK(metrics::functional::theils_u(x, y, options, Rows{.weights = times.to(at::kDouble) / 8}).allclose(expected));
    const Tensor valid = at::tensor({1, 0, 1, 1, 0, 1}).to(at::kBool);
    CHECK(metrics::functional::theils_u(x, y, options, Rows{.valid = valid})
              .equal(metrics::functional::theils_u(x.masked_select(valid), y.masked_select(valid), options)));
  }
}

TEST_CASE("matrices of associations hold the value of each pair of columns") {
  const Tensor matrix = at::stack({values(0), values(1), values(2)}, 1);
  const auto check = [&](const char* matrix_of, const char* of_pair, const metrics::Kwargs& options) {
    const Tensor all = metrics::call(matrix_of, {matrix}, options).toTensor();
    REQUIRE(all.sizes() == at::IntArrayRef({3, 3}));
    for (int64_t i = 0; i < 3; ++i) {
      for (int64_t j = 0; j < 3; ++j) {
        const Tensor one = i == j
                               ? at::ones({})
                               : metrics::call(of_pair, {matrix.select(1, i), matrix.select(1, j)}, options).toTensor();
        CHECK(all[i][j].allclose(one, 1e-6, 1e-7));
      }
    }
  };
  check("cramers_v_matrix", "cramers_v", {});
  check("cramers_v_matrix", "cramers_v", {{"bias_correction", false}});
  check("tschuprows_t_matrix", "tschuprows_t", {});
  check("pearsons_contingency_coefficient_matrix", "pearsons_contingency_coefficient", {});
  check("theils_u_matrix", "theils_u", {});
  const Tensor with_nan = at::tensor({0.0, 1.0, 1.0, 0.0, std::numeric_limits<double>::quiet_NaN(), 1.0}).view({3, 2});
  CHECK(metrics::functional::theils_u_matrix(with_nan, {.nan_strategy = metrics::nominal::NanStrategy::Drop})
            .isfinite()
            .all()
            .item<bool>());
  CHECK_THROWS_WITH_AS(metrics::functional::cramers_v_matrix(values(0)), doctest::Contains("matrix"),
                       metrics::InvalidArgument);
  CHECK_THROWS_WITH_AS(metrics::functional::theils_u_matrix(matrix, {.nan_replace_value = std::nullopt}),
                       doctest::Contains("nan_replace_value"), metrics::InvalidArgument);
}

}  // namespace nominal_functionals_test
