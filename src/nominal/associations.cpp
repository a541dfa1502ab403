#include "associations.h"

#include "../core/loaded_states.h"
#include "kernels/plain_tensor.h"
#include <metrics/core/define.h>
#include <metrics/core/double_double.h>
#include <metrics/core/warning.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <sstream>
#include <utility>
#include <vector>

namespace metrics {

namespace {

using families::Contingency;
using nominal::NanStrategy;

template <class... Parts>
[[noreturn]] void refuse(const Parts&... parts) {
  std::ostringstream message;
  (message << ... << parts);
  throw InvalidArgument(message.str());
}

void check_replacement(NanStrategy strategy, const std::optional<double>& value) {
  if (strategy != NanStrategy::Replace) return;
  if (!value) refuse("option `nan_replace_value` expects a number where NaN is replaced, got None");
  if (*value == std::floor(*value) && std::abs(*value) < 0x1p53) return;
  refuse("option `nan_replace_value` expects a whole number, as values are, got ", *value);
}

/// The values of two variables, row by row, int64 [N] on the CPU.
struct ValuePairs {
  Tensor preds, target;
};

/// Values [N] of one variable, or the greatest of its scores.
Tensor one_dimensional(const char* input, const Tensor& given) {
  if (given.dim() == 2 && given.size(1) > 0) return at::argmax(given, 1);
  if (given.dim() != 1) {
    refuse("input `", input, "`: expected values [N] or scores [N, C], got ", given.scalar_type(), given.sizes());
  }
  return given;
}

/// Whole numbers as int64, where they lie on the CPU.
Tensor as_values(const char* input, const Tensor& given) {
  const Tensor here = given.detach().to(at::kCPU);
  if (!here.is_floating_point()) return here.to(at::kLong).contiguous();
  const Tensor wide = here.to(at::kDouble).contiguous();
  const auto* const number = wide.const_data_ptr<double>();
  for (int64_t row = 0; row < wide.size(0); ++row) {
    if (number[row] == std::floor(number[row]) && std::abs(number[row]) <= 0x1p53) continue;
    refuse("input `", input, "`: expected whole numbers, got ", number[row], " in row ", row);
  }
  return wide.to(at::kLong);
}

/// The values of a batch; the rows of `weights` go with them. `rows` are those that are left of it, where not all are.
struct TakenPairs {
  ValuePairs values;
  std::optional<Tensor> rows;
};

TakenPairs taken_pairs(const Tensor& preds, const Tensor& target, NanStrategy strategy,
                       const std::optional<double>& replacement) {
  Tensor x = one_dimensional("preds", preds), y = one_dimensional("target", target);
  if (x.size(0) != y.size(0)) {
    refuse("inputs `preds` and `target` must have the same number of rows, got ", preds.sizes(), " and ",
           target.sizes());
  }
  std::optional<Tensor> rows;
  if (x.is_floating_point() || y.is_floating_point()) {
    if (strategy == NanStrategy::Replace) {
      const auto replaced = [&](const Tensor& values) {
        if (!values.is_floating_point()) return values;
        const Tensor wide = values.to(at::kDouble);
        return at::where(at::isnan(wide), *replacement, wide);
      };
      x = replaced(x);
      y = replaced(y);
    } else {
      const Tensor dropped = at::isnan(x).logical_or(at::isnan(y));
      if (dropped.any().item<bool>()) {
        rows = at::nonzero(dropped.logical_not()).view({-1});
        x = x.index_select(0, *rows);
        y = y.index_select(0, *rows);
        rows = rows->to(at::kCPU);
      }
    }
  }
  return {.values = {.preds = as_values("preds", x), .target = as_values("target", y)}, .rows = rows};
}

Weights weights_of(const Weights& weights, const std::optional<Tensor>& rows) {
  return weights.given() && rows ? weights.of(*rows) : weights;
}

void check_range(const char* input, const Tensor& values, int64_t num_classes) {
  const auto* const value = values.const_data_ptr<int64_t>();
  uint64_t greatest = 0;
  for (int64_t row = 0; row < values.size(0); ++row) greatest = std::max(greatest, static_cast<uint64_t>(value[row]));
  if (values.size(0) == 0 || greatest < static_cast<uint64_t>(num_classes)) return;
  for (int64_t row = 0; row < values.size(0); ++row) {
    if (value[row] >= 0 && value[row] < num_classes) continue;
    refuse("input `", input, "`: expected values from 0 to ", num_classes - 1, ", got ", value[row], " in row ", row);
  }
}

/// Adds to the cells of a table [classes, classes], of which the target is the row.
struct Cells {
  double* high;
  double* low;
  int64_t classes;

