#include <metrics/metrics.h>

#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <doctest/doctest.h>

#include <string>
#include <vector>

// What curves warn of, which no value shows.

namespace {

using at::Tensor;
using namespace metrics;
using namespace metrics::classification;

/// Returns what is warned of while f runs.
template <class F>
std::vector<std::string> warnings_of(const F& f) {
  std::vector<std::string> messages;
  const WarningHandler before = set_warning_handler([&](const std::string& message) { messages.push_back(message); });
  f();
  set_warning_handler(before);
  return messages;
}

/// Whether f warns once, and of that.
template <class F>
bool warns_of(const char* text, const F& f) {
  const auto messages = warnings_of(f);
  return messages.size() == 1 && messages.front().find(text) != std::string::npos;
}

const Tensor& some_scores() {
  static const Tensor scores = at::tensor({0.125F, 0.25F, 0.75F, 0.875F});
  return scores;
}

/// Calls f(functional) for each binary metric on a ROC curve, whatever is made of it.
template <class F>
void each_on_roc(const F& f) {
  const Tensor& scores = some_scores();
  f([&](const Tensor& target, const Thresholds& t) { functional::binary_roc(scores, target, {.thresholds = t}); });
  f([&](const Tensor& target, const Thresholds& t) { functional::binary_auroc(scores, target, {.thresholds = t}); });
  f([&](const Tensor& target, const Thresholds& t) {
    functional::binary_auroc(scores, target, {.max_fpr = 0.5, .thresholds = t});
  });
  f([&](const Tensor& target, const Thresholds& t) { functional::binary_eer(scores, target, {.thresholds = t}); });
  f([&](const Tensor& target, const Thresholds& t) { functional::binary_logauc(scores, target, {.thresholds = t}); });
  f([&](const Tensor& target, const Thresholds& t) {
    functional::binary_sensitivity_at_specificity(scores, target, {.min_specificity = 0.5, .thresholds = t});
  });
}

}  // namespace

TEST_CASE("an exact curve warns of samples that are missing, a binned one does not") {
  const Tensor both = at::tensor({0, 1, 0, 1}), none = at::zeros({4}, at::kLong), all = at::ones({4}, at::kLong);
  each_on_roc([&](const auto& metric) {
    CHECK(warnings_of([&] { metric(both, {}); }).empty());
    CHECK(warns_of("No positive samples in targets", [&] { metric(none, {}); }));
    CHECK(warns_of("No negative samples in targets", [&] { metric(all, {}); }));
    for (const Tensor& target : {both, none, all}) CHECK(warnings_of([&] { metric(target, 5); }).empty());
  });
}

TEST_CASE("a recall without positives is warned of where it is set to one") {
  const Tensor both = at::tensor({0, 1, 0, 1}), none = at::zeros({4}, at::kLong);
  const auto check = [&](const auto& metric) {
    CHECK(warnings_of([&] { metric(both, Thresholds{}); }).empty());
    CHECK(warns_of("Setting recall to one", [&] { metric(none, Thresholds{}); }));
    CHECK(warnings_of([&] { metric(none, Thresholds{5}); }).empty());
  };
  check([](const Tensor& target, const Thresholds& t) {
    functional::binary_precision_recall_curve(some_scores(), target, {.thresholds = t});
  });
  check([](const Tensor& target, const Thresholds& t) {
    functional::binary_average_precision(some_scores(), target, {.thresholds = t});
  });
  const Tensor rows = at::tensor({0.75F, 0.125F, 0.125F, 0.25F, 0.5F, 0.25F}).view({2, 3}),
               classes = at::tensor({0, 1});
  CHECK(warnings_of([&] { functional::multiclass_precision_recall_curve(rows, classes, {.num_classes = 3}); }).empty());
}

TEST_CASE("classes that an average leaves out are warned of") {
  const Tensor rows = at::tensor({0.75F, 0.125F, 0.125F, 0.25F, 0.5F, 0.25F}).view({2, 3}),
               classes = at::tensor({0, 1});
  CHECK(warns_of("in macro-average",
                 [&] { functional::multiclass_average_precision(rows, classes, {.num_classes = 3}); }));
  CHECK(warnings_of([&] {
          functional::multiclass_average_precision(rows, classes, {.num_classes = 3, .average = Average::None});
        }).empty());
  CHECK(warnings_of([&] {
          functional::multiclass_average_precision(rows.narrow(1, 0, 2), classes, {.num_classes = 2});
        }).empty());

  const Tensor questions = at::tensor({0.25F, 0.75F, 0.5F, 0.125F}).view({2, 2});
  const auto log_area = [&](std::vector<int64_t> target, Average average) {
    functional::multilabel_logauc(questions, at::tensor(target).view({2, 2}),
                                  {.num_labels = 2, .average = average, .thresholds = 5});
  };
  CHECK(warnings_of([&] { log_area({0, 1, 1, 0}, Average::Macro); }).empty());
  CHECK(warns_of("left out of the average", [&] { log_area({1, 1, 1, 0}, Average::Macro); }));
  CHECK(warnings_of([&] { log_area({1, 1, 1, 0}, Average::None); }).empty());
}

TEST_CASE("a curve of a single point has no logarithmic area, and says so") {
  const Tensor target = at::tensor({0, 1, 0, 1});
  CHECK(warns_of("at least two points",
                 [&] { functional::binary_logauc(some_scores(), target, {.thresholds = std::vector<double>{0.5}}); }));
  CHECK(warnings_of([&] {
          functional::binary_logauc(some_scores(), target, {.thresholds = std::vector<double>{0.25, 0.5}});
        }).empty());
}
