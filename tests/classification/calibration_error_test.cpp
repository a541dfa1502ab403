#include <metrics/classification/calibration_error.h>
#include <metrics/core/errors.h>

#include <ATen/ops/linspace.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/tensor.h>

#include <doctest/doctest.h>

#include <variant>
#include <vector>

using metrics::BinaryCalibrationError;
using metrics::StateDict;

namespace {

using Rows = std::vector<at::Tensor>;

// What torchmetrics saves: a list of what each update kept.
StateDict from_torchmetrics(const Rows& confidences, const Rows& accuracies) {
  StateDict dict;
  dict.states["confidences"] = confidences;
  dict.states["accuracies"] = accuracies;
  return dict;
}

}  // namespace

TEST_CASE("calibration error: the confidences of a checkpoint of torchmetrics are put into bins, whatever comes then") {
  const at::Tensor probabilities = at::tensor({0.1F, 0.3F, 0.55F, 0.8F, 1.0F});
  const at::Tensor target = at::tensor({0, 1, 0, 1, 1}, at::kLong);
  BinaryCalibrationError whole({.n_bins = 4, .input = metrics::classification::ScoreInput::Probabilities});
  whole.update(probabilities, target);
  const auto dict = from_torchmetrics({probabilities.slice(0, 0, 2), probabilities.slice(0, 2)},
                                      {target.slice(0, 0, 2), target.slice(0, 2)});
  BinaryCalibrationError loaded({.n_bins = 4});
  loaded.load_state_dict(dict);
  CHECK(loaded.compute().item<float>() == whole.compute().item<float>());
  // Logits that come later do not make them logits: they had been read when they were saved.
  const at::Tensor logits = at::tensor({-2.0F, 3.0F}), more = at::tensor({0, 1}, at::kLong);
  loaded.update(logits, more);
  whole.update(logits.sigmoid(), more);
  CHECK(loaded.compute().item<float>() == doctest::Approx(whole.compute().item<float>()));
}

TEST_CASE("calibration error: a state dict holds bins, in a form that torchmetrics fails at, and is loaded exactly") {
  BinaryCalibrationError metric({.n_bins = 10});
  metric.persistent(true);
  CHECK(std::get<Rows>(metric.state_dict().states.at("confidences")).empty());
  metric.update(at::rand({100}), at::randint(2, {100}, at::kLong));
  const StateDict dict = metric.state_dict();
  CHECK(dict.states.size() == 2);
  const auto& sums = std::get<Rows>(dict.states.at("confidences"));
  const auto& numbers = std::get<Rows>(dict.states.at("accuracies"));
  REQUIRE(sums.size() == 1);
  REQUIRE(numbers.size() == 1);
  CHECK(sums[0].sizes() == at::IntArrayRef({11, 1}));  // torchmetrics scatters rows of one dimension
  CHECK(numbers[0].sizes() == at::IntArrayRef({11, 2}));
  CHECK(numbers[0].select(1, 0).sum().item<int64_t>() == 100);
  BinaryCalibrationError again({.n_bins = 10});
  again.load_state_dict(dict);
  CHECK(again.compute().equal(metric.compute()));
  StateDict without_metadata = dict;
  without_metadata.metadata.clear();
  BinaryCalibrationError told({.n_bins = 10});
  told.load_state_dict(without_metadata);
  CHECK(told.compute().item<float>() == doctest::Approx(metric.compute().item<float>()));
}

TEST_CASE("calibration error: states that cannot be are refused by their key") {
  const auto refused = [](const StateDict& dict) {
    BinaryCalibrationError metric({.n_bins = 10});
    CHECK_THROWS_AS(metric.load_state_dict(dict), metrics::InvalidArgument);
    CHECK(metric.update_count() == 0);
  };
  const at::Tensor one = at::tensor({0.5F}), yes = at::tensor({1}, at::kLong);
  refused(from_torchmetrics({one}, {}));
  refused(from_torchmetrics({at::tensor({1.5F})}, {yes}));
  refused(from_torchmetrics({one}, {at::tensor({2}, at::kLong)}));
  refused(from_torchmetrics({yes}, {yes}));
  refused(from_torchmetrics({at::rand({5, 1})}, {at::randint(2, {5, 2}, at::kLong)}));  // of other bins
  refused(from_torchmetrics({at::rand({11, 1})}, {at::rand({11, 2}).mul(-1).to(at::kDouble)}));
}

TEST_CASE("calibration error: edges are those of torch.linspace") {
  for (const int64_t bins : {1, 2, 3, 7, 10, 15, 100, 1001}) {
    for (const auto dtype : {at::kFloat, at::kDouble}) {
      const at::Tensor edges = at::linspace(0, 1, bins + 1, dtype);
      // A bin with one sample each, all of them right: the greatest error is that of the lowest confidence, 0.
      BinaryCalibrationError metric({.n_bins = bins, .input = metrics::classification::ScoreInput::Probabilities});
      metric.persistent(true);
      metric.update(edges, at::randint(1, 2, {bins + 1}, at::kLong));
      const StateDict dict = metric.state_dict();
      const auto& numbers = std::get<Rows>(dict.states.at("accuracies"));
      CAPTURE(bins);
      CHECK(numbers[0].select(1, 0).eq(1).all().item<bool>());
    }
  }
}