  void add(int64_t cell, const DoubleDouble& weight) const {
    const DoubleDouble sum = DoubleDouble{high[cell], low[cell]} + weight;
    high[cell] = sum.high;
    low[cell] = sum.low;
  }

  void add(const ValuePairs& values, const Weights& weights) const {
    const auto* const preds = values.preds.const_data_ptr<int64_t>();
    const auto* const target = values.target.const_data_ptr<int64_t>();
    const int64_t rows = values.preds.size(0);
    if (!weights.given() && rows > classes * classes) {
      std::vector<int64_t> counts(static_cast<std::size_t>(classes * classes));
      for (int64_t row = 0; row < rows; ++row) ++counts[static_cast<std::size_t>(target[row] * classes + preds[row])];
      for (int64_t cell = 0; cell < classes * classes; ++cell) {
        add(cell, {static_cast<double>(counts[static_cast<std::size_t>(cell)]), 0});
      }
      return;
    }
    for (int64_t row = 0; row < rows; ++row) {
      const DoubleDouble weight = !weights.given()         ? DoubleDouble{1, 0}
                                  : weights.are_integers() ? double_double_of(weights.integers()[row])
                                                           : DoubleDouble{weights.reals()[row], 0};
      add(target[row] * classes + preds[row], weight);
    }
  }
};

}  // namespace

void Associations::check(const Options& options) {
  if (options.num_classes < 1)
    refuse("option `num_classes` expects a number of at least 1, got ", int64_t{options.num_classes});
  check_replacement(options.nan_strategy, options.nan_replace_value);
  if (options.nan_strategy != NanStrategy::Replace) return;
  if (*options.nan_replace_value >= 0 && *options.nan_replace_value < static_cast<double>(options.num_classes)) return;
  refuse("option `nan_replace_value` expects a value from 0 to num_classes - 1, got ", *options.nan_replace_value);
}

void Associations::declare(States& states, const Options& options) {
  // Expanded: of many values only the pairs that occur take memory.
  states.add("confmat", Reduction::Sum, at::zeros({}, at::kDouble).expand({options.num_classes, options.num_classes}));
}

void Associations::update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                          const Weights& weights) {
  const auto [values, rows] = taken_pairs(preds, target, options.nan_strategy, options.nan_replace_value);
  const int64_t classes = options.num_classes;
  check_range("preds", values.preds, classes);
  check_range("target", values.target, classes);
  const Weights taken = weights_of(weights, rows);
  State& table = states["confmat"];
  if (table.tensor().is_cpu()) {
    const State::Sums sums = table.sums();
    Cells{sums.high, sums.low, classes}.add(values, taken);
    return;
  }
  const Tensor high = at::zeros({classes, classes}, at::kDouble), low = at::zeros({classes, classes}, at::kDouble);
  Cells{high.mutable_data_ptr<double>(), low.mutable_data_ptr<double>(), classes}.add(values, taken);
  table.add(high, low);
}

void Associations::complete_from_torchmetrics(States& states, const Options&) {
  require_sums_of_weights(states["confmat"]);
}

std::string Associations::update_key(const Options& options) {
  return "nominal: " + describe_options(options);
}

Contingency Associations::gathered(const States& states, const Options&) {
  const Tensor counts = states["confmat"].tensor().to(at::kCPU).contiguous();
  const int64_t classes = counts.size(0);
  const auto* const count = counts.const_data_ptr<double>();
  const auto places = static_cast<std::size_t>(classes);
  std::vector<int32_t> row_numbers(places, -1), column_numbers(places, -1);
  for (int64_t i = 0; i < classes * classes; ++i) {
    if (count[i] == 0) continue;
    row_numbers[static_cast<std::size_t>(i / classes)] = column_numbers[static_cast<std::size_t>(i % classes)] = 0;
  }
  const auto number = [](std::vector<int32_t>& numbers) {
    int32_t next = 0;
    for (int32_t& each : numbers) {
      if (each == 0) each = next++;
    }
    return static_cast<std::size_t>(next);
  };
  Contingency table;
  table.device = states.device();
  table.rows.resize(number(row_numbers));
  table.columns.resize(number(column_numbers));
  for (int64_t i = 0; i < classes * classes; ++i) {
    if (count[i] == 0) continue;
    const int32_t row = row_numbers[static_cast<std::size_t>(i / classes)];
    const int32_t column = column_numbers[static_cast<std::size_t>(i % classes)];
    table.cells.push_back({row, column, count[i]});
    table.rows[static_cast<std::size_t>(row)] += count[i];
    table.columns[static_cast<std::size_t>(column)] += count[i];
  }
  for (const double row : table.rows) table.all += row;
  return table;
}

