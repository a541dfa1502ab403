#include <metrics/core/codec.h>
#include <metrics/core/errors.h>
#include <metrics/image/choices.h>

#include <cmath>

namespace metrics {

void image::check_data_range(std::string_view metric, const DataRange& range) {
  if (std::isfinite(range.low) && std::isfinite(range.width()) && range.width() > 0) return;
  throw InvalidArgument(std::string(metric) +
                        ": data_range: expected a width above 0, or a lower and a higher end, got " +
                        describe(Codec<image::DataRange>::write(range)));
}

using image::DataRange;

std::string Codec<DataRange>::type() {
  return "float or (float, float)";
}
std::optional<DataRange> Codec<DataRange>::read(const c10::IValue& v) {
  if (const auto width = Codec<double>::read(v)) return DataRange(*width);
  const auto ends = Codec<std::vector<double>>::read(v);
  return ends && ends->size() == 2 ? std::optional(DataRange(ends->front(), ends->back())) : std::nullopt;
}
c10::IValue Codec<DataRange>::write(const DataRange& range) {
  return range.clamps ? Codec<std::vector<double>>::write({range.low, range.high}) : c10::IValue(range.width());
}

}  // namespace metrics
