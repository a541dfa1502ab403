#pragma once

#include <metrics/core/fields.h>
#include <metrics/export.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace c10 {
struct IValue;
}

namespace metrics {

namespace image {

/// What becomes of the values of several images.
enum class Reduction { ElementwiseMean, Sum, None };

/// The range of the data: its width, such as 255, or its ends, such as {0, 1}, which inputs are clamped between.
struct DataRange {
  double low = 0;
  double high = 0;
  bool clamps = false;

  DataRange() = default;
  DataRange(double width) : high(width) {}
  DataRange(double from, double to) : low(from), high(to), clamps(true) {}

  double width() const { return high - low; }
};

/// Throws InvalidArgument naming `metric` unless the range is finite and wider than 0.
METRICS_API void check_data_range(std::string_view metric, const DataRange& range);

}  // namespace image

template <>
inline constexpr std::array<std::string_view, 3> enum_names<image::Reduction> = {"elementwise_mean", "sum", "none"};

template <class T>
struct Codec;
/// In the dynamic face: a number, or a list of two.
template <>
struct METRICS_API Codec<image::DataRange> {
  static std::string type();
  static std::optional<image::DataRange> read(const c10::IValue& v);
  static c10::IValue write(const image::DataRange& range);
};

}  // namespace metrics
