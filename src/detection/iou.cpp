#include "../core/loaded_states.h"
#include "kernels/plain_tensor.h"
#include "pairwise_iou.h"
#include <metrics/core/define.h>
#include <metrics/core/double_double.h>
#include <metrics/detection/iou.h>

#include <ATen/EmptyTensor.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <c10/util/SmallVector.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <sstream>

namespace metrics {

namespace {

using IouOptions = IntersectionOverUnionOptions;

constexpr double no_pair = -1;

[[noreturn]] void refuse(const std::string& where, const Tensor& given, const std::string& expected) {
  std::ostringstream message;
  message << where << ": expected " << expected << ", got " << given.scalar_type() << " of shape " << given.sizes();
  throw InvalidArgument(message.str());
}

void check_iou_threshold(std::string_view what, const std::optional<double>& threshold) {
  if (!threshold || std::isfinite(*threshold)) return;
  throw InvalidArgument(std::string(what) + ": iou_threshold: expected a number, got " + std::to_string(*threshold));
}

bool are_boxes(const Tensor& boxes) {
  const bool none = boxes.dim() == 1 && boxes.size(0) == 0;
  return none || (boxes.dim() == 2 && boxes.size(1) == 4);
}

void check_boxes(const std::string& where, const Tensor& boxes) {
  if (are_boxes(boxes)) return;
  refuse(where, boxes, "boxes [n, 4] of a real dtype");
}

void check_image(const char* input, std::size_t index, const LabelledBoxes& image) {
  const auto where = [&](const char* field) {
    return "IntersectionOverUnion: " + std::string(input) + "[" + std::to_string(index) + "]." + field;
  };
  if (!are_boxes(image.boxes)) check_boxes(where("boxes"), image.boxes);
  const bool integers = at::isIntegralType(image.labels.scalar_type(), /*includeBool=*/false);
  if (integers && image.labels.dim() == 1 && image.labels.size(0) == image.boxes.size(0)) return;
  // A tensor without elements may have any dtype.
  if (image.labels.numel() == 0 && image.boxes.size(0) == 0) return;
  refuse(where("labels"), image.labels, "one integer for each of " + std::to_string(image.boxes.size(0)) + " boxes");
}

/// The value of each pair of boxes of an image, `no_pair` where the two are no pair. Where only one side has boxes,
/// each of them is a pair of value 0 with a box that is missing: on the diagonal of a square.
Tensor pair_values(const IouOptions& options, const LabelledBoxes& pred, const LabelledBoxes& target) {
  const int64_t n = pred.boxes.size(0);
  const int64_t m = target.boxes.size(0);
  if (n == 0 || m == 0) {
    const int64_t missed = std::max(n, m);
    const auto like = pred.boxes.options().dtype(at::kDouble).requires_grad(false);
    return at::eye(missed, like) + no_pair;
  }
  Tensor values = detection::pairwise_iou(detection::corners(pred.boxes, options.box_format),
                                          detection::corners(target.boxes, options.box_format));
  if (options.iou_threshold) values = at::where(values < *options.iou_threshold, no_pair, values);
  if (!options.respect_labels) return values;
  return at::where(pred.labels.unsqueeze(1) == target.labels.unsqueeze(0), values, no_pair);
}

/// What an update adds: of each image the labels and the values of its pairs.
void append_in_tensors(States& states, const IouOptions& options, const std::vector<LabelledBoxes>& preds,
                       const std::vector<LabelledBoxes>& target, at::ScalarType dtype) {
  for (std::size_t i = 0; i < preds.size(); ++i) {
    states["groundtruth_labels"].append_item(target[i].labels.to(at::kLong));
    states["pred_labels"].append_item(preds[i].labels.to(at::kLong));
    states["iou_matrix"].append_item(pair_values(options, preds[i], target[i]).flatten().to(dtype));
  }
}

/// The labels of all images, one image after the other, and how many each has.
struct LabelsByImage {
  Tensor all;
  c10::SmallVector<int64_t, 64> sizes;

