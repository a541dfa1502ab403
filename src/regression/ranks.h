#pragma once

#include <metrics/core/state.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

// What correlations of ranks share: the numbers that they keep, and those by their order.

namespace metrics::regression {

/// Folds floating rows in, of half types as float32.
void append_pairs(States& states, const Tensor& preds, const Tensor& target);

/// Throws StateMisfit unless both are as many floating rows, each of so many numbers.
void check_kept_pairs(const States& states, at::IntArrayRef row);

/// One output of what is kept, on the CPU.
Tensor column_in(const State& state, int64_t column);

/// Whether any of the numbers is NaN.
bool has_nan(const Tensor& column);

/// Twice the rank of each number, from 2 on; equal ones have the mean of their ranks.
std::vector<int64_t> doubled_ranks(const Tensor& column);

/// Integers that are ordered as the numbers are, and equal where these are.
std::vector<uint32_t> ordered_codes(const Tensor& column);

}  // namespace metrics::regression
