#include "classification/counts/counting.h"
#include <metrics/classification/exact_match.h>
#include <metrics/core/errors.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

// What fixtures cannot hold: samples of different lengths, which torchmetrics gets wrong, its state dicts, and rows
// longer than what the kernel counts at a time.

namespace {

using at::Tensor;
using metrics::MultilabelExactMatch;
using metrics::classification::MultidimAverage;
using metrics::classification::ScoreInput;

Tensor floats(std::vector<double> values) {
  return at::tensor(values, at::kDouble).to(at::kFloat);
}

}  // namespace

TEST_CASE("exact match: each sample is divided by its own number of positions") {
  for (const ScoreInput input : {ScoreInput::Auto, ScoreInput::Probabilities}) {
    MultilabelExactMatch match({.num_labels = 2, .multidim_average = MultidimAverage::Samplewise, .input = input});
    CHECK(match.compute().sizes() == at::IntArrayRef({0}));
    Tensor target = at::zeros({1, 2, 2}, at::kLong);
    target[0][1][0] = 1;
    match.update(at::zeros({1, 2, 2}), target);
    match.update(at::zeros({1, 2, 5}), at::zeros({1, 2, 5}, at::kLong));
    CHECK(match.compute().equal(floats({0.5, 1})));

    match.persistent(true);
    MultilabelExactMatch resumed(match.options());
    resumed.load_state_dict(match.state_dict());
    CHECK(resumed.compute().equal(floats({0.5, 1})));

    // Whoever changes a state means it: its positions are then those of `total`.
    metrics::StateDict changed = match.state_dict();
    changed.states["correct"] = std::vector<Tensor>{at::tensor({1, 2, 5}, at::kLong)};
    resumed.load_state_dict(changed);
    CHECK(resumed.compute().equal(floats({0.2, 0.4, 1})));
  }
}

TEST_CASE("exact match: a state dict of torchmetrics' has the positions of all samples in `total`") {
  for (const ScoreInput input : {ScoreInput::Auto, ScoreInput::Logits}) {
    MultilabelExactMatch match({.num_labels = 2, .multidim_average = MultidimAverage::Samplewise, .input = input});
    metrics::StateDict python;
    python.states["correct"] = std::vector<Tensor>{at::tensor({1, 2}, at::kLong), at::tensor({4}, at::kLong)};
    python.states["total"] = at::full({}, 4, at::kLong);
    match.persistent(true);
    match.load_state_dict(python);
    CHECK(match.compute().equal(floats({0.25, 0.5, 1})));
    CHECK(std::get<Tensor>(match.state_dict().states.at("total")).item<int64_t>() == 4);
    CHECK(match.state_dict().states.size() == 2);
  }
}

TEST_CASE("exact match: any number of labels in a row") {
  using namespace metrics::classification::counts;
  for (const int64_t labels : {1023, 1024, 3000}) {
    const Tensor preds = at::rand({4, labels});
    Tensor target = (preds > 0.5).to(at::kLong);
    target[1][labels - 1] = 1 - target[1][labels - 1];
    target[2][0] = 1 - target[2][0];
    CHECK(exact_multilabel_matches(preds, target, labels, {}).probabilities.item<int64_t>() == 2);
    const Tensor twice = preds.unsqueeze(2).repeat({1, 1, 2}), targets = target.unsqueeze(2).repeat({1, 1, 2});
    CHECK(samplewise_exact_multilabel_matches(twice, targets, labels, {})
              .probabilities.equal(at::tensor({2, 0, 0, 2}, at::kLong)));
  }
}

TEST_CASE("exact match: samples of any length, in labels of any type and size, as the plain version has them") {
  using namespace metrics::classification::counts;
  for (const int64_t size : {1, 2, 3, 4, 7, 8, 9, 16, 31, 300, 2047, 2048, 2049, 5000}) {
    CAPTURE(size);
    const Tensor target = at::randint(3, {40, size}, at::kLong);
    const Tensor wrong = at::rand({40, size}) < 0.5 / static_cast<double>(size);
    for (const at::ScalarType dtype : {at::kLong, at::kInt, at::kShort, at::kChar, at::kByte}) {
      for (const std::optional<int64_t> ignore_index : {std::optional<int64_t>(), std::optional<int64_t>(2)}) {
        CAPTURE(dtype);
        // 256 and 65,536 more: what differs above the last byte, and is no class.
        for (const int64_t step : {1, 256, 65536}) {
          if (step > 1 && dtype != at::kLong && dtype != at::kInt) continue;
          const ClassRule rule{.num_classes = 4, .ignore_index = ignore_index, .validate = step == 1};
          const Tensor preds = at::where(wrong, target + step, target).to(dtype), targets = target.to(dtype);
          CHECK(exact_class_matches(preds, targets, rule).equal(plain::exact_class_matches(preds, targets, rule)));
          CHECK(samplewise_exact_class_matches(preds, targets, rule)
                    .equal(plain::samplewise_exact_class_matches(preds, targets, rule)));
        }
      }
    }
  }
}

TEST_CASE("exact match: a label of no class is refused whatever its type, and not where it is ignored") {
  using namespace metrics::classification::counts;
  for (const at::ScalarType dtype : {at::kLong, at::kInt, at::kShort, at::kChar}) {
    CAPTURE(dtype);
    const Tensor right = at::zeros({5, 3}, dtype);
    Tensor wrong = right.clone();
    wrong[2][1] = -1;
    const auto matches = [&](const Tensor& preds, const Tensor& target, std::optional<int64_t> ignore_index) {
      return exact_class_matches(preds, target, {.num_classes = 300, .ignore_index = ignore_index}).item<int64_t>();
    };
    CHECK_THROWS_WITH_AS(matches(right, wrong, {}), "target: expected labels in [0, 300), got -1 at [2, 1]",
                         metrics::InvalidArgument);
    CHECK_THROWS_WITH_AS(matches(wrong, right, {}), "preds: expected labels in [0, 300), got -1 at [2, 1]",
                         metrics::InvalidArgument);
    CHECK(matches(right, wrong, -1) == 5);
    CHECK(matches(wrong, wrong, -1) == 5);
  }
}
