#pragma once

#include <metrics/core/errors.h>
#include <metrics/trainer/options.h>
#include <metrics/trainer/run.h>
#include <metrics/trainer/session.h>
#include <metrics/trainer/stage.h>
#include <metrics/training/data_parallel.h>
#include <metrics/training/join.h>

#include <ATen/core/grad_mode.h>
#include <torch/nn/module.h>
#include <torch/optim/optimizer.h>

#include <cstdint>
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
  /// The samples of a step over all ranks, of which each takes `batch_size`. The learning rate is for this number.
  int64_t effective_batch_size(int64_t batch_size) const { return batch_size * session_.ranks().world_size(); }

  /// Trains for `epochs`, with the evaluations after each. Returns the values of the last epoch, alike on all ranks.
  template <class Train, class... Evaluation>
  StageValues fit(Train&& train, Evaluation&&... evaluation) {
    check_batches(train);
    session_.guarded([&] {
      session_.start({&train.metrics, &evaluation.metrics...});
      session_.start_epochs();
      while (session_.more_epochs()) {
        session_.start_epoch();
        train_epoch(train);
        (evaluate_epoch(evaluation), ...);
        session_.end_epoch(net());
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

 private:
  template <class Train>
  void train_epoch(Train& stage) {
    net().train();
    const std::optional<int64_t> batches = batches_of(stage.loader);
    session_.start_stage(stage.metrics, batches, true);
    std::optional<training::Join> join;
    if (auto options = session_.options().join) {
      options->batches = batches;
      // A rank that has run out follows the others' steps, so that its optimizer's state is theirs.
      if (!options->shadow_step) {
        options->shadow_step = [this] {
          optimizer_.step();
          optimizer_.zero_grad();
        };
      }
      join.emplace(std::vector<training::JoinableRef>{model_}, *options);
    }
    session_.reporting([&] {
      for (auto&& batch : epoch_of(stage.loader)) {
        session_.start_batch();
        if (join) join->set_samples(detail::samples_of(batch));
        optimizer_.zero_grad();
        const Result result = stage.step(model_, batch);
        if (!result.loss.defined()) throw InvalidArgument("step of stage " + stage.metrics.stage() + ": gave no loss");
        (result.loss.dim() == 0 ? result.loss : result.loss.mean()).backward();
        optimizer_.step();
        stage.metrics.update(result, detail::rows_of(batch), detail::samples_of(batch));
        session_.end_batch(result.loss);
      }
    });
    if (join) join->finish();
    session_.end_stage(stage.metrics);
  }

  /// Each rank goes through its own part, long or short: what ranks have to say to each other comes after it.
  template <class Evaluation>
  void evaluate_epoch(Evaluation& stage) {
    const at::NoGradGuard no_grad;
    session_.share_buffers(net());
    net().eval();
    session_.start_stage(stage.metrics, batches_of(stage.loader), false);
    for (auto&& batch : epoch_of(stage.loader)) {
      session_.start_batch();
      const Result result = stage.step(module_, batch);
      stage.metrics.update(result, detail::rows_of(batch), detail::samples_of(batch));
      session_.end_batch(result.loss);
    }
    session_.end_stage(stage.metrics);
  }

  torch::nn::Module& net() { return *module_; }

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
