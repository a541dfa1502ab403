#include "inputs.h"

#include <metrics/core/errors.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/where.h>
#include <c10/util/irange.h>

#include <sstream>

namespace metrics::classification::counts {
namespace {

template <class... Parts>
[[noreturn]] void refuse(const Parts&... parts) {
  std::ostringstream message;
  (message << ... << parts);
  throw InvalidArgument(message.str());
}

bool is_label_type(at::ScalarType dtype) {
  return at::isIntegralType(dtype, /*includeBool=*/true);
}

bool is_score_type(at::ScalarType dtype) {
  return dtype == at::kFloat || dtype == at::kDouble || dtype == at::kBFloat16 || dtype == at::kHalf;
}

void check_tensor(const char* name, const Tensor& tensor) {
  if (!tensor.defined()) refuse(name, ": expected a tensor, got an undefined one");
  if (tensor.layout() != at::kStrided) refuse(name, ": expected a dense tensor, got layout ", tensor.layout());
  const auto dtype = tensor.scalar_type();
  if (!is_label_type(dtype) && !is_score_type(dtype)) {
    refuse(name, ": expected integers, bools or floats (float64, float32, bfloat16, float16), got ", dtype);
  }
}

void check_tensors(const Tensor& preds, const Tensor& target) {
  check_tensor("preds", preds);
  check_tensor("target", target);
  if (preds.device() != target.device()) {
    refuse("preds and target: expected both on one device, got ", preds.device(), " and ", target.device());
  }
}

// Where the first element is that a mask marks, as "[1, 2]".
std::string first_position(const Tensor& mask) {
  std::ostringstream position;
  const Tensor first = mask.nonzero().select(0, 0);
  position << "[";
  for (const auto i : c10::irange(first.numel())) position << (i ? ", " : "") << first[i].item<int64_t>();
  position << "]";
  return position.str();
}

[[noreturn]] void throw_first(const char* name, const Tensor& labels, const Tensor& bad, const std::string& expected) {
  refuse(name, ": expected ", expected, ", got ", labels.masked_select(bad)[0].item().toDouble(), " at ",
         first_position(bad));
}

// Labels may be floats, as long as nothing is lost in taking them as integers.
void check_integral(const char* name, const Tensor& labels) {
  if (!labels.is_floating_point()) return;
  const Tensor bad = labels != labels.to(at::kLong);
  if (bad.any().item<bool>()) throw_first(name, labels, bad, "labels, integral even if floats");
}

void check_alike(const Tensor& preds, const Tensor& target, const ThresholdRule& rule) {
  check_tensors(preds, target);
  if (preds.sizes() != target.sizes()) {
    refuse("preds and target: expected the same shape, got ", preds.sizes(), " and ", target.sizes());
  }
  if (rule.validate) check_integral("target", target);
}

Tensor not_ignored(const Tensor& target, const std::optional<int64_t>& ignore_index) {
  return ignore_index ? target != *ignore_index : target == target;
}

std::string or_ignored(const std::string& expected, const std::optional<int64_t>& ignore_index) {
  return ignore_index ? expected + " or ignore_index " + std::to_string(*ignore_index) : expected;
}

}  // namespace

ClassShape checked_classes(const Tensor& preds, const Tensor& target, const ClassRule& rule) {
  check_tensors(preds, target);
  const auto p = preds.sizes();
  const auto t = target.sizes();
  if (rule.validate) check_integral("target", target);
  if (p == t) {
    if (rule.validate) check_integral("preds", preds);
    if (rule.top_k > 1) refuse("preds: top_k ", rule.top_k, " needs scores [N, C, ...], got labels ", p);
    const int64_t samples = t.empty() ? 1 : t[0];
    return {samples, rule.num_classes.value_or(0), samples == 0 ? 0 : target.numel() / samples, false};
  }
  if (p.size() != t.size() + 1 || t.empty() || p[0] != t[0] || p.slice(2) != t.slice(1)) {
    refuse("preds and target: expected [N, ...] labels or [N, C, ...] scores for [N, ...] targets, got ", p, " for ",
           t);
  }
  if (!preds.is_floating_point())
    refuse("preds: expected floating scores with shape ", p, " for target ", t, ", got ", preds.scalar_type());
  if (rule.num_classes && p[1] != *rule.num_classes) {
    refuse("preds: expected ", *rule.num_classes, " classes (num_classes) in dimension 1, got shape ", p);
  }
  if (p[1] == 0) refuse("preds: expected at least one class in dimension 1, got shape ", p);
  return {p[0], p[1], p[0] == 0 ? 0 : target.numel() / p[0], true};
}

ClassShape checked_samplewise_classes(const Tensor& preds, const Tensor& target, const ClassRule& rule) {
  const auto shape = checked_classes(preds, target, rule);
  if (target.dim() < 2) {
    refuse("preds: multidim_average 'samplewise' needs [N, S, ...] labels or [N, C, S, ...] scores, got ",
           preds.sizes());
  }
  if (!rule.num_classes) refuse("num_classes: multidim_average 'samplewise' needs it, got none");
  return shape;
}

void check_binary(const Tensor& preds, const Tensor& target, const ThresholdRule& rule) {
  check_alike(preds, target, rule);
}

void check_samplewise_binary(const Tensor& preds, const Tensor& target, const ThresholdRule& rule) {
  check_alike(preds, target, rule);
  if (preds.dim() < 2)
    refuse("preds: multidim_average 'samplewise' needs at least 2 dimensions, got shape ", preds.sizes());
}

void check_multilabel(const Tensor& preds, const Tensor& target, int64_t num_labels, const ThresholdRule& rule) {
  check_alike(preds, target, rule);
  if (preds.dim() < 2 || preds.size(1) != num_labels) {
    refuse("preds: expected ", num_labels, " labels (num_labels) in dimension 1, got shape ", preds.sizes());
  }
}

void check_samplewise_multilabel(const Tensor& preds, const Tensor& target, int64_t num_labels,
                                 const ThresholdRule& rule) {
  check_multilabel(preds, target, num_labels, rule);
  if (preds.dim() < 3)
    refuse("preds: multidim_average 'samplewise' needs at least 3 dimensions, got shape ", preds.sizes());
}

void throw_bad_label(const Tensor& preds, const Tensor& target, const ClassRule& rule) {
  const bool scores = preds.sizes() != target.sizes();
  const int64_t classes = rule.num_classes ? *rule.num_classes : preds.size(1);
  const std::string range = std::string("labels in [0, ") + std::to_string(classes) + ")";
  const Tensor rows = not_ignored(target, rule.ignore_index);
  const Tensor labels = target.to(at::kLong);
  const Tensor bad = rows & ((labels < 0) | (labels >= classes));
  if (scores || bad.any().item<bool>()) throw_first("target", target, bad, or_ignored(range, rule.ignore_index));
  const Tensor predicted = preds.to(at::kLong);
  throw_first("preds", preds, rows & ((predicted < 0) | (predicted >= classes)), range);
}

void throw_bad_label(const Tensor& preds, const Tensor& target, const ThresholdRule& rule) {
  const Tensor rows = not_ignored(target, rule.ignore_index);
  const Tensor bad = rows & (target != 0) & (target != 1);
  if (bad.any().item<bool>()) throw_first("target", target, bad, or_ignored("0, 1", rule.ignore_index));
  if (preds.is_floating_point()) throw_first("preds", preds, rows & (preds != preds), "scores that are numbers");
  throw_first("preds", preds, rows & (preds != 0) & (preds != 1), "labels 0 or 1");
}

void refuse_nan(const Tensor& preds, const Tensor& target, const ClassRule& rule) {
  const Tensor bad = (preds != preds) & not_ignored(target, rule.ignore_index).unsqueeze(1);
  if (bad.any().item<bool>()) throw_first("preds", preds, bad, "scores that are numbers");
}

}  // namespace metrics::classification::counts
