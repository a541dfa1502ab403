#include <metrics/core/dynamic.h>
#include <metrics/core/errors.h>
#include <metrics/detection/iou.h>

#include <ATen/TensorOperators.h>
#include <ATen/core/ivalue.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/nan_to_num.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

// What fixtures cannot show: state dicts of ragged items, and the functional's derivatives.

using metrics::IntersectionOverUnion;
using metrics::LabelledBoxes;
using metrics::Tensor;
using metrics::functional::intersection_over_union;

namespace {

Tensor boxes(std::vector<float> numbers) {
  return at::tensor(numbers).reshape({-1, 4});
}

LabelledBoxes image(std::vector<float> numbers, std::vector<int64_t> labels) {
  return {.boxes = boxes(numbers), .labels = at::tensor(labels, at::kLong)};
}

const LabelledBoxes none = image({}, {});
const LabelledBoxes two = image({0, 0, 2, 2, 1, 0, 3, 2}, {1, 2});
const LabelledBoxes three = image({0, 0, 2, 2, 0, 0, 1, 2, 4, 4, 5, 6}, {1, 1, 2});

std::vector<at::IntArrayRef> shapes(const std::vector<Tensor>& tensors) {
  std::vector<at::IntArrayRef> all;
  for (const Tensor& tensor : tensors) all.push_back(tensor.sizes());
  return all;
}

}  // namespace

TEST_CASE("IntersectionOverUnion: state dicts show matrices, and take them") {
  IntersectionOverUnion metric({.class_metrics = true});
  metric.persistent(true);
  metric.update(std::vector{two, none, two, none}, std::vector{three, two, none, none});
  const auto saved = metric.state_dict();
  const auto& matrices = std::get<std::vector<Tensor>>(saved.states.at("iou_matrix"));
  CHECK(shapes(matrices) == std::vector<at::IntArrayRef>{{2, 3}, {2, 2}, {2, 2}, {0, 0}});
  CHECK(at::allclose(matrices[0], at::tensor({1.0F, 0.5F, -1.F, -1.F, -1.F, 0.F}).reshape({2, 3})));
  CHECK(at::equal(matrices[1], at::tensor({0.F, -1.F, -1.F, 0.F}).reshape({2, 2})));

  IntersectionOverUnion loaded({.class_metrics = true});
  loaded.load_state_dict({.states = saved.states, .metadata = {}});
  const auto expected = metric.compute();
  const auto value = loaded.compute();
  CHECK(value.size() == 3);
  for (const auto& [name, tensor] : expected) CHECK(at::equal(value.at(name), tensor));
}

TEST_CASE("IntersectionOverUnion: pairs have the values that the functional gives, whatever the boxes' form and type") {
  const Tensor corners = at::tensor({0.F, 0.F, 4.F, 4.F, 2.F, 0.F, 6.F, 4.F, 8.F, 8.F, 8.F, 8.F, 1.F, 1.F, 3.F, 9.F});
  const Tensor first = corners.reshape({4, 4}), second = first.flip(0).narrow(0, 0, 3) + 1;
  const auto as = [](metrics::detection::BoxFormat format, const Tensor& xyxy) {
    const Tensor place = xyxy.narrow(1, 0, 2), size = xyxy.narrow(1, 2, 2) - place;
    if (format == metrics::detection::BoxFormat::Xyxy) return xyxy;
    return at::cat({format == metrics::detection::BoxFormat::Xywh ? place : place + size / 2, size}, 1);
  };
  const Tensor expected = intersection_over_union(first, second, {.aggregate = false});
  using metrics::detection::BoxFormat;
  for (const BoxFormat format : {BoxFormat::Xyxy, BoxFormat::Xywh, BoxFormat::Cxcywh}) {
    for (const at::ScalarType dtype : {at::kFloat, at::kDouble, at::kHalf, at::kLong, at::kByte}) {
      for (const bool strided : {false, true}) {
        for (const at::ScalarType label_dtype : {at::kLong, at::kInt, at::kByte}) {
          CAPTURE(dtype);
          CAPTURE(strided);
          const auto image_of = [&](const Tensor& xyxy) {
            const Tensor given = as(format, xyxy).to(dtype);
            const Tensor labels = at::zeros({xyxy.size(0)}, label_dtype);
            return LabelledBoxes{.boxes = strided ? given.t().contiguous().t() : given, .labels = labels};
          };
          IntersectionOverUnion metric({.box_format = format});
          metric.update(std::vector{none, image_of(first)}, std::vector{three, image_of(second)});
          const auto matrices = metric.states()["iou_matrix"].items();
          CHECK(at::equal(matrices[0].reshape({3, 3}), at::eye(3) - 1));
          CHECK(at::equal(matrices[1].reshape({4, 3}).nan_to_num(7), expected.nan_to_num(7)));
          IntersectionOverUnion one_below({.box_format = format, .iou_threshold = 0.3});
          one_below.update(std::vector{image_of(first)}, std::vector{image_of(second)});
          const Tensor above = at::where(expected < 0.3, -1.0, expected).to(at::kFloat);
          CHECK(at::equal(one_below.states()["iou_matrix"].items()[0].reshape({4, 3}).nan_to_num(7),
                          above.nan_to_num(7)));
        }
      }
    }
  }
}

