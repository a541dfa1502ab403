#pragma once

#include "numbers.h"
#include <metrics/core/state.h>
#include <metrics/core/weights.h>
#include <metrics/export.h>

#include <cstdint>
#include <vector>

// How often each pair of labels occurs: what scores of clusterings and associations of nominal values are made of.
// Labels are any integers, and a pair that does not occur takes no memory.

namespace metrics::families {

/// A table of the pairs that occur; labels are numbered in ascending order.
struct Contingency {
  struct Cell {
    int32_t row;     ///< The number of the target's label.
    int32_t column;  ///< That of the prediction's.
    double count;
  };
  std::vector<Cell> cells;      ///< Row by row, in a row by column; each count is above 0.
  std::vector<double> rows;     ///< How often each label is the target.
  std::vector<double> columns;  ///< How often each is predicted.
  double all = 0;
  at::Device device = at::kCPU;  ///< Where the states lie, and their value.
};

/// A number that is made of a table, where that has it.
inline Tensor result_of(double number, const Contingency& table) {
  return tensor_of(number).to(table.device);
}

/// The table of one batch: `preds` and `target` are integers [N], `weights` those of the rows.
METRICS_API Contingency contingency_of(const Tensor& preds, const Tensor& target, const Weights& weights);

// The same over batches. What torchmetrics keeps, the labels of each sample, is kept here as pairs with a count of
// each. A pair may stand there several times: batches are appended, and equal pairs become one when the rows are more
// than 16,384 and more than twice as many as there were different ones.
//
// States: `preds` and `target`, packed; `_counts` of them, int64; pairs that have floating weights in `_weighted`, and
// these in double-double, as bits because `set_dtype` rounds floating rows; `_cells`, how many pairs differ at least.
namespace label_pairs {

void declare(States& states);
/// Throws InvalidArgument unless both are integers of one shape [N].
void check(const Tensor& preds, const Tensor& target);
void update(States& states, const Tensor& preds, const Tensor& target, const Weights& weights);
void merge(States& into, const States& from);
/// A row for each sample, as torchmetrics has them. Samples that have floating weights, and more than 2^22 of them, are
/// no rows: then there are none, and what is kept stands in the metadata alone.
void show_as_torchmetrics(States& states);
void complete_from_torchmetrics(States& states);
Contingency gathered(const States& states);

}  // namespace label_pairs

}  // namespace metrics::families
