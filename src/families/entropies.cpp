#include "entropies.h"

#include "kernels/math.h"
#include "kernels/multiversioned.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace metrics::families {

namespace {

/// How many logarithms are taken at once, as vectors.
constexpr std::size_t block = 512;

METRICS_MULTIVERSIONED void take_logarithms(double* numbers, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) numbers[i] = kernels::logarithm(numbers[i]);
}

/// Σ weight(i) log(argument(i)), one after the other.
template <class Weight, class Argument>
double sum_of_logarithms(std::size_t count, const Weight& weight, const Argument& argument) {
  std::array<double, block> logarithms;
  double sum = 0;
  for (std::size_t begin = 0; begin < count; begin += block) {
    const std::size_t size = std::min(block, count - begin);
    for (std::size_t i = 0; i < size; ++i) logarithms[i] = argument(begin + i);
    take_logarithms(logarithms.data(), size);
    for (std::size_t i = 0; i < size; ++i) sum += weight(begin + i) * logarithms[i];
  }
  return sum;
}

}  // namespace

double entropy(const std::vector<double>& counts, double all) {
  if (counts.size() < 2) return 0;
  return sum_of_logarithms(
             counts.size(), [&](std::size_t i) { return counts[i]; }, [&](std::size_t i) { return all / counts[i]; }) /
         all;
}

double mutual_information(const Contingency& table) {
  if (table.rows.size() < 2 || table.columns.size() < 2) return 0;
  const auto& cells = table.cells;
  const auto ratio = [&](std::size_t i) {
    const double expected =
        table.rows[static_cast<std::size_t>(cells[i].row)] * table.columns[static_cast<std::size_t>(cells[i].column)];
    return cells[i].count * table.all / expected;
  };
  const double sum = sum_of_logarithms(
      cells.size(), [&](std::size_t i) { return cells[i].count; }, ratio);
  return std::max(sum / table.all, 0.0);
}

}  // namespace metrics::families