TEST_CASE("IntersectionOverUnion: states that are not of the same images are refused, and change nothing") {
  IntersectionOverUnion metric;
  metric.update(std::vector{two}, std::vector{three});
  metric.persistent(true);
  const auto saved = metric.state_dict();
  const auto refused = [&](const char* state, std::vector<Tensor> items) {
    CAPTURE(state);
    auto broken = saved;
    broken.states[state] = std::move(items);
    const Tensor before = metric.compute().at("iou");
    CHECK_THROWS_WITH_AS(metric.load_state_dict(broken),
                         "state dict key `groundtruth_labels`: IntersectionOverUnion: the states `pred_labels`, "
                         "`groundtruth_labels` and `iou_matrix` are not of the same images",
                         metrics::InvalidArgument);
    CHECK(at::equal(metric.compute().at("iou"), before));
  };
  refused("iou_matrix", {});
  refused("iou_matrix", {at::zeros({2, 2})});
  refused("pred_labels", {at::ones({3}, at::kLong)});
  refused("groundtruth_labels", {at::ones({3}, at::kLong), at::ones({3}, at::kLong)});
}

TEST_CASE("intersection_over_union: with gradients the value is the same, and its slope right") {
  const Tensor preds = boxes({0, 0, 2, 2, 1, 0, 3, 2.5, 8, 8, 9, 9}).to(at::kDouble);
  const Tensor target = boxes({0.5, 0.25, 2, 3, 0, 1, 4, 2, 0, 0, 1, 1}).to(at::kDouble);
  const Tensor leaf = preds.clone().set_requires_grad(true);
  const auto matrix = [&](const Tensor& given) { return intersection_over_union(given, target, {.aggregate = false}); };
  CHECK(at::allclose(matrix(leaf), matrix(preds), 1e-15, 1e-15));
  intersection_over_union(leaf, target).backward();
  constexpr double step = 1e-6;
  for (int64_t i = 0; i < 8; ++i) {
    const auto moved = [&](double by) {
      const Tensor other = preds.clone();
      other.view({-1}).select(0, i).add_(by);
      return intersection_over_union(other, target).item<double>();
    };
    CAPTURE(i);
    CHECK(leaf.grad().reshape({-1})[i].item<double>() ==
          doctest::Approx((moved(step) - moved(-step)) / (2 * step)).epsilon(1e-6));
  }
}

TEST_CASE("intersection_over_union: what cannot be is refused") {
  CHECK_THROWS_WITH_AS(
      intersection_over_union(at::ones({2, 5}), two.boxes),
      "intersection_over_union: preds: expected boxes [n, 4] of a real dtype, got Float of shape [2, 5]",
      metrics::InvalidArgument);
  CHECK_THROWS_AS(intersection_over_union(two.boxes, at::ones({4})), metrics::InvalidArgument);
  CHECK_THROWS_AS(intersection_over_union(two.boxes, two.boxes.to(at::kComplexFloat)), metrics::InvalidArgument);
  CHECK_THROWS_WITH_AS(intersection_over_union(two.boxes, two.boxes, {.iou_threshold = INFINITY}),
                       "intersection_over_union: iou_threshold: expected a number, got inf", metrics::InvalidArgument);
  const metrics::Kwargs both{{"preds", two.boxes}, {"target", two.boxes}};
  CHECK(metrics::call("intersection_over_union", {}, both).toTensor().item<float>() == 1);
  CHECK_THROWS_WITH_AS(metrics::call("intersection_over_union", {two.boxes}, {}),
                       "intersection_over_union: input `target` is missing", metrics::InvalidArgument);
  CHECK_THROWS_WITH_AS(metrics::call("intersection_over_union", {two.boxes, "boxes"}, {}),
                       "intersection_over_union: input `target` expects Tensor, got 'boxes'", metrics::InvalidArgument);
  CHECK_THROWS_AS(metrics::call("intersection_over_union", {two.boxes, two.boxes}, {{"box_format", "xyxy"}}),
                  metrics::InvalidArgument);
}

TEST_CASE("IntersectionOverUnion: a mistake in an image is named, and changes nothing") {
  IntersectionOverUnion metric;
  metric.update(std::vector{two}, std::vector{three});
  LabelledBoxes wrong = two;
  wrong.labels = at::ones({3}, at::kLong);
  CHECK_THROWS_WITH_AS(metric.update(std::vector{two, wrong}, std::vector{two, two}),
                       "IntersectionOverUnion: preds[1].labels: expected one integer for each of 2 boxes, got Long of "
                       "shape [3]",
                       metrics::InvalidArgument);
  CHECK_THROWS_WITH_AS(metric.update(std::vector{two, two}, std::vector{two, LabelledBoxes{}}),
                       "IntersectionOverUnion: input `target[1].boxes` is an undefined tensor",
                       metrics::InvalidArgument);
  CHECK(metric.update_count() == 1);
  CHECK(metric.states()["pred_labels"].items().size() == 1);
}
