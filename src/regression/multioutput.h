#pragma once

#include "families/numbers.h"
#include <metrics/regression/choices.h>

#include <ATen/TensorOperators.h>

#include <cstdint>

// What becomes of the scores of several outputs.

namespace metrics::regression {

inline Tensor averaged(const Tensor& scores, const Tensor& deviations, MultiOutput multioutput) {
  // All of them, in whatever dimensions.
  const auto sum = [](const Tensor& values) { return families::sum_in_order(values.flatten()); };
  switch (multioutput) {
    case MultiOutput::RawValues:
      return scores;
    case MultiOutput::UniformAverage:
      return sum(scores) / scores.numel();
    case MultiOutput::VarianceWeighted:
      return sum(deviations / sum(deviations) * scores);
  }
  return scores;
}

/// The same of numbers: `score(column)` and `deviation(column)` of so many columns, and `last` of what they become.
template <class Score, class Deviation, class Last>
Tensor averaged_numbers(int64_t columns, MultiOutput multioutput, at::IntArrayRef shape, const Score& score,
                        const Deviation& deviation, const Last& last) {
  if (multioutput == MultiOutput::RawValues) {
    Tensor scores = families::empty_doubles(shape);
    double* const each = scores.mutable_data_ptr<double>();
    for (int64_t i = 0; i < columns; ++i) each[i] = last(score(i));
    return scores;
  }
  double sum = 0, mean = 0;
  if (multioutput == MultiOutput::UniformAverage) {
    for (int64_t i = 0; i < columns; ++i) sum += score(i);
    mean = sum / static_cast<double>(columns);
  } else {
    for (int64_t i = 0; i < columns; ++i) sum += deviation(i);
    for (int64_t i = 0; i < columns; ++i) mean += deviation(i) / sum * score(i);
  }
  return families::tensor_of(last(mean));
}

}  // namespace metrics::regression
