#include "checkpoint.h"
#include "log.h"
#include "loggers_of.h"
#include <metrics/core/errors.h>
#include <metrics/trainer/session.h>
#include <metrics/training/checkpoint.h>

#include <ATen/Context.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>
#include <torch/nn/module.h>
#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/optimizer.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <exception>
#include <iterator>
#include <set>
#include <string_view>
#include <utility>

namespace metrics::trainer {
namespace {

using Doing = Progress::Doing;

std::shared_ptr<ProcessGroup> group_of(const Options& options) {
  return options.ddp.process_group ? options.ddp.process_group : default_process_group();
}

/// Which way the value that the best is chosen by gets better. Throws InvalidArgument for a value that no stage has and
/// that cannot be one that is logged.
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
  // What steps and callbacks log is known when they have done so.
  const auto is_of_stage = [&](const StageMetrics* stage) { return best.value.starts_with(stage->stage() + "/"); };
  if (best.better && std::any_of(stages.begin(), stages.end(), is_of_stage)) return *best.better;
  throw InvalidArgument("best: expected one of " + names + ", got `" + best.value +
                        "` (a value that is logged needs `better`)");
}

void require_at_least(const char* name, int64_t least, int64_t value) {
  if (value < least)
    throw InvalidArgument(std::string(name) + ": expected at least " + std::to_string(least) + ", got " +
                          std::to_string(value));
}

/// Throws InvalidArgument where two values have one name: two callbacks that log the same, or a key of a dict that is
/// taken.
void require_different(const StageValues& values, const StageValues& more) {
  std::set<std::string_view> names;
  for (const StageValues* some : {&values, &more})
    for (const auto& [name, value] : *some)
      if (!names.insert(name).second)
        throw InvalidArgument("`" + name + "` is the name of two values: of two metrics, or of two that log");
}

/// Throws InvalidArgument for an optimizer that no checkpoint can hold, before the first epoch and not after it.
void require_savable(const torch::optim::Optimizer& optimizer) {
  try {
    training::state_dict(optimizer);
  } catch (const Error& error) {
    throw InvalidArgument("checkpoints: " + std::string(error.what()) + ": set `checkpoints` to false");
  }
}

void check(const Options& options) {
  require_at_least("epochs", 0, options.epochs);
  require_at_least("keep_best", 1, options.keep_best);
  require_at_least("accumulate", 1, options.accumulate);
  require_at_least("sanity_batches", 0, options.sanity_batches);
  require_at_least("evaluate_every_epochs", 1, options.evaluate_every_epochs);
  if (options.evaluate_every_batches) require_at_least("evaluate_every_batches", 1, *options.evaluate_every_batches);
  if (options.checkpoint_every_batches)
    require_at_least("checkpoint_every_batches", 1, *options.checkpoint_every_batches);
  for (const auto& [name, value] :
       {std::pair("clip_norm", options.clip_norm), std::pair("clip_value", options.clip_value)})
    if (value && !(*value > 0))
      throw InvalidArgument(std::string(name) + ": expected more than 0, got " + std::to_string(*value));
  if (options.autocast && *options.autocast != at::kBFloat16 && *options.autocast != at::kHalf)
    throw InvalidArgument("autocast: expected BFloat16 or Half, got " + std::string(c10::toString(*options.autocast)));
  if (options.join) {
    const char* together = options.accumulate > 1             ? "accumulate"
                           : options.evaluate_every_batches   ? "evaluate_every_batches"
                           : options.checkpoint_every_batches ? "checkpoint_every_batches"
                                                              : nullptr;
    if (together != nullptr)
      throw InvalidArgument(
          std::string(together) +
          ": with `join` ranks may be at different batches, so that they cannot do this together within an epoch");
  }
  if (options.checkpoint_every_batches && (options.folder.empty() || !options.checkpoints))
    throw InvalidArgument("checkpoint_every_batches: needs a `folder` for `checkpoints`");
}

}  // namespace

Session::Session(Options options)
    : options_(std::move(options)),
      ranks_(group_of(options_)),
      votes_(SumMetric::Options{}, {.process_group = ranks_.group()}) {
  check(options_);
  for (const auto& logger : options_.loggers)
    if (!logger) throw InvalidArgument("loggers: one of them is null");
  run_.rank = ranks_.rank();
  run_.world_size = ranks_.world_size();
}

Session::~Session() = default;

void Session::guarded(const std::function<void()>& body) {
  ranks_.watch();
  try {
    reporting(body);
  } catch (...) {
    run_.logged.reset();
    loggers_.clear();
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
  run_.unfit = &unfit_;
  best_.reset();
  kept_.clear();
  unfit_.clear();
  resumed_.reset();
  logging_ = in_sanity_ = within_epoch_ = false;
  started_ = std::chrono::steady_clock::now();
  stages_ = stages;
  for (size_t i = 0; i < stages.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (stages[i]->stage() == stages[j]->stage())
        throw InvalidArgument("two stages are called `" + stages[i]->stage() + "`");
      stages[j]->require_own(*stages[i]);
    }
  }
  for (StageMetrics* stage : stages) stage->set_process_group(ranks_.group());
  move_to({});
  if (run_.rank == 0) loggers_ = loggers_of(options_);
}

