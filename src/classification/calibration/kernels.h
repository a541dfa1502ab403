#pragma once

#include "classification/counts/kernels.h"
#include "kernels/element.h"

#include <cstdint>
#include <vector>

/// What a sample says of calibration: how sure the prediction is, under each reading of the scores, and whether it is
/// right.
namespace metrics::classification::calibration::kernels {

using namespace metrics::kernels;
using counts::kernels::Ignored;

/// What was seen among the samples that are not ignored.
struct Seen {
  bool outside = false;  ///< A score outside [0, 1]; NaN is not.
  bool nan = false;
  bool invalid = false;  ///< A target that is no label.
};

enum Answer : int8_t { kWrong = 0, kRight = 1, kLeftOut = 2 };

/// Which readings of the scores are asked for.
struct Readings {
  bool probability, logit;
};

/// Confidences have the scores' precision, of halves that of float32. Of a reading that is not asked for there are
/// none.
struct Confidences {
  std::vector<double> as_probability, as_logit;
  std::vector<int8_t> answers;
  Seen seen;
};

/// Scores [size] with their targets, each contiguous. Where a target is neither 0 nor 1 or a score NaN, it is left out.
Confidences of_questions(const void* scores, Element element, const int64_t* target, int64_t size, Ignored ignored,
                         Readings readings);

/// Scores [rows, classes] with the class of each row, contiguous. Rows with NaN are left out; those whose target is no
/// class are wrong.
Confidences of_classes(const void* scores, Element element, const int64_t* target, int64_t rows, int64_t classes,
                       Ignored ignored, Readings readings);

}  // namespace metrics::classification::calibration::kernels
