#include "outputs.h"
#include <metrics/core/errors.h>
#include <metrics/trainer/session.h>

#include <ATen/Context.h>
#include <ATen/core/grad_mode.h>
#include <torch/nn/module.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

namespace metrics::trainer {
namespace {

using Doing = Progress::Doing;

std::shared_ptr<ProcessGroup> group_of(const Options& options) {
  return options.ddp.process_group ? options.ddp.process_group : default_process_group();
}

/// Which way the value that the best is chosen by gets better. Throws InvalidArgument for a value that no stage has.
Better direction(const Best& best, const std::vector<StageMetrics*>& stages) {
  std::string names;
  for (const StageMetrics* stage : stages) {
    for (const std::string& name : stage->names()) {
      names += (names.empty() ? "" : ", ") + name;
      // A value that is a dict has parts, `name/part`.
      if (best.better && (best.value == name || best.value.starts_with(name + "/"))) return *best.better;
      if (best.value != name) continue;
      const Metric* metric = stage->find(name);
      if (metric == nullptr) return Better::Lower;
      if (metric->traits().higher_is_better) return *metric->traits().higher_is_better ? Better::Higher : Better::Lower;
      throw InvalidArgument("best: `" + name + "` does not say which way it gets better: say so in `better`");
    }
  }
  throw InvalidArgument("best: expected one of " + names + ", got `" + best.value + "`");
}

const at::Tensor* found(const StageValues& values, const std::string& name) {
  const auto found = std::find_if(values.begin(), values.end(), [&](const auto& value) { return value.first == name; });
  return found == values.end() ? nullptr : &found->second;
}

}  // namespace

Session::Session(Options options)
    : options_(std::move(options)),
      ranks_(group_of(options_)),
      votes_(SumMetric::Options{}, {.process_group = ranks_.group()}) {
  for (const auto& logger : options_.loggers)
    if (!logger) throw InvalidArgument("loggers: one of them is null");
  if (options_.epochs < 0) throw InvalidArgument("epochs: expected at least 0, got " + std::to_string(options_.epochs));
  run_.rank = ranks_.rank();
  run_.world_size = ranks_.world_size();
}

Session::~Session() = default;

void Session::guarded(const std::function<void()>& body) {
  ranks_.watch();
  try {
    reporting(body);
  } catch (...) {
    outputs_.reset();
    ranks_.fail();
  }
}

void Session::reporting(const std::function<void()>& body) {
  try {
    body();
  } catch (const std::exception& error) {
    ranks_.report(error.what());
    throw;
  } catch (...) {
    ranks_.report("something was thrown that is no std::exception");
    throw;
  }
}

void Session::start(const std::vector<StageMetrics*>& stages) {
  run_ = {.rank = run_.rank, .world_size = run_.world_size, .epochs = options_.epochs};
  best_.reset();
  stages_ = stages;
  for (StageMetrics* stage : stages) stage->set_process_group(ranks_.group());
  for (size_t i = 0; i < stages.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (stages[i]->stage() == stages[j]->stage())
        throw InvalidArgument("two stages are called `" + stages[i]->stage() + "`");
  move_to({});
  if (run_.rank == 0) outputs_ = std::make_unique<Outputs>(options_);
}

void Session::start_epochs() {
  if (options_.best) better_ = direction(*options_.best, stages_);
  if (outputs_) outputs_->call(&Logger::begin, run_);
  call(&Callback::run_started, "run_started");
  agree();
}

void Session::start_epoch() {
  epoch_started_ = std::chrono::steady_clock::now();
  run_.values.clear();
  move_to({run_.epoch, {}, 0, Doing::Starting});
  at::manual_seed(seed_of(options_.seed, run_.epoch, run_.rank));
  call(&Callback::epoch_started, "epoch_started");
}

void Session::start_stage(StageMetrics& metrics, std::optional<int64_t> batches, bool training) {
  metrics.reset();
  training_ = training;
  run_.stage = metrics.stage();
  run_.batch = 0;
  run_.batches = batches;
  run_.loss = at::Tensor();
  move_to({run_.epoch, run_.stage, 0, training_ ? Doing::Training : Doing::Evaluating});
}

void Session::start_batch() {
  call(&Callback::batch_started, "batch_started");
}

void Session::end_batch(const at::Tensor& loss) {
  run_.loss = loss.defined() ? loss.detach() : at::Tensor();
  if (outputs_) outputs_->call(&Logger::progress, run_);
  call(&Callback::batch_ended, "batch_ended");
  ++run_.batch;
  move_to({run_.epoch, run_.stage, run_.batch, training_ ? Doing::Training : Doing::Evaluating});
}

void Session::end_stage(StageMetrics& metrics) {
  move_to({run_.epoch, run_.stage, run_.batch, training_ ? Doing::Trained : Doing::Ending});
  for (auto& value : metrics.compute()) run_.values.push_back(std::move(value));
}

void Session::share_buffers(torch::nn::Module& module) {
  if (options_.ddp.broadcast_buffers) ranks_.broadcast(module.buffers());
}

bool Session::is_best() const {
  if (!options_.best) return false;
  const at::Tensor* value = found(run_.values, options_.best->value);
  if (value == nullptr || value->numel() != 1)
    throw InvalidArgument("best: `" + options_.best->value + "` is not a single number");
  const double number = value->item<double>();
  if (std::isnan(number)) return false;
  if (!best_) return true;
  return better_ == Better::Higher ? number > *best_ : number < *best_;
}

void Session::end_epoch(torch::nn::Module& module) {
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - epoch_started_;
  move_to({run_.epoch, {}, 0, Doing::Ending});
  const bool best = is_best();
  if (best) best_ = found(run_.values, options_.best->value)->item<double>();
  if (outputs_) {
    outputs_->call(&Logger::epoch, run_, elapsed.count(), best);
    outputs_->save(module, best);
  }
  call(&Callback::epoch_ended, "epoch_ended");
  for (StageMetrics* stage : stages_) stage->unsync();
  agree();
  ++run_.epoch;
}

void Session::agree() {
  votes_.reset();
  votes_.update(run_.stop ? 1 : 0);
  run_.stop = votes_.compute().item<double>() > 0;
}

void Session::end_epochs() {
  call(&Callback::run_ended, "run_ended");
  if (outputs_) outputs_->call(&Logger::end, run_);
  agree();
}

void Session::finish() {
  for (StageMetrics* stage : stages_) stage->unsync();
  stages_.clear();
  outputs_.reset();
  ranks_.leave();
}

void Session::move_to(Progress progress) {
  progress_ = std::move(progress);
  ranks_.move_to(progress_);
}

void Session::call(std::function<void(Run&)> Callback::*which, const char* name) {
  const Progress before = progress_;
  for (const Callback& callback : callbacks_) {
    if (!(callback.*which)) continue;
    move_to({before.epoch, run_.stage, run_.batch, Doing::Callback, name});
    (callback.*which)(run_);
    move_to(before);
  }
}

}  // namespace metrics::trainer