void Session::start_epochs(torch::nn::Module& module, torch::optim::Optimizer& optimizer) {
  if (!options_.folder.empty() && options_.checkpoints) require_savable(optimizer);
  if (options_.best) better_ = direction(*options_.best, stages_);
  if (!options_.resume.empty()) resume(module, optimizer);
  each(&Logger::begin, run_);
  logging_ = true;
  run_.logged = log_of({});
  call(&Callback::run_started, "run_started");
  agree();
}

bool Session::logs() const {
  return logging_ && !in_sanity_;
}

std::shared_ptr<Log> Session::log_of(LogPlace place) const {
  return std::make_shared<Log>(ranks_.group(), run_.rank, logs() ? loggers_ : std::vector<std::shared_ptr<Logger>>{},
                               std::move(place));
}

void Session::start_epoch() {
  epoch_started_ = std::chrono::steady_clock::now();
  run_.values.clear();
  own_.clear();
  run_.best = false;
  run_.evaluated = evaluates();
  move_to({run_.epoch, {}, 0, Doing::Starting});
  at::manual_seed(seed_of(options_.seed, run_.epoch, run_.rank));
  call(&Callback::epoch_started, "epoch_started");
}

bool Session::evaluates() const {
  return (run_.epoch + 1) % options_.evaluate_every_epochs == 0 || run_.epoch + 1 == run_.epochs;
}

void Session::start_stage(StageMetrics& metrics, std::optional<int64_t> batches, bool training) {
  metrics.reset();
  run_.training = training;
  run_.stage = metrics.stage();
  run_.batch = 0;
  run_.batches = batches;
  run_.loss = at::Tensor();
  if (training) {
    training_stage_ = &metrics;
    if (options_.accumulate > 1 && !batches)
      throw InvalidArgument(
          "accumulate: the loader of stage " + metrics.stage() +
          " does not say how many batches there are (`size()`), so that the last step would be left out");
  }
  run_.logged = log_of({run_.stage, metrics.names(), run_.world_size == 1 || (training && !options_.join)});
  move_to({run_.epoch, run_.stage, 0, training ? Doing::Training : Doing::Evaluating});
  call(&Callback::stage_started, "stage_started");
  if (training && resumed_) resumed_->load(metrics, *run_.logged, run_);
}

bool Session::skips_batch() {
  if (!resumed_) return false;
  if (run_.batch < resumed_->batch()) {
    ++run_.batch;
    return true;
  }
  resumed_->draw_on(run_);
  resumed_.reset();
  return false;
}

void Session::start_batch(const Rows& rows, int64_t samples) {
  run_.rows = &rows;
  run_.samples = samples;
  call(&Callback::batch_started, "batch_started");
}

bool Session::begins_step() const {
  return run_.batch % options_.accumulate == 0;
}

bool Session::completes_step() const {
  return (run_.batch + 1) % options_.accumulate == 0 || run_.batch + 1 == run_.batches;
}

at::Tensor Session::part_of_step(const at::Tensor& loss) const {
  if (!loss.defined()) throw InvalidArgument("step of stage " + run_.stage + ": gave no loss");
  const at::Tensor mean = loss.dim() == 0 ? loss : loss.mean();
  return options_.accumulate == 1 ? mean : mean / static_cast<double>(options_.accumulate);
}

void Session::step(torch::optim::Optimizer& optimizer) {
  if (options_.clip_norm || options_.clip_value) {
    std::vector<at::Tensor> parameters;
    for (const auto& group : optimizer.param_groups())
      parameters.insert(parameters.end(), group.params().begin(), group.params().end());
    if (options_.clip_norm) torch::nn::utils::clip_grad_norm_(parameters, *options_.clip_norm);
    if (options_.clip_value) torch::nn::utils::clip_grad_value_(parameters, *options_.clip_value);
  }
  optimizer.step();
  ++run_.step;
}

void Session::end_batch(const Result& result, bool stepped) {
  run_.loss = result.loss.defined() ? result.loss.detach() : at::Tensor();
  run_.result = &result;
  run_.stepped = stepped;
  each(&Logger::progress, run_);
  call(&Callback::batch_ended, "batch_ended");
  const StageValues values = run_.logged->end_step();
  if (logs() && !values.empty()) each(&Logger::step, run_, values);
  run_.result = nullptr;
  run_.rows = nullptr;
  run_.stepped = false;
  ++run_.batch;
  move_to({run_.epoch, run_.stage, run_.batch, run_.training ? Doing::Training : Doing::Evaluating});
}