  explicit LabelsByImage(const std::vector<LabelledBoxes>& images) {
    int64_t count = 0;
    for (const LabelledBoxes& image : images) {
      sizes.push_back(image.labels.numel());
      count += sizes.back();
    }
    all = Tensor(at::detail::empty_cpu({count}, at::kLong));
    auto* to = all.mutable_data_ptr<int64_t>();
    for (const LabelledBoxes& image : images) {
      if (image.labels.numel() == 0) continue;
      const bool is_plain = kernels::is_plain(image.labels) && image.labels.scalar_type() == at::kLong;
      const Tensor labels = is_plain ? image.labels : image.labels.to(at::kLong).contiguous();
      to = std::copy_n(labels.const_data_ptr<int64_t>(), labels.numel(), to);
    }
  }
  const int64_t* numbers() const { return all.const_data_ptr<int64_t>(); }
};

/// Writes what `pair_values` gives of one image's corners, and returns the end of it.
template <class T>
T* write_pair_values(const IouOptions& options, std::span<const detection::Corners> preds, const int64_t* pred_labels,
                     std::span<const detection::Corners> target, const int64_t* labels, T* to) {
  if (preds.empty() || target.empty()) {
    const std::size_t missed = std::max(preds.size(), target.size());
    to = std::fill_n(to, missed * missed, static_cast<T>(no_pair));
    for (std::size_t i = 0; i < missed; ++i) *(to - 1 - static_cast<std::ptrdiff_t>(i * (missed + 1))) = 0;
    return to;
  }
  for (std::size_t i = 0; i < preds.size(); ++i) {
    for (std::size_t j = 0; j < target.size(); ++j) {
      const double value = detection::iou(preds[i], target[j]);
      const bool is_none = (options.iou_threshold && value < *options.iou_threshold) ||
                           (options.respect_labels && pred_labels[i] != labels[j]);
      *to++ = static_cast<T>(is_none ? no_pair : value);
    }
  }
  return to;
}

/// The values of the pairs of all images, one image after the other.
template <class T>
void write_values(const IouOptions& options, const std::vector<LabelledBoxes>& preds, const LabelsByImage& pred_labels,
                  const std::vector<LabelledBoxes>& target, const LabelsByImage& labels, T* to) {
  const int64_t* of_preds = pred_labels.numbers();
  const int64_t* of_target = labels.numbers();
  for (std::size_t i = 0; i < preds.size(); ++i) {
    const detection::CornersOf x(preds[i].boxes, options.box_format), y(target[i].boxes, options.box_format);
    to = write_pair_values(options, x.all(), of_preds, y.all(), of_target, to);
    of_preds += pred_labels.sizes[i];
    of_target += labels.sizes[i];
  }
}

/// The same by numbers for all images, because one image's tensor operations cost more than all of this.
void append_numbers(States& states, const IouOptions& options, const std::vector<LabelledBoxes>& preds,
                    const std::vector<LabelledBoxes>& target, at::ScalarType dtype) {
  const LabelsByImage pred_labels(preds), labels(target);
  c10::SmallVector<int64_t, 64> sizes;
  int64_t count = 0;
  for (std::size_t i = 0; i < preds.size(); ++i) {
    const int64_t n = pred_labels.sizes[i], m = labels.sizes[i], missed = std::max(n, m);
    sizes.push_back(n == 0 || m == 0 ? missed * missed : n * m);
    count += sizes.back();
  }
  Tensor values(at::detail::empty_cpu({count}, dtype));
  if (dtype == at::kDouble) {
    write_values(options, preds, pred_labels, target, labels, values.mutable_data_ptr<double>());
  } else {
    write_values(options, preds, pred_labels, target, labels, values.mutable_data_ptr<float>());
  }
  states["groundtruth_labels"].append_items(labels.all, labels.sizes);
  states["pred_labels"].append_items(pred_labels.all, pred_labels.sizes);
  states["iou_matrix"].append_items(values, sizes);
}

/// A state's items on the CPU, one after the other.
template <class T>
class Items {
 public:
  Items(const State& state, at::ScalarType dtype) : ends_(state.item_ends()) {
    if (state.tensor().defined()) values_ = state.tensor().to(at::kCPU, dtype).contiguous();
  }
  std::size_t size() const { return ends_.size(); }
  std::span<const T> operator[](std::size_t item) const {
    const int64_t begin = item == 0 ? 0 : ends_[item - 1];
    return {values_.const_data_ptr<T>() + begin, static_cast<std::size_t>(ends_[item] - begin)};
  }

 private:
  Tensor values_;
  std::span<const int64_t> ends_;
};

struct Mean {
  DoubleDouble sum, weight;

  void take(double value, double of_weight) {
    sum = sum + value * of_weight;
    weight = weight + of_weight;
  }
  double value() const { return weight.value() == 0 ? 0 : sum.value() / weight.value(); }
};

/// What the states have of one image.
struct Image {
  std::span<const int64_t> pred_labels, labels;
  std::span<const double> values;  // [rows, columns]
  double weight = 1;

  int64_t rows() const { return static_cast<int64_t>(pred_labels.empty() ? labels.size() : pred_labels.size()); }
  int64_t columns() const { return static_cast<int64_t>(labels.empty() ? pred_labels.size() : labels.size()); }
};

/// All images. Throws InvalidArgument for states that come from somewhere else and do not belong together.
class Images {
 public:
  explicit Images(const States& states)
      : preds_(states["pred_labels"], at::kLong),
        target_(states["groundtruth_labels"], at::kLong),
        values_(states["iou_matrix"], at::kDouble) {
    if (states.row_weights()->rows() > 0) weights_ = states.row_weights()->tensor().to(at::kCPU).contiguous();
    bool fit = preds_.size() == size() && target_.size() == size();
    for (std::size_t i = 0; fit && i < size(); ++i) {
      const Image image = (*this)[i];
      fit = static_cast<int64_t>(image.values.size()) == image.rows() * image.columns();
    }
    if (!fit) {
      throw InvalidArgument(
          "IntersectionOverUnion: the states `pred_labels`, `groundtruth_labels` and `iou_matrix` are not of the same "
          "images");
    }
  }
  std::size_t size() const { return values_.size(); }
  Image operator[](std::size_t i) const {
    const double weight = weights_.defined() ? weights_.const_data_ptr<double>()[i] : 1;
    return {.pred_labels = preds_[i], .labels = target_[i], .values = values_[i], .weight = weight};
  }

