#pragma once

#include <metrics/core/fields.h>
#include <metrics/core/rows.h>

#include <array>
#include <string_view>

namespace metrics {

namespace detection {

/// What the four numbers of a box are.
enum class BoxFormat {
  Xyxy,    ///< Left, top, right, bottom.
  Xywh,    ///< Left, top, width, height.
  Cxcywh,  ///< Centre, width, height.
};

}  // namespace detection

template <>
inline constexpr std::array<std::string_view, 3> enum_names<detection::BoxFormat> = {"xyxy", "xywh", "cxcywh"};

/// The boxes of one image, [n, 4] of a real dtype, and the labels of their classes, int64 [n]. No box may be a tensor
/// without elements. In the dynamic face a dict; what else it has, such as scores, is left alone.
struct LabelledBoxes {
  Tensor boxes;
  Tensor labels;

  static constexpr auto fields() { return metrics::fields<&LabelledBoxes::boxes, &LabelledBoxes::labels>(); }
};

}  // namespace metrics
