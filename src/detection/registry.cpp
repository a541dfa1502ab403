#include "../registry.h"

#include <metrics/core/define.h>
#include <metrics/detection/iou.h>

namespace metrics {

namespace {

/// torchmetrics' functional is one of two tensors of boxes.
c10::IValue call_pairwise_iou(const Args& args, const Kwargs& kwargs) {
  constexpr std::string_view what = definitions::IntersectionOverUnion::functional;
  constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  constexpr std::array<bool, 2> optional{false, false};
  Kwargs options, given;
  for (const auto& [name, value] : kwargs) {
    const bool is_input = std::find(inputs.begin(), inputs.end(), name) != inputs.end();
    (is_input ? given : options).emplace(name, value);
  }
  const auto bound = detail::bind_inputs(what, inputs.data(), optional.data(), inputs.size(), args, given);
  std::array<Tensor, 2> boxes;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto tensor = Codec<Tensor>::read(*bound[i]);
    if (!tensor) detail::throw_input_type(what, inputs[i], Codec<Tensor>::type(), *bound[i], {});
    boxes[i] = *tensor;
  }
  return functional::intersection_over_union(boxes[0], boxes[1], options_from<PairwiseIouOptions>(options, what));
}

}  // namespace

Domain detection_domain() {
  constexpr std::string_view domain = "detection";
  MetricEntry iou = entry<IntersectionOverUnion>(domain);
  iou.call = call_pairwise_iou;
  return {.name = domain, .metrics = {iou}, .routers = {}};
}

}  // namespace metrics
