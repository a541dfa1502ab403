#pragma once

#include "curves.h"
#include "kept_scores.h"
#include "made_of_points.h"
#include <metrics/core/ranges.h>

#include <cstdint>
#include <span>
#include <vector>

// Areas of exact curves where each rank has the scores of a range (see metrics/core/ranges.h).

namespace metrics::classification::curves {

/// Whether rows of any rank weigh.
bool ranks_weigh(std::span<const RangeBytes> facts);

/// Makes what `To<Number>` makes of each column's parts.
template <template <class> class To, class Number>
std::vector<typename To<Number>::Made> made_of_parts(const RangedParts& parts, const Goal<To>& goal) {
  using Part = typename To<Number>::Part;
  std::vector<typename To<Number>::Made> made;
  for (const std::vector<RangeBytes>& ranges : parts.columns) {
    std::vector<Part> of_ranges;
    // Points go from the highest threshold to the lowest.
    for (auto bytes = ranges.rbegin(); bytes != ranges.rend(); ++bytes) {
      of_ranges.push_back(from_range_bytes<Part>(*bytes));
    }
    made.push_back(To<Number>::whole(goal, of_ranges));
  }
  return made;
}

/// What `To` makes of a column that is here as a whole, as its one part.
template <template <class> class To>
RangeBytes part_of_column(const Kept& from, const Reading& reading, const KeptColumns& columns, const CurveRule& rule,
                          const Question& question, const Goal<To>& goal);

}  // namespace metrics::classification::curves
