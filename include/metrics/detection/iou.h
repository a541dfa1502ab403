#pragma once

#include <metrics/core/functional.h>
#include <metrics/core/metric_of.h>
#include <metrics/detection/boxes.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace metrics {

struct IntersectionOverUnionOptions {
  detection::BoxFormat box_format = detection::BoxFormat::Xyxy;
  /// Pairs below it are left out; unset: none is.
  std::optional<double> iou_threshold{};
  /// Whether the result has a value for each label too.
  bool class_metrics = false;
  /// Whether only boxes of equal labels are pairs.
  bool respect_labels = true;

  static constexpr auto fields() {
    return metrics::fields<&IntersectionOverUnionOptions::box_format, &IntersectionOverUnionOptions::iou_threshold,
                           &IntersectionOverUnionOptions::class_metrics,
                           &IntersectionOverUnionOptions::respect_labels>();
  }
};

/// Options of functional::intersection_over_union.
struct PairwiseIouOptions {
  /// Pairs below it have `replacement_val`; unset: none has.
  std::optional<double> iou_threshold{};
  double replacement_val = 0;
  /// Whether to give the mean over pairs of boxes with the same index; the value of each pair if not.
  bool aggregate = true;

  static constexpr auto fields() {
    return metrics::fields<&PairwiseIouOptions::iou_threshold, &PairwiseIouOptions::replacement_val,
                           &PairwiseIouOptions::aggregate>();
  }
};

namespace definitions {

struct IntersectionOverUnion {
  static constexpr std::string_view name = "IntersectionOverUnion";
  static constexpr std::string_view functional = "intersection_over_union";
  using Options = IntersectionOverUnionOptions;
  using Result = std::map<std::string, Tensor>;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static constexpr MetricTraits traits{.higher_is_better = true};
  static constexpr std::string_view flat_list = "iou_matrix";
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const std::vector<LabelledBoxes>& preds,
                     const std::vector<LabelledBoxes>& target);
  static Result finalise(const States& states, const Options& options);
  static void complete_from_torchmetrics(States& states, const Options& options);
  static std::vector<int64_t> item_shape(const States& states, std::size_t item);
  static Tensor functional_value(const Tensor& preds, const Tensor& target, const PairwiseIouOptions& options);
};

}  // namespace definitions

/// Computes the mean, over all images and pairs of a predicted and a true box with equal labels, of the area that both
/// cover divided by the area that one or the other covers. `preds` and `target`: for each image its boxes and labels,
/// as many images on both sides. An image whose n boxes are all on one side has n pairs of value 0, labels or not. The
/// result has `iou`, 0 where there is no pair, and with `class_metrics` `iou/cl_<label>` for each label seen, over
/// pairs whose true box has that label. Throws InvalidArgument, naming the image, for boxes that are not [n, 4], for
/// labels that are no integers or not one a box, for lists of different lengths. Source: torchmetrics'
/// IntersectionOverUnion.
METRICS_CLASS(IntersectionOverUnion);

namespace functional {

/// Computes the intersection over union of boxes [n, 4] and [m, 4] in the format xyxy: [n, m], or the mean of its
/// diagonal. Without boxes on one side all values are 0, as many as on the other squared. Differentiable; float64 if an
/// input is, else float32. Throws InvalidArgument for another shape. Source: torchmetrics' intersection_over_union.
inline constexpr Functional<definitions::IntersectionOverUnion> intersection_over_union{};

}  // namespace functional
}  // namespace metrics
