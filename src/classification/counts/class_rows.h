#pragma once

#include "counting.h"
#include "kernels.h"
#include "short_rows.h"

#include <c10/util/FunctionRef.h>

#include <cstdint>

// Checked inputs on the CPU as loops read them, for counting that is in no kernel of its own.

namespace metrics::classification::counts {

/// Targets and predictions of rows of classes.
struct ClassRows {
  const int64_t* target;
  const int64_t* predicted;
  int64_t count;
};

/// Checks inputs as `add_class_counts` does, and hands all rows to one of the two, to `take_short` those of few
/// classes, of which it returns what it has found, and counts nothing that the rule refuses; where there are none
/// neither is called. `together`: whether a label of no class can be right, which codes do not tell.
void take_class_rows(const Tensor& preds, const Tensor& target, const ClassRule& rule, bool together,
                     c10::function_ref<kernels::Found(const kernels::ShortRows&)> take_short,
                     c10::function_ref<void(const ClassRows&)> take);

/// Inputs of yes-or-no questions, which have passed the checks of their shapes and are not empty.
class ThresholdRows {
 public:
  ThresholdRows(const Tensor& preds, const Tensor& target, const ThresholdRule& rule, int64_t labels);

  const kernels::Questions& questions() const { return questions_; }
  kernels::Cutoffs cutoffs() const { return cutoffs_; }

 private:
  Tensor predictions_, targets_;
  kernels::Questions questions_;
  kernels::Cutoffs cutoffs_;
};

}  // namespace metrics::classification::counts
