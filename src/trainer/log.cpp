#include "log.h"

#include "metric_states.h"
#include <metrics/collections/metric_collection.h>
#include <metrics/core/errors.h>
#include <metrics/distributed/process_group.h>
#include <metrics/distributed/synchronize.h>

#include <ATen/ops/item.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace metrics::trainer {
namespace {

/// A line of what ranks tell each other of their names.
struct Line {
  int64_t rank = 0;
  bool is_metric = false;
  std::string name;

  std::string encoded() const { return std::to_string(rank) + (is_metric ? "m" : "n") + name + "\n"; }
  static std::vector<Line> decoded(const std::string& text) {
    std::vector<Line> lines;
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = text.find('\n', begin), kind = text.find_first_of("mn", begin);
      lines.push_back(
          {std::stoll(text.substr(begin, kind - begin)), text[kind] == 'm', text.substr(kind + 1, end - kind - 1)});
      begin = end + 1;
    }
    return lines;
  }
};

std::string quoted(const std::string& name) {
  return "log: `" + name + "`";
}

/// Throws InvalidArgument for what cannot be logged so, whatever was logged before.
void check(const std::string& name, const LogOptions& options, bool is_metric) {
  if (name.empty() || name.find('\n') != std::string::npos)
    throw InvalidArgument("log: expected a name of one line, got `" + name + "`");
  if (!options.on_step && !options.on_epoch)
    throw InvalidArgument(quoted(name) + ": neither `on_step` nor `on_epoch`: it would go nowhere");
  if (options.group && !options.group->is_member())
    throw InvalidArgument(quoted(name) + ": this rank is no member of `group`");
  if (options.batch_size && !(*options.batch_size >= 0))
    throw InvalidArgument(quoted(name) + ": batch_size: expected at least 0, got " +
                          std::to_string(*options.batch_size));
  if (!is_metric) return;
  if (options.on_step)
    throw InvalidArgument(quoted(name) + ": a metric's value of one step is what its `forward` gives: log that");
  if (options.rank_zero_only)
    throw InvalidArgument(quoted(name) +
                          ": a metric is synchronised over all its ranks, which wait for those that have not logged "
                          "it: not `rank_zero_only`");
}

bool alike(const LogOptions& a, const LogOptions& b) {
  return a.on_step == b.on_step && a.on_epoch == b.on_epoch && a.sync_dist == b.sync_dist && a.group == b.group &&
         a.rank_zero_only == b.rank_zero_only;
}

template <class Metrics>
void synchronize_all(const Metrics& metrics) {
  if (!metrics.empty()) synchronize_values(std::span<Metric* const>(metrics.data(), metrics.size()));
}

bool flag(const io::Object& dict, const char* name) {
  const bool* value = dict.at(name).as<bool>();
  if (value == nullptr)
    throw InvalidArgument("log: `" + std::string(name) + "`: expected a bool, got " + dict.at(name).kind());
  return *value;
}

at::Tensor value_of(Metric& metric) {
  return metric.compute().toTensor();
}

}  // namespace

Log::Entry& Log::entry(const std::string& name, const LogOptions& options, bool is_metric) {
  check(name, options, is_metric);
  if (place_.stage.empty()) throw InvalidArgument(quoted(name) + ": no stage is under way");
  if (std::find(place_.taken.begin(), place_.taken.end(), place_.stage + "/" + name) != place_.taken.end())
    throw InvalidArgument(quoted(name) + ": the stage " + place_.stage + " has a metric of that name");
  if (options.on_step && reduces(options) && !place_.alike)
    throw InvalidArgument(quoted(name) + ": ranks may have different numbers of batches in the stage " + place_.stage +
                          ", so that they cannot reduce a value at each step: set `sync_dist` to false, or `on_step`");
  const auto found = entries_.find(name);
  if (found != entries_.end()) {
    Entry& known = found->second;
    if (!alike(known.options, options) || is_metric != (known.metric != nullptr))
      throw InvalidArgument(quoted(name) + ": its options are not those that it was logged with before in the stage " +
                            place_.stage);
    return known;
  }
  Entry made;
  made.options = options;
  if (!is_metric && options.on_epoch) made.epoch = mean(name, options);
  if (options.rank_zero_only) {
    unfit_[shown(name, options, "epoch")] =
        "only rank 0 has it (`rank_zero_only`), and the other ranks would wait for its decision or make another";
  } else if (!options.sync_dist) {
    unfit_[shown(name, options, "epoch")] =
        "each rank has its own (`sync_dist` is false), so that ranks would decide differently";
  } else if (options.group) {
    unfit_[shown(name, options, "epoch")] =
        "it is the value of some of the ranks (`group`), so that ranks would decide differently";
  }
  return entries_.emplace(name, std::move(made)).first->second;
}

