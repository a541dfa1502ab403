#include "trainer/log.h"
#include <metrics/aggregation/aggregation.h>
#include <metrics/classification/accuracy.h>
#include <metrics/classification/auroc.h>
#include <metrics/classification/confusion_matrix.h>
#include <metrics/classification/f_beta.h>
#include <metrics/classification/precision_recall.h>
#include <metrics/classification/stat_scores.h>
#include <metrics/collections/classwise.h>
#include <metrics/collections/composition.h>
#include <metrics/collections/metric_collection.h>
#include <metrics/core/errors.h>
#include <metrics/trainer/callbacks/classification.h>
#include <metrics/trainer/stage.h>

#include <ATen/ops/one_hot.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <utility>

namespace metrics::trainer {
namespace {

using classification::Average;
using Members = std::vector<MetricCollection::Member>;
using Options = ClassificationCallbackOptions;

/// `01`, as Catalyst numbers classes and k.
std::string two_digits(int64_t number) {
  return (number < 10 ? "0" : "") + std::to_string(number);
}

void check(const char* callback, const Options& options) {
  if (options.num_classes < 2)
    throw InvalidArgument(std::string(callback) + ": num_classes: expected at least 2, got " +
                          std::to_string(options.num_classes));
}

classification::Normalize normalize_of(const std::string& name) {
  using enum classification::Normalize;
  for (const auto& [known, normalize] :
       {std::pair("true", True), std::pair("pred", Pred), std::pair("all", All), std::pair("none", None)})
    if (name == known) return normalize;
  throw InvalidArgument("confusion_matrix_callback: normalize: expected true, pred, all or none, got `" + name + "`");
}

at::Tensor output_of(const char* callback, const Run& run, const std::string& key) {
  const auto found = run.result->named.find(key);
  if (found != run.result->named.end() && found->second.isTensor()) return found->second.toTensor().detach();
  std::string names;
  for (const auto& [name, value] : run.result->named) names += (names.empty() ? "" : ", ") + name;
  throw InvalidArgument(std::string(callback) + ": stage " + run.stage + ": the step gave no tensor `" + key +
                        "` by name, but " + (names.empty() ? "none" : names));
}

/// Of what batches' values are: their weights, and the weighted sums of values and squares. In float64, because their
/// difference is what counts.
struct Moments {
  Moments() {
    for (const auto& metric : {count, sum, squares}) metric->set_dtype(at::kDouble);
  }
  void add(double value, double weight) {
    count->update(weight);
    sum->update(weight * value);
    squares->update(weight * value * value);
  }
  auto deviation() const { return share(pow(abs(squares - sum * sum / count) / (count - 1), 0.5)); }

  Shared<SumMetric> count = share(SumMetric()), sum = share(SumMetric()), squares = share(SumMetric());
};

/// Metrics on the outputs of each batch, those of each stage on their own, logged when it ends.
class Measuring {
 public:
  /// What is measured in one pass through a stage.
  struct Pass {
    std::shared_ptr<MetricCollection> metrics;
    std::shared_ptr<MetricCollection> deviations{};
    std::map<std::string, Moments> moments{};
  };
  using Update = std::function<void(Pass&, const at::Tensor& scores, const at::Tensor& target, const Run& run)>;

  Measuring(const char* name, Options options, std::function<Pass()> make, Update update)
      : name_(name), options_(std::move(options)), make_(std::move(make)), update_(std::move(update)) {}

  static Callback callback(std::shared_ptr<Measuring> measuring) {
    Callback callback;
    callback.stage_started = [measuring](Run& run) {
      if (measuring->takes(run)) measuring->passes_[run.stage] = measuring->make_();
    };
    callback.batch_ended = [measuring](Run& run) {
      if (!measuring->takes(run)) return;
      const at::Tensor scores = output_of(measuring->name_, run, measuring->options_.input_key);
      const at::Tensor target = output_of(measuring->name_, run, measuring->options_.target_key);
      measuring->update_(measuring->passes_.at(run.stage), scores, target, run);
    };
    callback.stage_ended = [measuring](Run& run) {
      if (!measuring->takes(run)) return;
      const Pass& pass = measuring->passes_.at(run.stage);
      run.log_dict(pass.metrics);
      if (pass.deviations) run.log_dict(pass.deviations);
    };
    return callback;
  }

 private:
  bool takes(const Run& run) const {
    const auto& stages = options_.stages;
    return stages.empty() || std::find(stages.begin(), stages.end(), run.stage) != stages.end();
  }

