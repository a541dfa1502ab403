#pragma once

#include "classification/counts/kernels.h"
#include "kernels/element.h"

#include <cstddef>
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

/// Where bins begin, in ascending order and nearly even; the first takes all that is below it, too. So few that the bin
/// of a confidence is beside the one that an even division gives.
class BinEdges {
 public:
  static constexpr std::size_t most = std::size_t{1} << 20;

  explicit BinEdges(std::vector<double> edges);

  const std::vector<double>& begins() const { return begins_; }
  std::size_t size() const { return begins_.size(); }
  /// -infinity for the first, and for each bin where the next one begins, infinity for the last.
  const double* least() const { return least_.data(); }
  const double* next() const { return next_.data(); }

 private:
  std::vector<double> begins_, least_, next_;
};

/// What samples add to a bin: the sum of their confidences, in two parts of which the first is exact.
struct InBin {
  double upper = 0, rest = 0;
  int64_t samples = 0, right = 0;
};

/// Of so many samples at most the sums of confidences in [0, 1] are exact.
inline constexpr int64_t kMostAtOnce = 16384;

/// Adds samples that are not left out to the bins of their confidences.
void add_to_bins(const double* confidences, const int8_t* answers, int64_t count, const BinEdges& edges, InBin* bins);

}  // namespace metrics::classification::calibration::kernels
