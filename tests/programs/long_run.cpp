// A training that goes on and on: `long_run steps` updates, computes and resets metrics, logs and takes optimizer
// steps, and ends with 0 where neither the process's memory nor its open files have grown since the first tenth. Each
// rank of a group watches itself.
#include <metrics/classification/accuracy.h>
#include <metrics/classification/auroc.h>
#include <metrics/classification/confusion_matrix.h>
#include <metrics/collections/metric_collection.h>
#include <metrics/distributed/process_group.h>
#include <metrics/trainer/trainer.h>
#include <metrics/training/loader.h>

#include <ATen/ops/arange.h>
#include <torch/nn/functional/loss.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/sgd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>

using metrics::trainer::Result;
using metrics::trainer::Run;
using metrics::trainer::Stage;
using metrics::trainer::Trainer;

namespace {

constexpr int64_t samples = 256, batch_size = 8;

/// What the process holds.
struct Held {
  double resident = 0;  // MiB
  int64_t files = 0;

  static Held now() {
    Held held;
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("VmRSS:")) held.resident = std::stod(line.substr(6)) / 1024;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++held.files;
    return held;
  }
};

}  // namespace

int main(int argument_count, char** arguments) {
  const int64_t steps = argument_count > 1 ? std::atoll(arguments[1]) : 100000;
  const auto world = metrics::init_process_group();
  const at::Tensor x = at::arange(2 * samples).to(at::kFloat).sin().view({samples, 2});
  const at::Tensor y = (x.sum(1) > 0).to(at::kLong) + (x.select(1, 0) > 0.5).to(at::kLong);
  metrics::training::Loader training(metrics::training::in_memory(x, y), metrics::training::DistributedSampler(samples),
                                     {.batch_size = batch_size});
  metrics::training::Loader held_out(metrics::training::in_memory(x, y),
                                     metrics::training::DistributedSampler(samples, {.shuffle = false}),
                                     {.batch_size = batch_size});
  torch::nn::Linear net(2, 3);
  torch::optim::SGD optimizer(net->parameters(), 0.01);

  const int64_t epochs = std::max<int64_t>(steps / training.size(), 20);
  Held early;
  metrics::MetricCollection own({{"accuracy", metrics::MulticlassAccuracy({.num_classes = 3})},
                                 {"confusion", metrics::MulticlassConfusionMatrix({.num_classes = 3})}});
  Trainer trainer(net, optimizer, {.epochs = epochs, .console = nullptr});
  trainer.add({.batch_ended =
                   [&](Run& run) {
                     if (!run.training) return;
                     // A metric by itself: forward, compute and reset in each step.
                     const at::Tensor& scores = run.result->outputs[0].toTensor();
                     const at::Tensor& target = run.result->outputs[1].toTensor();
                     own.forward(scores, target);
                     own.update(scores, target);
                     own.compute();
                     own.reset();
                     run.log("loss_of_step", run.loss, {.on_step = true});
                   },
               .epoch_ended =
                   [&](Run& run) {
                     if (run.epoch == epochs / 10) early = Held::now();
                   }});
  const auto step = [](auto& model, const metrics::training::Batch& batch) -> Result {
    const at::Tensor scores = model.forward(batch.data);
    return {torch::nn::functional::cross_entropy(scores, batch.target), {scores.detach(), batch.target}};
  };
  const auto evaluation = [](auto& module, const metrics::training::Batch& batch) -> Result {
    return {{}, {module->forward(batch.data), batch.target}};
  };
  trainer.fit(
      Stage("train", training, step, {{"accuracy", metrics::share(metrics::MulticlassAccuracy({.num_classes = 3}))}}),
      Stage("validation", held_out, evaluation,
            {{"accuracy", metrics::share(metrics::MulticlassAccuracy({.num_classes = 3}))},
             {"auroc", metrics::share(metrics::MulticlassAUROC({.num_classes = 3}))}}));

  const Held late = Held::now();
  std::cout << "rank " << world->rank() << ": " << epochs * training.size() << " steps, memory " << early.resident
            << " MiB then, " << late.resident << " MiB now, open files " << early.files << " then, " << late.files
            << " now\n";
  // Allocators keep what they have had: a few pages more are no growth, a byte a step over many steps is.
  constexpr double slack = 4;
  const bool grew = late.resident > early.resident + slack || late.files > early.files;
  return grew ? 1 : 0;
}
