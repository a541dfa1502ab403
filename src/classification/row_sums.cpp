#include "row_sums.h"

#include "kernels/pairs/exact_products.h"

#include <algorithm>
#include <array>

namespace metrics::classification {

namespace {

// So many numbers are added in double, in lanes whose number fixes the bits, before their sum is added to the others'.
constexpr int64_t kBlock = 512;
constexpr int64_t kLanes = 8;

DoubleDouble sum_of(const std::vector<double>& numbers) {
  DoubleDouble sum;
  const auto size = static_cast<int64_t>(numbers.size());
  for (int64_t begin = 0; begin < size; begin += kBlock) {
    const int64_t count = std::min(kBlock, size - begin);
    const double* const block = numbers.data() + begin;
    std::array<double, kLanes> lanes{};
    int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
      for (int64_t lane = 0; lane < kLanes; ++lane) lanes[static_cast<std::size_t>(lane)] += block[i + lane];
    }
    for (std::size_t lane = 0; i < count; ++i, ++lane) lanes[lane] += block[i];
    for (const double lane : lanes) sum = sum + lane;
  }
  return sum;
}

int64_t positions_of(int64_t rows, const Weights& weights) {
  return weights.rows() == 0 ? 1 : std::max<int64_t>(1, rows / weights.rows());
}

}  // namespace

std::vector<DoubleDouble> sums_of(const RowValues& rows, const Weights& weights) {
  if (!weights.given() && rows.columns == 1) return {sum_of(rows.values)};
  std::vector<DoubleDouble> sums(static_cast<std::size_t>(rows.columns));
  const auto count = static_cast<int64_t>(rows.taken.size());
  const int64_t positions = positions_of(count, weights);
  const double* value = rows.values.data();
  for (int64_t row = 0; row < count; ++row) {
    if (!weights.given()) {
      for (DoubleDouble& sum : sums) sum = sum + *value++;
      continue;
    }
    const int64_t index = row / positions;
    const double weight =
        weights.are_integers() ? static_cast<double>(weights.integers()[index]) : weights.reals()[index];
    for (DoubleDouble& sum : sums) sum = sum + kernels::pairs::exact_product(*value++, weight);
  }
  return sums;
}

families::pairs::PairCount number_of(const std::vector<int8_t>& taken, const Weights& weights) {
  const auto rows = static_cast<int64_t>(taken.size());
  const int64_t positions = positions_of(rows, weights);
  int64_t count = 0;
  if (!weights.given()) {
    for (const int8_t one : taken) count += one;
    return {count};
  }
  if (weights.are_integers()) {
    for (int64_t row = 0; row < rows; ++row) {
      count += taken[static_cast<std::size_t>(row)] * weights.integers()[row / positions];
    }
    return {count};
  }
  DoubleDouble sum;
  for (int64_t row = 0; row < rows; ++row) {
    if (taken[static_cast<std::size_t>(row)] != 0) sum = sum + weights.reals()[row / positions];
  }
  return families::pairs::PairCount(sum);
}

}  // namespace metrics::classification