std::unique_ptr<MeanMetric> Log::mean(const std::string& name, const LogOptions& options) const {
  MetricOptions common;
  common.name = place_.stage + "/" + name;
  if (reduces(options)) {
    common.process_group =
        options.group ? std::shared_ptr<Synchroniser>(options.group) : std::shared_ptr<Synchroniser>(group_);
  } else {
    common.sync_on_compute = false;
  }
  return std::make_unique<MeanMetric>(MeanMetric::Options{.nan_strategy = aggregation::NanStrategy::Disable},
                                      std::move(common));
}

std::string Log::shown(const std::string& name, const LogOptions& options, std::string_view when) const {
  const bool both = options.on_step && options.on_epoch;
  return place_.stage + "/" + name + (both ? "_" + std::string(when) : "");
}

void Log::add(const Run& run, const std::string& name, double value, const LogOptions& options) {
  if (options.rank_zero_only && rank_ != 0) {
    check(name, options, false);
    return;
  }
  Entry& logged = entry(name, options, false);
  const double weight = options.batch_size    ? *options.batch_size
                        : run.rows != nullptr ? weight_of(*run.rows, run.samples)
                                              : 1;
  if (logged.epoch && weight > 0) logged.epoch->update(value, weight);
  if (!options.on_step) return;
  if (!logged.step) logged.step = mean(name, options);
  if (weight > 0) logged.step->update(value, weight);
}

void Log::add_dict(std::shared_ptr<Metric> metric, const LogOptions& options) {
  if (!metric) throw InvalidArgument("log_dict: expected a metric, got none");
  // In the order of the program, alike on all ranks.
  const auto is_it = [&](const auto& known) { return known.second.metric == metric; };
  const auto known = std::find_if(entries_.begin(), entries_.end(), is_it);
  const std::string name = known != entries_.end() ? known->first : "dict " + std::to_string(dicts_++);
  add(name, std::move(metric), options);
  entries_.at(name).spread = true;
}

void Log::add(const std::string& name, std::shared_ptr<Metric> metric, const LogOptions& options) {
  if (!metric) throw InvalidArgument(quoted(name) + ": expected a metric, got none");
  if (metric->is_synced())
    throw InvalidArgument(
        quoted(name) +
        ": the metric is synchronised already: log it before its stage ends, and not one of the stage's own");
  Entry& logged = entry(name, options, true);
  if (logged.metric && logged.metric != metric)
    throw InvalidArgument(quoted(name) + ": it is another metric than before in the stage " + place_.stage);
  for (const auto& [other, known] : entries_)
    if (other != name && known.metric == metric)
      throw InvalidArgument(quoted(name) + ": the metric is logged as `" + other + "` already");
  logged.metric = std::move(metric);
}

StageValues Log::end_step() {
  std::vector<Metric*> reduced;
  std::vector<std::pair<std::string, Entry*>> steps;
  for (auto& [name, entry] : entries_) {
    if (!entry.step) continue;
    steps.emplace_back(shown(name, entry.options, "step"), &entry);
    if (reduces(entry.options)) reduced.push_back(entry.step.get());
  }
  synchronize_all(reduced);
  StageValues values;
  for (auto& [name, entry] : steps) {
    values.emplace_back(name, value_of(*entry->step));
    entry->step.reset();
  }
  return values;
}

Metric& Log::names() {
  MetricOptions common;
  common.process_group = group_;
  common.name = "names of what is logged";
  names_ = std::make_unique<CatMetric>(CatMetric::Options{}, std::move(common));
  std::string text;
  for (const auto& [name, entry] : entries_)
    if (!entry.options.group && (entry.metric || (entry.epoch && reduces(entry.options))))
      text += Line{rank_, entry.metric != nullptr, name}.encoded();
  std::vector<float> bytes;
  for (const char byte : text) bytes.push_back(static_cast<float>(static_cast<unsigned char>(byte)));
  names_->update(at::tensor(bytes));
  return *names_;
}

void Log::complete(const at::Tensor& names_of_all) {
  std::string text;
  const at::Tensor bytes = names_of_all.to(at::kDouble).contiguous();
  for (int64_t i = 0; i < bytes.numel(); ++i)
    text += static_cast<char>(static_cast<unsigned char>(bytes.data_ptr<double>()[i]));
  std::map<std::string, std::set<int64_t>> ranks_of;
  std::set<std::string> metrics;
  for (const Line& line : Line::decoded(text)) {
    ranks_of[line.name].insert(line.rank);
    if (line.is_metric) metrics.insert(line.name);
  }
  const int64_t world_size = group_ ? group_->world_size() : 1;
  for (const auto& [name, ranks] : ranks_of) {
    const bool is_metric = metrics.contains(name);
    if (is_metric && static_cast<int64_t>(ranks.size()) < world_size)
      throw InvalidArgument(quoted(name) + ": the metric was logged on " + std::to_string(ranks.size()) + " of " +
                            std::to_string(world_size) + " ranks in the stage " + place_.stage +
                            ": the others had no batch, or took another way. Make it one of the stage's metrics");
    if (!is_metric && !entries_.contains(name))
      entries_[name].epoch = mean(name, LogOptions());
  }
}

