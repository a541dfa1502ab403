#include "checkpoint.h"

#include <metrics/core/errors.h>
#include <metrics/io/files.h>
#include <metrics/training/checkpoint.h>
#include <metrics/training/gather.h>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <torch/nn/module.h>
#include <torch/optim/optimizer.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <mutex>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>

namespace metrics::trainer {
namespace {

constexpr int64_t version = 1;

at::Tensor generator_state() {
  auto generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard lock(generator.mutex());
  return generator.get_state();
}

int64_t number(const io::Object& dict, const char* key) {
  const auto* value = dict.at(key).as<int64_t>();
  if (value == nullptr)
    throw InvalidArgument("`" + std::string(key) + "`: expected an integer, got " + dict.at(key).kind());
  return *value;
}

const io::Object::List& list(const io::Object& dict, const char* key) {
  const auto* value = dict.at(key).as<io::Object::List>();
  if (value == nullptr)
    throw InvalidArgument("`" + std::string(key) + "`: expected a list, got " + dict.at(key).kind());
  return *value;
}

/// Rank 0's bytes on all ranks; others need not see its files.
std::string read_on_all(const std::filesystem::path& file, Ranks& ranks) {
  std::string bytes;
  if (ranks.rank() == 0) {
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream all;
    if (stream) all << stream.rdbuf();
    if (!stream) throw Error("resume: " + file.string() + " cannot be read");
    bytes = all.str();
  }
  const at::Tensor size = at::zeros({1}, at::kLong).fill_(static_cast<int64_t>(bytes.size()));
  ranks.broadcast({size});
  bytes.resize(static_cast<size_t>(size.item<int64_t>()));
  ranks.broadcast({at::from_blob(bytes.data(), {static_cast<int64_t>(bytes.size())}, at::kByte)});
  return bytes;
}

}  // namespace

void Session::Checkpoint::load(StageMetrics& metrics, Log& log, const Run& run) const {
  if (batch_ == 0 || run.rank != 0) return;
  if (const auto* name = stage_.at("name").as<std::string>(); name == nullptr || *name != metrics.stage())
    throw InvalidArgument("resume: the checkpoint was written in another stage than " + metrics.stage());
  metrics.load_state(stage_.at("metrics"));
  log.load_state(stage_.at("logged"));
}

void Session::Checkpoint::draw_on(const Run& run) const {
  if (batch_ == 0) return;
  auto generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard lock(generator.mutex());
  generator.set_state(draws_.select(0, run.rank).clone());
}

void Session::write_checkpoint(torch::nn::Module& module, torch::optim::Optimizer& optimizer) {
  io::Object all = io::Object::Dict{};
  all.set("version", version);
  all.set("epoch", run_.epoch);
  all.set("batch", run_.batch);
  all.set("step", run_.step);
  all.set("world_size", run_.world_size);
  // Within an epoch ranks have states of their own, which travel. At its end there are none.
  if (run_.batch > 0) {
    io::Object stage = io::Object::Dict{};
    stage.set("name", run_.stage);
    stage.set("metrics", training_stage_->state());
    stage.set("logged", run_.logged->state());
    all.set("stage", std::move(stage));
    const at::Tensor draws = generator_state();
    all.set("draws", training::gather_rows(draws, ranks_.group()).view({run_.world_size, draws.size(0)}));
  }
  io::Object callbacks = io::Object::List{};
  for (const Callback& callback : callbacks_)
    std::get<io::Object::List>(callbacks.value()).push_back(callback.state ? callback.state() : io::Object());
  if (run_.rank != 0) return;
  all.set("callbacks", std::move(callbacks));
  all.set("best", best_ ? io::Object(*best_) : io::Object());
  io::Object kept = io::Object::List{};
  for (const auto& [value, epoch] : kept_)
    std::get<io::Object::List>(kept.value()).push_back(io::Object::Tuple{{value, epoch}});
  all.set("kept", std::move(kept));
  all.set("model", training::state_dict(module));
  all.set("optimizer", training::state_dict(optimizer));
  io::write_torch(options_.folder / "checkpoint.pt", all);
}

void Session::resume(torch::nn::Module& module, torch::optim::Optimizer& optimizer) {
  const std::string file = options_.resume.string();
  const io::Object all = io::parse_torch(read_on_all(options_.resume, ranks_), file);
  metrics::detail::named("resume: " + file, [&] {
    if (number(all, "version") != version)
      throw InvalidArgument("expected version " + std::to_string(version) + ", got " +
                            std::to_string(number(all, "version")));
    const int64_t epoch = number(all, "epoch"), batch = number(all, "batch"), steps = number(all, "step"),
                  world_size = number(all, "world_size");
    for (const int64_t count : {epoch, batch, steps})
      if (count < 0)
        throw InvalidArgument("epochs, batches and steps: expected at least 0, got " + std::to_string(count));
    if (batch > 0 && world_size != run_.world_size)
      throw InvalidArgument("it was written within an epoch by " + std::to_string(world_size) + " ranks, and " +
                            std::to_string(run_.world_size) +
                            " would have other batches behind them: go on with as many, or from the end of an epoch");
    if (batch > 0 && options_.join)
      throw InvalidArgument("it was written within an epoch, where ranks that `join` cannot go on");
    const auto& callbacks = list(all, "callbacks");
    if (callbacks.size() != callbacks_.size())
      throw InvalidArgument("it has the states of " + std::to_string(callbacks.size()) +
                            " callbacks, the trainer has " + std::to_string(callbacks_.size()));
    std::vector<std::pair<double, int64_t>> kept;
    for (const io::Object& one : list(all, "kept")) {
      const auto* pair = one.as<io::Object::Tuple>();
      if (pair == nullptr || pair->items.size() != 2 || !pair->items[0].as<double>() || !pair->items[1].as<int64_t>())
        throw InvalidArgument("`kept`: expected pairs of a value and an epoch");
      kept.emplace_back(*pair->items[0].as<double>(), *pair->items[1].as<int64_t>());
    }
    at::Tensor draws;
    if (batch > 0) {
      const auto* tensor = all.at("draws").as<at::Tensor>();
      if (tensor == nullptr || tensor->scalar_type() != at::kByte || tensor->dim() != 2 ||
          tensor->size(0) != world_size || tensor->size(1) != generator_state().size(0))
        throw InvalidArgument("`draws`: expected the state of a generator for each rank");
      draws = *tensor;
    }
    // The optimizer comes after the callbacks, because a schedule that catches up sets its rates.
    const std::string before = io::torch_bytes(training::state_dict(optimizer));
    for (size_t i = 0; i < callbacks.size(); ++i)
      if (callbacks_[i].load_state) callbacks_[i].load_state(callbacks[i]);
    training::load_state_dict(optimizer, all.at("optimizer"));
    try {
      training::load_state_dict(module, all.at("model"));
    } catch (...) {
      training::load_state_dict(optimizer, io::parse_torch(before, "the optimizer's states"));
      throw;
    }
    run_.epoch = epoch;
    run_.step = steps;
    kept_ = std::move(kept);
    if (const double* best = all.at("best").as<double>()) best_ = *best;
    if (batch > 0) resumed_ = std::make_unique<Checkpoint>(batch, all.at("stage"), std::move(draws));
  });
}

void Session::save_weights(torch::nn::Module& module) {
  if (options_.folder.empty()) return;
  const io::Object weights = training::state_dict(module);
  io::write_torch(options_.folder / "last.pt", weights);
  if (run_.best) io::write_torch(options_.folder / "best.pt", weights);
  const auto file_of = [&](int64_t epoch) {
    std::ostringstream name;
    name << "epoch-" << std::setfill('0') << std::setw(4) << epoch + 1 << ".pt";
    return options_.folder / name.str();
  };
  while (static_cast<int64_t>(kept_.size()) > options_.keep_best) {
    if (options_.keep_best > 1 && kept_.back().second != run_.epoch)
      std::filesystem::remove(file_of(kept_.back().second));
    kept_.pop_back();
  }
  const auto is_kept = [&](const auto& kept) { return kept.second == run_.epoch; };
  if (options_.keep_best > 1 && std::any_of(kept_.begin(), kept_.end(), is_kept))
    io::write_torch(file_of(run_.epoch), weights);
}

}  // namespace metrics::trainer
