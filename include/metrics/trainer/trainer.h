#pragma once

#include <metrics/core/errors.h>
#include <metrics/core/rows.h>
#include <metrics/trainer/autocast.h>
#include <metrics/trainer/options.h>
#include <metrics/trainer/predictions.h>
#include <metrics/trainer/run.h>
#include <metrics/trainer/session.h>
#include <metrics/trainer/stage.h>
#include <metrics/training/data_parallel.h>
#include <metrics/training/join.h>

#include <ATen/core/grad_mode.h>
#include <torch/nn/module.h>
#include <torch/optim/optimizer.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace metrics::trainer {

/// Trains a module on all ranks, and evaluates it exactly: a plain loop, to be read before it is used.
///
///   torch::nn::Linear net(2, 3);
///   torch::optim::SGD optimizer(net->parameters(), 0.1);
///   trainer::Trainer trainer(net, optimizer, {.epochs = 5});
///   trainer.fit(trainer::Stage("train", batches, train_step), trainer::Stage("validation", held_out, validation_step,
///               {{"accuracy", accuracy}}));
///
/// `Module` is a torch::nn holder or a shared_ptr to a module. All ranks call the same. What one of them throws ends
/// all of them with its message.
template <class Module>
class Trainer {
 public:
  using Model = training::DistributedDataParallel<Module>;

  /// Collective: rank 0's weights become all ranks'. Throws InvalidArgument, SyncError.
  Trainer(Module module, torch::optim::Optimizer& optimizer, Options options = {})
      : session_(std::move(options)),
        module_(std::move(module)),
        model_(module_, session_.options().ddp),
        optimizer_(optimizer) {}

  void add(Callback callback) { session_.add(std::move(callback)); }
  /// The samples of a step over all ranks, of which each takes batches of `batch_size`. The learning rate is for this
  /// number.
  int64_t effective_batch_size(int64_t batch_size) const {
    return batch_size * session_.options().accumulate * session_.ranks().world_size();
  }
  /// The learning rate for that number where `rate` is for steps of `samples`, in proportion.
  double scaled_rate(double rate, int64_t samples, int64_t batch_size) const {
    return rate * static_cast<double>(effective_batch_size(batch_size)) / static_cast<double>(samples);
  }

  /// Trains for `epochs`, with the evaluations after each. Returns the values of the last epoch, alike on all ranks.
  template <class Train, class... Evaluation>
  StageValues fit(Train&& train, Evaluation&&... evaluation) {
    check_batches(train);
    const auto evaluate_all = [&] { (evaluate_epoch(evaluation), ...); };
    session_.guarded([&] {
      session_.start({&train.metrics, &evaluation.metrics...});
      session_.start_epochs(net(), optimizer_);
      session_.sanity(evaluate_all);
      while (session_.more_epochs()) {
        session_.start_epoch();
        if (!train_epoch(train, evaluate_all)) break;
        if (session_.evaluates()) evaluate_all();
        session_.end_epoch(net(), optimizer_);
      }
      session_.end_epochs();
      session_.finish();
    });
    return session_.run().values;
  }

  /// Goes through a stage once, without training. Returns its values, alike on all ranks.
  template <class Evaluation>
  StageValues evaluate(Evaluation&& evaluation) {
    session_.guarded([&] {
      session_.start({&evaluation.metrics});
      evaluate_epoch(evaluation);
      session_.finish();
    });
    return session_.run().values;
  }

  /// The same, and writes what the step gives as outputs, each sample once, in the order of their ids over all ranks: a
  /// .safetensors file, as `metrics eval` reads it, with the outputs by name, those by position as `preds` and
  /// `target`. Rank 0 writes it. Throws InvalidArgument for outputs without a row for each sample, and on several ranks
  /// for batches without ids.
  template <class Evaluation>
  StageValues predict(Evaluation&& evaluation, const std::filesystem::path& file) {
    session_.guarded([&] {
      session_.start({&evaluation.metrics});
      Predictions predictions(evaluation.metrics.stage());
      evaluate_epoch(evaluation, &predictions);
      predictions.write(file, session_.ranks());
      session_.finish();
    });
    return session_.run().values;
  }

