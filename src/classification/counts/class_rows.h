#pragma once

#include "counting.h"
#include "kernels.h"

#include <cstdint>
#include <functional>

// Checked inputs on the CPU as loops read them, for counting that is in no kernel of its own.

namespace metrics::classification::counts {

/// Targets and predictions of rows of classes.
struct ClassRows {
  const int64_t* target;
  const int64_t* predicted;
  int64_t count;
};

/// Checks inputs as `add_class_counts` does, and hands all rows to `take`; where there are none it is not called.
void each_class_row(const Tensor& preds, const Tensor& target, const ClassRule& rule,
                    const std::function<void(const ClassRows&)>& take);

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
