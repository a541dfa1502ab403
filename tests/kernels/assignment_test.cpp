#include "kernels/assignment.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

namespace {

double sum_of(const std::vector<double>& matrix, const std::vector<int64_t>& column_of) {
  double sum = 0;
  for (std::size_t row = 0; row < column_of.size(); ++row) {
    sum += matrix[row * column_of.size() + static_cast<std::size_t>(column_of[row])];
  }
  return sum;
}

}  // namespace

TEST_CASE("an assignment has the greatest sum of all permutations") {
  CHECK(metrics::kernels::greatest_assignment(nullptr, 0).empty());
  uint64_t state = 12345;
  for (int64_t n = 1; n <= 6; ++n) {
    for (int round = 0; round < 200; ++round) {
      const uint64_t range = round % 3 == 0 ? 3 : 50;  // many ties, and few
      std::vector<double> matrix(static_cast<std::size_t>(n * n));
      for (double& number : matrix) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        number = static_cast<double>((state >> 33) % range) - (round % 2 == 0 ? 0.0 : 20.0);
      }
      std::vector<int64_t> order(static_cast<std::size_t>(n));
      std::iota(order.begin(), order.end(), 0);
      double best = sum_of(matrix, order);
      do best = std::max(best, sum_of(matrix, order));
      while (std::next_permutation(order.begin(), order.end()));
      std::vector<int64_t> assigned = metrics::kernels::greatest_assignment(matrix.data(), n);
      CHECK(sum_of(matrix, assigned) == best);
      std::sort(assigned.begin(), assigned.end());
      std::iota(order.begin(), order.end(), 0);
      CHECK(assigned == order);
    }
  }
}