namespace nominal {

Contingency table_of_batch(const Tensor& preds, const Tensor& target, const BatchAssociationOptions& options,
                           const Rows& rows) {
  check_replacement(options.nan_strategy, options.nan_replace_value);
  if (!rows.valid && !rows.weights) {
    const TakenPairs taken = taken_pairs(preds, target, options.nan_strategy, options.nan_replace_value);
    return families::contingency_of(taken.values.preds, taken.values.target, Weights{});
  }
  if (preds.dim() > 0) check_rows(rows, preds.size(0));
  std::optional<Tensor> kept;
  Weights weights;
  if (rows.weights) {
    detail::WeighedRows weighed = detail::weighed_rows(rows, RowWeights::Any);
    kept = std::move(weighed.kept);
    weights = std::move(weighed.weights);
  } else {
    kept = detail::valid_indices(rows);
  }
  const auto those_kept = [&](const Tensor& input) { return kept ? detail::select_rows(input, *kept) : input; };
  const TakenPairs taken =
      taken_pairs(those_kept(preds), those_kept(target), options.nan_strategy, options.nan_replace_value);
  return families::contingency_of(taken.values.preds, taken.values.target, weights_of(weights, taken.rows));
}

Tensor matrix_of(const Tensor& matrix, const BatchAssociationOptions& options, Direction direction,
                 const std::function<double(const Contingency& table)>& value) {
  if (matrix.dim() != 2) refuse("input `matrix`: expected values [N, M], got ", matrix.scalar_type(), matrix.sizes());
  const int64_t variables = matrix.size(1);
  Tensor values = at::ones({variables, variables}, at::kFloat);
  auto* const to = values.mutable_data_ptr<float>();
  for (int64_t i = 0; i < variables; ++i) {
    for (int64_t j = 0; j < variables; ++j) {
      if (i == j || (j < i && direction == Direction::Both)) continue;
      const auto of_pair = value(table_of_batch(matrix.select(1, i), matrix.select(1, j), options, {}));
      to[i * variables + j] = static_cast<float>(of_pair);
      if (direction == Direction::Both) to[j * variables + i] = static_cast<float>(of_pair);
    }
  }
  return values.to(matrix.device());
}

namespace {

/// χ² of a table of 2 × 2, of which each observed number is brought nearer to the expected one by up to a half.
double chi_squared_of_yates(const Contingency& table) {
  double counts[2][2] = {};
  for (const auto& cell : table.cells) counts[cell.row][cell.column] = cell.count;
  double sum = 0;
  for (std::size_t row = 0; row < 2; ++row) {
    for (std::size_t column = 0; column < 2; ++column) {
      const double expected = table.rows[row] * table.columns[column] / table.all;
      const double difference = std::abs(counts[row][column] - expected);
      const double left = difference - std::min(0.5, difference);
      sum += left * left / expected;
    }
  }
  return sum;
}

/// Pairs that do not occur are taken a row at a time: each adds what is expected of it.
double chi_squared(const Contingency& table) {
  double sum = 0;
  std::size_t next = 0;
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    double of_row = 0, occur = 0;
    for (; next < table.cells.size() && static_cast<std::size_t>(table.cells[next].row) == row; ++next) {
      const double column = table.columns[static_cast<std::size_t>(table.cells[next].column)];
      const double expected = table.rows[row] * column / table.all;
      const double difference = table.cells[next].count - expected;
      of_row += difference * difference / expected;
      occur += column;
    }
    sum += of_row + table.rows[row] / table.all * (table.all - occur);
  }
  return sum;
}

}  // namespace

double phi_squared(const Contingency& table, bool correct_differences) {
  const std::size_t rows = table.rows.size(), columns = table.columns.size();
  if (rows < 2 || columns < 2) return 0 / table.all;
  const bool correct = correct_differences && rows == 2 && columns == 2;
  return (correct ? chi_squared_of_yates(table) : chi_squared(table)) / table.all;
}

Corrected corrected(const Contingency& table) {
  const double phi = phi_squared(table, true);
  const auto rows = static_cast<double>(table.rows.size()), columns = static_cast<double>(table.columns.size());
  const double others = table.all - 1;
  const double less = phi - (rows - 1) * (columns - 1) / others;
  return {.phi_squared = less < 0 ? 0 : less,
          .rows = rows - (rows - 1) * (rows - 1) / others,
          .columns = columns - (columns - 1) * (columns - 1) / others};
}

double not_to_be_corrected(const char* association) {
  warn(std::string("Unable to compute ") + association +
       " using bias correction. Please consider to set `bias_correction=false`.");
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace nominal

}  // namespace metrics
