#include <metrics/classification/accuracy.h>

#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <doctest/doctest.h>

#include <variant>

using metrics::BinaryAccuracy;
using metrics::StateDict;

namespace {

int64_t count(const StateDict& dict, const char* key) {
  return std::get<at::Tensor>(dict.states.at(key)).item<int64_t>();
}

at::Tensor scores() {
  return at::tensor({0.3, 0.6, -2.0, 3.0});
}
at::Tensor labels() {
  return at::tensor({0, 1, 0, 1}, at::kLong);
}

}  // namespace

TEST_CASE("two readings: a state dict has torchmetrics' keys alone, with the counts that hold") {
  BinaryAccuracy metric;
  metric.persistent(true);
  metric.update(scores().slice(0, 0, 2), labels().slice(0, 0, 2));
  CHECK(count(metric.state_dict(), "tn") == 1);  // 0.3 as a probability
  metric.update(scores().slice(0, 2), labels().slice(0, 2));
  const StateDict dict = metric.state_dict();
  CHECK(dict.states.size() == 4);
  CHECK(count(dict, "tp") == 2);
  CHECK(count(dict, "fp") == 1);  // 0.3 as a logit
  CHECK(count(dict, "tn") == 1);
}

TEST_CASE("two readings: half-way through a state dict they are decided over everything") {
  for (const int64_t saved_after : {1, 2, 3}) {
    CAPTURE(saved_after);
    BinaryAccuracy metric, resumed;
    metric.persistent(true);
    metric.update(scores().slice(0, 0, saved_after), labels().slice(0, 0, saved_after));
    resumed.load_state_dict(metric.state_dict());
    resumed.update(scores().slice(0, saved_after), labels().slice(0, saved_after));
    CHECK(resumed.compute().item<float>() == 0.75f);
  }
}

TEST_CASE("two readings: counts that were saved in Python, or changed since, stand for both") {
  BinaryAccuracy metric;
  metric.persistent(true);
  metric.update(scores(), labels());
  StateDict dict = metric.state_dict();
  dict.states.at("tp") = at::full({1}, 5, at::kLong);
  BinaryAccuracy changed;
  changed.load_state_dict(dict);
  CHECK(changed.compute().item<float>() == doctest::Approx(6.0 / 7));
  dict.metadata.clear();
  BinaryAccuracy from_python;
  from_python.load_state_dict(dict);
  CHECK(from_python.compute().item<float>() == doctest::Approx(6.0 / 7));
}