 private:
  Items<int64_t> preds_, target_;
  Items<double> values_;
  Tensor weights_;
};

}  // namespace

namespace definitions {

void IntersectionOverUnion::check(const Options& options) {
  check_iou_threshold(name, options.iou_threshold);
}

void IntersectionOverUnion::declare(States& states, const Options&) {
  for (const char* state : {"groundtruth_labels", "pred_labels", "iou_matrix"}) states.add(state, Reduction::List);
  states.add_row_weights();
}

void IntersectionOverUnion::update(States& states, const Options& options, const std::vector<LabelledBoxes>& preds,
                                   const std::vector<LabelledBoxes>& target) {
  if (preds.size() != target.size()) {
    throw InvalidArgument("IntersectionOverUnion: inputs `preds` and `target` must have the same length, got " +
                          std::to_string(preds.size()) + " and " + std::to_string(target.size()) + " images");
  }
  for (std::size_t i = 0; i < preds.size(); ++i) {
    check_image("preds", i, preds[i]);
    check_image("target", i, target[i]);
  }
  const at::ScalarType dtype = states.dtype() == at::kDouble ? at::kDouble : at::kFloat;
  if (states.device().is_cpu()) {
    append_numbers(states, options, preds, target, dtype);
  } else {
    append_in_tensors(states, options, preds, target, dtype);
  }
}

auto IntersectionOverUnion::finalise(const States& states, const Options& options) -> Result {
  const Images images(states);
  Mean all;
  std::map<int64_t, Mean> classes;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const Image image = images[i];
    const auto columns = static_cast<std::size_t>(image.columns());
    for (std::size_t pair = 0; pair < image.values.size(); ++pair) {
      const double value = image.values[pair];
      if (value == no_pair) continue;
      all.take(value, image.weight);
      if (!image.labels.empty()) classes[image.labels[pair % columns]].take(value, image.weight);
    }
    for (int64_t label : image.labels) classes.try_emplace(label);
    for (int64_t label : image.pred_labels) classes.try_emplace(label);
  }
  const auto scalar = [&](double value) {
    return at::scalar_tensor(value, at::TensorOptions(at::kDouble).device(states.device()));
  };
  Result result{{"iou", scalar(std::isnan(all.value()) ? 0 : all.value())}};
  if (!options.class_metrics) return result;
  for (const auto& [label, mean] : classes) result.emplace("iou/cl_" + std::to_string(label), scalar(mean.value()));
  return result;
}

void IntersectionOverUnion::complete_from_torchmetrics(States& states, const Options&) {
  for (const char* const labels : {"groundtruth_labels", "pred_labels"}) require_integer_rows(states[labels]);
  require_floating_rows(states["iou_matrix"]);
  for (const State& state : states) {
    if (!state.weighs_rows() && state.rows() > 0 && state.tensor().dim() != 1) {
      throw StateMisfit(state.name(), c10::str("expected one number for each, got shape ", state.tensor().sizes()));
    }
  }
  Images{states};
}

std::vector<int64_t> IntersectionOverUnion::item_shape(const States& states, std::size_t item) {
  const auto size = [&](const char* state) {
    const std::span<const int64_t> ends = states[state].item_ends();
    return ends[item] - (item == 0 ? 0 : ends[item - 1]);
  };
  const int64_t n = size("pred_labels");
  const int64_t m = size("groundtruth_labels");
  return {n == 0 ? m : n, m == 0 ? n : m};
}

Tensor IntersectionOverUnion::functional_value(const Tensor& preds, const Tensor& target,
                                               const PairwiseIouOptions& options) {
  check_iou_threshold("intersection_over_union", options.iou_threshold);
  check_boxes("intersection_over_union: preds", preds);
  check_boxes("intersection_over_union: target", target);
  const int64_t n = preds.size(0);
  const int64_t m = target.size(0);
  const bool wide = preds.scalar_type() == at::kDouble || target.scalar_type() == at::kDouble;
  const at::ScalarType dtype = wide ? at::kDouble : at::kFloat;
  if (n == 0 || m == 0) {
    const int64_t missed = std::max(n, m);
    // Float32 whatever the boxes' dtype, as in torchmetrics: nothing is computed of them.
    return at::zeros(options.aggregate ? std::vector<int64_t>{} : std::vector<int64_t>{missed, missed},
                     preds.options().dtype(at::kFloat).requires_grad(false));
  }
  Tensor values = detection::pairwise_iou(detection::corners(preds, detection::BoxFormat::Xyxy),
                                          detection::corners(target, detection::BoxFormat::Xyxy));
  if (options.iou_threshold) values = at::where(values < *options.iou_threshold, options.replacement_val, values);
  return (options.aggregate ? values.diagonal().mean() : values).to(dtype);
}

}  // namespace definitions

METRICS_DEFINE_CLASS(IntersectionOverUnion);

}  // namespace metrics