void Session::end_stage(StageMetrics& metrics) {
  move_to({run_.epoch, run_.stage, run_.batch, run_.training ? Doing::Trained : Doing::Ending});
  if (resumed_ && run_.training) {
    resumed_->draw_on(run_);
    resumed_.reset();
  }
  call(&Callback::stage_ended, "stage_ended");
  const std::array<Metric*, 1> names{&run_.logged->names()};
  StageValues values = metrics.compute(names);
  Log::Ended logged = run_.logged->end_stage(names[0]->compute().toTensor());
  unfit_.insert(run_.logged->unfit().begin(), run_.logged->unfit().end());
  run_.logged = log_of({});
  if (in_sanity_) {
    metrics.unsync();
    return;
  }
  values.insert(values.end(), std::make_move_iterator(logged.agreed.begin()),
                std::make_move_iterator(logged.agreed.end()));
  require_different(values, logged.own);
  if (within_epoch_) {
    values.insert(values.end(), logged.own.begin(), logged.own.end());
    std::erase_if(values, [](const auto& value) { return value.second.numel() != 1; });
    each(&Logger::step, run_, values);
    metrics.unsync();
    return;
  }
  for (auto& value : values) run_.values.push_back(std::move(value));
  own_.insert(own_.end(), logged.own.begin(), logged.own.end());
}

bool Session::evaluates_now() const {
  return options_.evaluate_every_batches && run_.batch % *options_.evaluate_every_batches == 0 &&
         run_.batch != run_.batches;
}

void Session::interlude(const std::function<void()>& evaluations) {
  const Run before = run_;
  within_epoch_ = true;
  evaluations();
  within_epoch_ = false;
  const bool stop = run_.stop;
  run_ = before;
  run_.stop = stop;
  move_to({run_.epoch, run_.stage, run_.batch, Doing::Training});
}

void Session::sanity(const std::function<void()>& evaluations) {
  if (options_.sanity_batches == 0 || !more_epochs()) return;
  in_sanity_ = true;
  evaluations();
  in_sanity_ = false;
}

bool Session::in_time() const {
  return !options_.time_limit || std::chrono::steady_clock::now() - started_ < *options_.time_limit;
}

bool Session::goes_on(torch::nn::Module& module, torch::optim::Optimizer& optimizer) {
  if (!options_.checkpoint_every_batches || run_.batch % *options_.checkpoint_every_batches != 0 ||
      run_.batch == run_.batches)
    return true;
  if (run_.batch % options_.accumulate != 0) return true;  // gradients that wait for a step are in no checkpoint
  write_checkpoint(module, optimizer);
  if (!options_.time_limit) return true;
  const bool asked = std::exchange(run_.stop, run_.rank == 0 && !in_time());
  agree();
  const bool over = std::exchange(run_.stop, asked);
  if (over) run_.stop = true;
  return !over;
}

void Session::share_buffers(torch::nn::Module& module) {
  if (options_.ddp.broadcast_buffers) ranks_.broadcast(module.buffers());
}

bool Session::is_better() {
  // An epoch without evaluations has none of their values.
  if (!run_.has(options_.best->value) && !unfit_.contains(options_.best->value) && !run_.evaluated) return false;
  const double number = metrics::detail::named("best", [&] { return run_.value(options_.best->value); });
  if (std::isnan(number)) return false;
  const auto before = [&](double a, double b) { return better_ == Better::Higher ? a > b : a < b; };
  // The best come first, the earlier before the later of equal ones.
  const auto place =
      std::find_if(kept_.begin(), kept_.end(), [&](const auto& kept) { return before(number, kept.first); });
  if (!options_.folder.empty()) kept_.insert(place, {number, run_.epoch});
  if (best_ && !before(number, *best_)) return false;
  best_ = number;
  return true;
}

void Session::decide_best() {
  if (!options_.best) return;
  // What one rank decides all do, even where their numbers should differ.
  const at::Tensor decision = at::zeros({1}, at::kLong);
  if (run_.rank == 0) decision.fill_(is_better() ? 1 : 0);
  ranks_.broadcast({decision});
  run_.best = decision.item<int64_t>() != 0;
}

void Session::end_epoch(torch::nn::Module& module, torch::optim::Optimizer& optimizer) {
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - epoch_started_;
  move_to({run_.epoch, {}, 0, Doing::Ending});
  decide_best();
  Run shown = run_;
  shown.values.insert(shown.values.end(), own_.begin(), own_.end());
  each(&Logger::epoch, shown, elapsed.count(), run_.best);
  if (run_.rank == 0) save_weights(module);
  call(&Callback::epoch_ended, "epoch_ended");
  for (StageMetrics* stage : stages_) stage->unsync();
  if (run_.rank == 0 && !in_time()) run_.stop = true;
  agree();
  ++run_.epoch;
  run_.stage.clear();
  run_.batch = 0;
  if (!options_.folder.empty() && options_.checkpoints) write_checkpoint(module, optimizer);
}

void Session::agree() {
  votes_.reset();
  votes_.update(run_.stop ? 1 : 0);
  run_.stop = votes_.compute().item<double>() > 0;
}

void Session::end_epochs() {
  call(&Callback::run_ended, "run_ended");
  each(&Logger::end, run_);
  agree();
}

void Session::finish() {
  for (StageMetrics* stage : stages_) stage->unsync();
  stages_.clear();
  training_stage_ = nullptr;
  run_.logged.reset();
  loggers_.clear();
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