 private:
  /// False where the run has ended within the epoch.
  template <class Train, class Evaluations>
  bool train_epoch(Train& stage, const Evaluations& evaluate_all) {
    net().train();
    const std::optional<int64_t> batches = batches_of(stage.loader);
    session_.start_stage(stage.metrics, batches, true);
    std::optional<training::Join> join;
    if (auto options = session_.options().join) {
      options->batches = batches;
      // A rank that has run out follows the others' steps, so that its optimizer's state is theirs.
      if (!options->shadow_step) {
        options->shadow_step = [this] {
          session_.step(optimizer_);
          optimizer_.zero_grad();
        };
      }
      join.emplace(std::vector<training::JoinableRef>{model_}, *options);
    }
    bool goes_on = true;
    session_.reporting([&] {
      for (auto&& batch : epoch_of(stage.loader)) {
        if (session_.skips_batch()) continue;
        const Rows rows = detail::rows_of(batch);
        session_.start_batch(rows, detail::samples_of(batch));
        if (join) join->set_samples(detail::samples_of(batch));
        if (session_.begins_step()) optimizer_.zero_grad();
        const bool steps = session_.completes_step();
        const Result result = steps ? backward(stage, batch) : backward_alone(stage, batch);
        if (steps) session_.step(optimizer_);
        stage.metrics.update(result, rows, detail::samples_of(batch));
        session_.end_batch(result, steps);
        if (session_.evaluates_now()) {
          session_.interlude(evaluate_all);
          net().train();
        }
        goes_on = session_.goes_on(net(), optimizer_);
        if (!goes_on) break;
      }
    });
    if (join) join->finish();
    if (goes_on) session_.end_stage(stage.metrics);
    return goes_on;
  }

  template <class Train, class Batch>
  Result backward(Train& stage, const Batch& batch) {
    const Result result = [&] {
      const Autocast autocast(device(), session_.options().autocast);
      return detail::result_of(stage.step, model_, batch, session_.run());
    }();
    session_.part_of_step(result.loss).backward();
    return result;
  }

  /// Without the other ranks: the gradients wait for those of the step's last batch.
  template <class Train, class Batch>
  Result backward_alone(Train& stage, const Batch& batch) {
    const auto alone = model_.no_sync();
    return backward(stage, batch);
  }

  /// Each rank goes through its own part, long or short: what ranks have to say to each other comes after it.
  template <class Evaluation>
  void evaluate_epoch(Evaluation& stage, Predictions* predictions = nullptr) {
    const at::NoGradGuard no_grad;
    session_.share_buffers(net());
    net().eval();
    session_.start_stage(stage.metrics, batches_of(stage.loader), false);
    for (auto&& batch : epoch_of(stage.loader)) {
      const Rows rows = detail::rows_of(batch);
      session_.start_batch(rows, detail::samples_of(batch));
      const Result result = [&] {
        const Autocast autocast(device(), session_.options().autocast);
        return detail::result_of(stage.step, module_, batch, session_.run());
      }();
      stage.metrics.update(result, rows, detail::samples_of(batch));
      if (predictions != nullptr) predictions->add(result, rows, detail::samples_of(batch));
      session_.end_batch(result);
      if (session_.had_enough()) break;
    }
    session_.end_stage(stage.metrics);
  }

  torch::nn::Module& net() { return *module_; }
  c10::DeviceType device() { return optimizer_.param_groups().front().params().front().device().type(); }

  template <class Loader>
  Loader& epoch_of(Loader& loader) {
    if constexpr (requires { loader.set_epoch(int64_t{}); }) loader.set_epoch(session_.run().epoch);
    return loader;
  }

  template <class Loader>
  static std::optional<int64_t> batches_of(Loader& loader) {
    if constexpr (requires { static_cast<int64_t>(loader.size()); }) {
      return static_cast<int64_t>(loader.size());
    } else {
      return std::nullopt;
    }
  }

  /// What ranks can know without asking each other they refuse at once.
  template <class Train>
  void check_batches(Train& train) const {
    if (session_.options().join) return;
    if constexpr (requires { static_cast<int64_t>(train.loader.batches_of(int64_t{})); }) {
      for (int64_t rank = 1; rank < session_.ranks().world_size(); ++rank) {
        const int64_t first = train.loader.batches_of(0), other = train.loader.batches_of(rank);
        if (first == other) continue;
        throw InvalidArgument("stage " + train.metrics.stage() + ": rank 0 has " + std::to_string(first) +
                              " batches, rank " + std::to_string(rank) + " has " + std::to_string(other) +
                              ": different numbers need the option `join`");
      }
    }
  }

  Session session_;
  Module module_;
  Model model_;
  torch::optim::Optimizer& optimizer_;
};

}  // namespace metrics::trainer
