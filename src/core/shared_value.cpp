#include <metrics/core/shared_value.h>

#include <c10/util/Exception.h>

namespace metrics {

namespace {

[[noreturn]] void no_ranges() {
  TORCH_INTERNAL_ASSERT(false, "the rows of a shared value do not stay apart");
}

}  // namespace

SharingRanks::~SharingRanks() = default;
SharedValue::~SharedValue() = default;

const RangedRows& SharedValue::rows() const {
  no_ranges();
}
RangeBytes SharedValue::part(const RowRange&, std::span<const RangeBytes>, std::size_t) const {
  no_ranges();
}
std::size_t SharedValue::part_bytes(std::span<const RangeBytes>) const {
  no_ranges();
}

}  // namespace metrics
