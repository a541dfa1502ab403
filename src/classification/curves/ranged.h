#pragma once

#include "counted_area.h"
#include "curves.h"
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
std::vector<typename To<Number>::Made> made_of_parts(const RangedParts& parts) {
  using Part = typename To<Number>::Part;
  std::vector<typename To<Number>::Made> made;
  for (const std::vector<RangeBytes>& ranges : parts.columns) {
    std::vector<Part> of_ranges;
    for (const RangeBytes& bytes : ranges) of_ranges.push_back(from_range_bytes<Part>(bytes));
    made.push_back(To<Number>::whole(of_ranges));
  }
  return made;
}

}  // namespace metrics::classification::curves
