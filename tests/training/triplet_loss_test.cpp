#include <metrics/core/errors.h>
#include <metrics/training/embedder.h>
#include <metrics/training/triplet_loss.h>

#include <ATen/ATen.h>
#include <torch/nn/modules/linear.h>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using at::Tensor;
using metrics::InvalidArgument;
using namespace metrics::training;
using nlohmann::json;

namespace {

std::vector<json> python_rows() {
  std::ifstream file(METRICS_FIXTURE_DIR "/training/triplets.jsonl");
  std::vector<json> rows;
  for (std::string line; std::getline(file, line);) rows.push_back(json::parse(line));
  return rows;
}

Tensor matrix_in(const json& rows) {
  std::vector<float> numbers;
  for (const auto& row : rows)
    for (const auto& number : row) numbers.push_back(number.get<float>());
  return at::tensor(numbers).view({static_cast<int64_t>(rows.size()), -1});
}

TripletLossOptions options_in(const json& row) {
  const std::map<std::string, LossReduction> reductions{
      {"mean", LossReduction::Mean}, {"sum", LossReduction::Sum}, {"none", LossReduction::None}};
  std::optional<double> margin;
  if (!row.at("margin").is_null()) margin = row.at("margin").get<double>();
  return {.margin = margin, .reduction = reductions.at(row.at("reduction")), .need_logs = true};
}

void check_close(const Tensor& got, const Tensor& expected, double tolerance = 2e-6) {
  REQUIRE(got.sizes() == expected.sizes());
  CHECK((got.detach() - expected).abs().max().item<double>() <=
        tolerance * std::max(1.0, expected.abs().max().item<double>()));
}

void check_logs(const std::map<std::string, double>& got, const json& expected) {
  CHECK(got.size() == expected.size());
  for (const auto& [name, value] : expected.items()) {
    CAPTURE(name);
    REQUIRE(got.contains(name));
    CHECK(got.at(name) == doctest::Approx(value.get<double>()).epsilon(2e-6));
  }
}

void check_loss(const Tensor& loss, const Tensor& embeddings, const json& row) {
  check_close(std::get<0>(loss.detach().flatten().sort()),
              std::get<0>(at::tensor(row.at("loss").get<std::vector<float>>()).sort()));
  loss.sum().backward();
  check_close(embeddings.grad(), matrix_in(row.at("gradient")), 5e-6);
}

std::string refused_loss(const std::function<void()>& call) {
  try {
    call();
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "not refused";
}

#define CHECK_REFUSED(call, part)                         \
  do {                                                    \
    const std::string text = refused_loss([&] { call; }); \
    CAPTURE(text);                                        \
    CHECK(text.find(part) != std::string::npos);          \
  } while (false)

Miner miner_in(const json& row) {
  const std::string kind = row.at("miner");
  if (kind == "all") return AllTripletsMiner();
  if (kind == "hard") return HardTripletsMiner();
  if (kind == "cluster") return HardClusterMiner();
  const auto range = [&](const char* name) {
    return HardRange(row.at(name).at(0).get<int64_t>(), row.at(name).at(1).get<int64_t>());
  };
  const NHardTripletsMiner n_hard({range("n_positive"), range("n_negative")});
  if (kind == "bank") return MinerWithBank(row.at("bank_size_in_batches"), n_hard);
  return n_hard;
}

}  // namespace

TEST_CASE("triplet loss: margins, shapes and dtypes that cannot be are refused") {
  CHECK_REFUSED(TripletLoss({.margin = 0.0}), "margin: expected a number above 0, or none for the soft loss, got 0");
  CHECK_REFUSED(TripletLoss({.margin = -1.0}), "margin");
  CHECK_REFUSED(TripletLoss({.margin = std::numeric_limits<double>::quiet_NaN()}), "margin");
  CHECK_REFUSED(TripletLossWithMiner({.margin = 0.1}, Miner()), "miner: expected one");
  TripletLoss loss({.margin = 0.1});
  const Tensor rows = at::ones({3, 2});
  CHECK_REFUSED(loss(at::ones({3}), rows, rows), "anchor: expected [T, D] with a triplet at least, got [3]");
  CHECK_REFUSED(loss(at::ones({0, 2}), rows, rows), "anchor: expected [T, D] with a triplet at least, got [0, 2]");
  CHECK_REFUSED(loss(rows, at::ones({2, 2}), rows),
                "positive: expected Float [3, 2] as the anchors are, got Float [2, 2]");
  CHECK_REFUSED(loss(rows, rows, rows.to(at::kDouble)),
                "negative: expected Float [3, 2] as the anchors are, got Double");
  CHECK_REFUSED(loss(rows.to(at::kLong), rows, rows), "anchor: expected floating numbers, got Long");
  CHECK_REFUSED(loss(Tensor(), rows, rows), "`anchor`");
  CHECK_REFUSED(loss.plain(at::ones({4, 2})), "embeddings: expected a multiple of 3 rows, got 4");
  const Tensor none = at::empty({0}, at::kLong);
  CHECK_REFUSED(loss(MinedTriplets{rows, none, none, none}), "triplets: expected one at least, got none");
}

TEST_CASE("triplet loss: values, gradients and logs of all miners are Python's") {
  int compared = 0;
  for (const json& row : python_rows()) {
    if (!row.contains("losses")) continue;
    const std::string kind = row.at("miner"), batch = row.at("batch");
    CAPTURE(kind);
    CAPTURE(batch);
    const Tensor labels = at::tensor(row.at("labels").get<std::vector<int64_t>>());
    for (const json& expected : row.at("losses")) {
      const std::string margin = expected.at("margin").dump(), reduction = expected.at("reduction");
      CAPTURE(margin);
      CAPTURE(reduction);
      const Tensor embeddings = matrix_in(row.at("embeddings")).requires_grad_();
      TripletLossWithMiner loss(options_in(expected), miner_in(row));
      check_loss(loss(embeddings, labels), embeddings, expected);
      check_logs(loss.last_logs(), expected.at("logs"));
      ++compared;
    }
  }
  CHECK(compared > 250);
}

TEST_CASE("triplet loss: with a bank it is Python's, batch after batch") {
  int compared = 0;
  for (const json& row : python_rows()) {
    if (row.at("miner") != "bank") continue;
    TripletLossWithMiner loss({.margin = 0.25, .need_logs = true}, miner_in(row));
    for (const json& step : row.at("steps")) {
      const Tensor embeddings = matrix_in(step.at("embeddings")).requires_grad_();
      const Tensor value = loss(embeddings, at::tensor(step.at("labels").get<std::vector<int64_t>>()));
      CHECK(value.item<double>() == doctest::Approx(step.at("loss").get<double>()).epsilon(2e-6));
      value.backward();
      check_close(embeddings.grad(), matrix_in(step.at("gradient")), 5e-6);
      check_logs(loss.last_logs(), step.at("logs"));
      ++compared;
    }
  }
  CHECK(compared == 18);
}

TEST_CASE("triplet loss: of rows one after the other it is Python's, an anchor that is its positive included") {
  int compared = 0;
  for (const json& row : python_rows()) {
    if (row.at("miner") != "none") continue;
    const Tensor embeddings = matrix_in(row.at("embeddings")).requires_grad_();
    TripletLoss loss(options_in(row));
    const Tensor value = loss.plain(embeddings);
    if (row.at("reduction") == "none") check_close(value, at::tensor(row.at("loss").get<std::vector<float>>()));
    check_loss(value, embeddings, row);
    check_logs(loss.last_logs(), row.at("logs"));
    ++compared;
  }
  CHECK(compared == 9);
}

TEST_CASE("triplet loss: many triplets and few are the same by pairs and by rows") {
  const Tensor labels = at::arange(12).remainder(4);
  const Tensor data = at::arange(36).to(at::kDouble).square().sin().view({12, 3});
  for (const std::optional<double> margin : {std::optional<double>(0.3), std::optional<double>()}) {
    const Tensor by_pairs = data.clone().requires_grad_(), by_rows = data.clone().requires_grad_();
    AllTripletsMiner miner;
    TripletLoss loss({.margin = margin, .reduction = LossReduction::None});
    const MinedTriplets mined = miner(by_pairs, labels);
    REQUIRE(2 * mined.size() > 12 * 12);
    const Tensor a = loss(mined);
    const auto rows = [&](const Tensor& numbers) { return by_rows.index_select(0, numbers); };
    const Tensor b = loss(rows(mined.anchors), rows(mined.positives), rows(mined.negatives));
    CHECK(at::allclose(a, b, 1e-12, 1e-12));
    a.mean().backward();
    b.mean().backward();
    CHECK(at::allclose(by_pairs.grad(), by_rows.grad(), 1e-10, 1e-12));
  }
}

TEST_CASE("triplet loss: halves are computed in float32, distances beyond exp's range stay finite, NaN is NaN") {
  const Tensor anchor = at::zeros({1, 1}), far = at::full({1, 1}, 1000.0);
  TripletLoss soft({.margin = std::nullopt, .need_logs = true});
  CHECK(soft(anchor, far, anchor).item<double>() == 1000);
  CHECK(soft.last_logs().at("pos_dist") == 1000);
  CHECK(soft(anchor, anchor, far).item<double>() == 0);
  TripletLoss hinge({.margin = 0.5});
  const Tensor halves = at::full({1, 2}, 1.5, at::kHalf), others = at::full({1, 2}, 2.75, at::kHalf);
  const Tensor value = hinge(halves, others, halves);
  CHECK((value.scalar_type() == at::kFloat));
  CHECK(value.item<double>() == doctest::Approx(0.5 + std::sqrt(2 * 1.25 * 1.25)));
  const Tensor ones = at::ones({1, 1}), nan = ones * std::numeric_limits<double>::quiet_NaN();
  CHECK(std::isnan(hinge(nan, ones, ones).item<double>()));
}

TEST_CASE("triplet loss: a batch that a miner refuses leaves the logs as they were") {
  TripletLossWithMiner loss({.margin = 0.5, .need_logs = true}, HardTripletsMiner());
  const Tensor labels = at::tensor(std::vector<int64_t>{0, 0, 1, 1});
  loss(at::arange(8).to(at::kFloat).view({4, 2}), labels);
  const auto logs = loss.last_logs();
  CHECK(logs.size() == 3);
  CHECK_REFUSED(loss(at::ones({4, 2}), at::zeros({4}, at::kLong)), "labels");
  CHECK(loss.last_logs() == logs);
  TripletLossWithMiner quiet({.margin = 0.5});
  quiet(at::arange(8).to(at::kFloat).view({4, 2}), labels);
  CHECK(quiet.last_logs().empty());
}

TEST_CASE("embedder: normalised rows and their gradients are torch's, or OML's where the norm is a constant") {
  for (const json& row : python_rows()) {
    if (row.at("miner") != "normalised") continue;
    const Tensor weights = matrix_in(row.at("weights"));
    for (const auto& [name, kind] :
         {std::pair{"torch", Normalisation::L2}, std::pair{"oml", Normalisation::L2FixedNorm}}) {
      const Tensor embeddings = matrix_in(row.at("embeddings")).requires_grad_();
      const Tensor values = normalised(embeddings, kind);
      check_close(values, matrix_in(row.at(name).at("values")));
      (values * weights).sum().backward();
      check_close(embeddings.grad(), matrix_in(row.at(name).at("gradient")));
    }
    return;
  }
  FAIL("no row of normalised embeddings");
}

TEST_CASE("embedder: a backbone's output is flattened, and normalised where asked for") {
  torch::nn::Linear linear(4, 3);
  Embedder plain(linear), unit(linear, {.normalisation = Normalisation::L2});
  const Tensor data = at::arange(24).to(at::kFloat).sin().view({6, 4});
  CHECK(at::equal(plain.forward(data), linear(data)));
  CHECK(at::allclose(unit.forward(data).norm(2, 1), at::ones({6})));
  CHECK(plain.forward(data.view({2, 3, 4})).sizes() == at::IntArrayRef({2, 9}));
  CHECK(unit.named_parameters().contains("backbone.weight"));
  CHECK(unit.parameters()[0].is_same(linear->weight));
  CHECK(at::equal(normalised(at::zeros({2, 3})), at::zeros({2, 3})));
  CHECK_REFUSED(normalised(at::ones({3})), "embeddings: expected [N, D] of floating numbers, got Float [3]");
  CHECK_REFUSED(normalised(at::ones({3, 2}, at::kLong)), "got Long [3, 2]");
}