  const char* name_;
  Options options_;
  std::function<Pass()> make_;
  Update update_;
  std::map<std::string, Pass> passes_;
};

Callback measuring(const char* name, Options options, std::function<Measuring::Pass()> make, Measuring::Update update) {
  return Measuring::callback(std::make_shared<Measuring>(name, std::move(options), std::move(make), std::move(update)));
}

void update_all(Measuring::Pass& pass, const at::Tensor& scores, const at::Tensor& target, const Run& run) {
  static_cast<Metric&>(*pass.metrics).update({scores, target}, {}, *run.rows);
}

std::shared_ptr<MetricCollection> collected(const Members& members) {
  return std::make_shared<MetricCollection>(std::span<const MetricCollection::Member>(members));
}

std::vector<std::string> class_labels(int64_t num_classes) {
  std::vector<std::string> labels;
  for (int64_t i = 0; i < num_classes; ++i) labels.push_back(two_digits(i));
  return labels;
}

/// A score by its averages and by class, under Catalyst's names.
template <class M>
void append_score(Members& members, const std::string& name, int64_t num_classes) {
  const auto averaged = [&](Average average) { return share(M({.num_classes = num_classes, .average = average})); };
  members.emplace_back(name + "/_micro", averaged(Average::Micro));
  members.emplace_back(name + "/_macro", averaged(Average::Macro));
  members.emplace_back(name + "/_weighted", averaged(Average::Weighted));
  members.emplace_back(name + "/classes",
                       share(ClasswiseWrapper(averaged(Average::None),
                                              {.labels = class_labels(num_classes), .prefix = name + "/class_"})));
}

}  // namespace

Callback accuracy_callback(Options options, std::vector<int64_t> topk) {
  check("accuracy_callback", options);
  if (topk.empty()) {
    topk = {1};
    if (options.num_classes > 3) topk.push_back(3);
    if (options.num_classes > 5) topk.push_back(5);
  }
  const int64_t num_classes = options.num_classes;
  const auto make = [num_classes, topk]() -> Measuring::Pass {
    Members accuracies, deviations;
    std::map<std::string, Moments> moments;
    for (const int64_t k : topk) {
      const std::string name = "accuracy" + two_digits(k);
      accuracies.emplace_back(
          name, share(MulticlassAccuracy({.num_classes = num_classes, .top_k = k, .average = Average::Micro})));
      deviations.emplace_back(name + "/std", moments[name].deviation());
    }
    return {collected(accuracies), collected(deviations), std::move(moments)};
  };
  const auto update = [](Measuring::Pass& pass, const at::Tensor& scores, const at::Tensor& target, const Run& run) {
    const double weight = weight_of(*run.rows, run.samples);
    if (!(weight > 0)) return;
    const NamedValues of_batch(static_cast<Metric&>(*pass.metrics).forward({scores, target}, {}, *run.rows));
    for (const auto& [name, value] : of_batch) pass.moments.at(name).add(value.toTensor().item<double>(), weight);
  };
  return measuring("accuracy_callback", std::move(options), make, update);
}

Callback precision_recall_f1_support_callback(Options options) {
  check("precision_recall_f1_support_callback", options);
  const int64_t num_classes = options.num_classes;
  const auto make = [num_classes]() -> Measuring::Pass {
    Members members;
    append_score<MulticlassPrecision>(members, "precision", num_classes);
    append_score<MulticlassRecall>(members, "recall", num_classes);
    append_score<MulticlassF1Score>(members, "f1", num_classes);
    const auto counts = share(MulticlassStatScores({.num_classes = num_classes, .average = Average::None}));
    constexpr int64_t support = 4;  // after true and false positives, true and false negatives
    for (int64_t i = 0; i < num_classes; ++i)
      members.emplace_back("support/class_" + two_digits(i), share(index(index(counts, i), support)));
    return {collected(members)};
  };
  return measuring("precision_recall_f1_support_callback", std::move(options), make, update_all);
}

Callback auc_callback(Options options) {
  check("auc_callback", options);
  const int64_t num_classes = options.num_classes;
  const auto make = [num_classes]() -> Measuring::Pass {
    Members members;
    const auto averaged = [&](Average average) {
      return share(MultilabelAUROC({.num_labels = num_classes, .average = average}));
    };
    members.emplace_back("auc/_micro", averaged(Average::Micro));
    members.emplace_back("auc/_macro", averaged(Average::Macro));
    members.emplace_back("auc/_weighted", averaged(Average::Weighted));
    members.emplace_back("auc/classes",
                         share(ClasswiseWrapper(averaged(Average::None),
                                                {.labels = class_labels(num_classes), .prefix = "auc/class_"})));
    return {collected(members)};
  };
  // Each class against the others is a label of its own.
  const auto update = [num_classes](Measuring::Pass& pass, const at::Tensor& scores, const at::Tensor& target,
                                    const Run& run) {
    update_all(pass, scores, at::one_hot(target, num_classes), run);
  };
  return measuring("auc_callback", std::move(options), make, update);
}

Callback confusion_matrix_callback(Options options, const std::string& normalize) {
  check("confusion_matrix_callback", options);
  const auto [num_classes, normalized] = std::pair(options.num_classes, normalize_of(normalize));
  const auto make = [num_classes = num_classes, normalized = normalized]() -> Measuring::Pass {
    return {collected({{"confusion_matrix",
                        share(MulticlassConfusionMatrix({.num_classes = num_classes, .normalize = normalized}))}})};
  };
  return measuring("confusion_matrix_callback", std::move(options), make, update_all);
}

}  // namespace metrics::trainer