Log::Ended Log::end_stage(const at::Tensor& names_of_all) {
  complete(names_of_all);
  std::vector<Metric*> reduced;
  for (auto& [name, entry] : entries_) {
    if (entry.metric && !entry.metric->is_synced()) reduced.push_back(entry.metric.get());
    if (entry.epoch && reduces(entry.options)) reduced.push_back(entry.epoch.get());
  }
  synchronize_all(reduced);
  Ended ended;
  for (auto& [name, entry] : entries_) {
    Metric* metric = entry.metric ? entry.metric.get() : entry.epoch.get();
    if (metric == nullptr) continue;
    const std::string value = shown(name, entry.options, "epoch");
    const bool agreed = reduces(entry.options) && !entry.options.group;
    StageValues& values = agreed ? ended.agreed : ended.own;
    if (entry.spread) {
      for (const auto& [key, one] : NamedValues(metric->compute())) append_value(values, place_.stage + "/" + key, one);
    } else {
      append_value(values, value, metric->compute());
    }
    if (!entry.metric) continue;
    if (metric->is_synced()) metric->unsync();
    metric->reset();
  }
  entries_.clear();
  return ended;
}

io::Object Log::state() {
  const std::array<Metric*, 1> all_names{&names()};
  synchronize_all(all_names);
  complete(value_of(*names_));
  std::vector<Metric*> reduced;
  for (auto& [name, entry] : entries_) {
    const char* what = entry.metric          ? "a logged metric"
                       : entry.options.group ? "what is logged over a `group`"
                                             : nullptr;
    if (what != nullptr) throw InvalidArgument(quoted(name) + ": a checkpoint within an epoch does not hold " + what);
    if (entry.epoch && reduces(entry.options)) reduced.push_back(entry.epoch.get());
  }
  if (!reduced.empty()) synchronize(std::span<Metric* const>(reduced));
  io::Object state = io::Object::Dict{};
  for (const auto& [name, entry] : entries_) {
    if (!entry.epoch) continue;
    io::Object one = io::Object::Dict{};
    one.set("on_step", entry.options.on_step);
    one.set("sync_dist", entry.options.sync_dist);
    one.set("rank_zero_only", entry.options.rank_zero_only);
    one.set("mean", state_of(*entry.epoch));
    state.set(name, std::move(one));
  }
  for (Metric* metric : reduced)
    if (metric->is_synced()) metric->unsync();
  return state;
}

void Log::load_state(const io::Object& state) {
  const auto* dict = state.as<io::Object::Dict>();
  if (dict == nullptr) throw InvalidArgument("log: expected a dict, got " + state.kind());
  for (const auto& [key, one] : dict->items) {
    LogOptions options;
    options.on_step = flag(one, "on_step");
    options.sync_dist = flag(one, "sync_dist");
    options.rank_zero_only = flag(one, "rank_zero_only");
    const auto* name = key.as<std::string>();
    if (name == nullptr) throw InvalidArgument("log: expected names, got " + key.kind());
    load_state_of(*entry(*name, options, false).epoch, one.at("mean"));
  }
}

void Run::log(const std::string& name, double value, const LogOptions& options) const {
  if (!logged) throw InvalidArgument(quoted(name) + ": no run is under way");
  logged->add(*this, name, value, options);
}

void Run::log(const std::string& name, const at::Tensor& value, const LogOptions& options) const {
  if (!value.defined() || value.numel() != 1 || value.is_complex())
    throw InvalidArgument(quoted(name) + ": expected a single number" +
                          (value.defined() ? ", got " + std::to_string(value.numel()) : ""));
  log(name, value.item<double>(), options);
}

void Run::log(const std::string& name, std::shared_ptr<Metric> metric, const LogOptions& options) const {
  if (!logged) throw InvalidArgument(quoted(name) + ": no run is under way");
  logged->add(name, std::move(metric), options);
}

void Run::log_dict(std::shared_ptr<Metric> metric, const LogOptions& options) const {
  if (!logged) throw InvalidArgument("log_dict: no run is under way");
  logged->add_dict(std::move(metric), options);
}

void Run::log_text(const std::string& name, const std::string& text) const {
  if (!logged) throw InvalidArgument(quoted(name) + ": no run is under way");
  for (const auto& logger : logged->loggers()) logger->text(*this, name, text);
}

void Run::log_histogram(const std::string& name, const at::Tensor& elements) const {
  if (!logged) throw InvalidArgument(quoted(name) + ": no run is under way");
  for (const auto& logger : logged->loggers()) logger->histogram(*this, name, elements);
}

void Run::log_image(const std::string& name, const at::Tensor& pixels) const {
  if (!logged) throw InvalidArgument(quoted(name) + ": no run is under way");
  if (!pixels.defined() || pixels.dim() != 3 || pixels.size(2) != 3 || pixels.scalar_type() != at::kByte)
    throw InvalidArgument(quoted(name) + ": expected pixels, uint8 of [H, W, 3]");
  for (const auto& logger : logged->loggers()) logger->image(*this, name, pixels);
}

}  // namespace metrics::trainer
