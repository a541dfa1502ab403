#pragma once

#include <metrics/aggregation/aggregation.h>
#include <metrics/core/metric.h>
#include <metrics/io/object.h>
#include <metrics/trainer/logger.h>
#include <metrics/trainer/run.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace metrics::trainer {

/// The stage that something is logged in; none between stages, where texts and pictures alone can be.
struct LogPlace {
  std::string stage;
  std::vector<std::string> taken;  ///< names that the stage's metrics have
  bool alike = false;              ///< whether all ranks make the same steps in it
};

/// What is logged while a rank goes through a stage: means of numbers, and metrics.
class Log {
 public:
  /// `group`: the ranks that train together; null for a single process. `loggers`: where texts and pictures go, none on
  /// other ranks than the first.
  Log(std::shared_ptr<ProcessGroup> group, int64_t rank, std::vector<std::shared_ptr<Logger>> loggers, LogPlace place)
      : group_(std::move(group)), rank_(rank), loggers_(std::move(loggers)), place_(std::move(place)) {}

  void add(const Run& run, const std::string& name, double value, const LogOptions& options);
  void add(const std::string& name, std::shared_ptr<Metric> metric, const LogOptions& options);
  void add_dict(std::shared_ptr<Metric> metric, const LogOptions& options);
  const std::vector<std::shared_ptr<Logger>>& loggers() const { return loggers_; }

  /// The values of a step. Collective where some were logged to be reduced.
  StageValues end_step();

  /// The names that this rank has logged, as a metric: its value over the ranks is what `end_stage` is given.
  Metric& names();
  /// What a stage's values are.
  struct Ended {
    StageValues agreed;  ///< alike on all ranks
    StageValues own;     ///< of this rank alone
  };
  /// Collective where any rank has logged something to be reduced: one exchange.
  Ended end_stage(const at::Tensor& names_of_all);
  /// The values that cannot steer a run, and why.
  const std::map<std::string, std::string>& unfit() const { return unfit_; }

  /// The means so far, over all ranks where they are to be reduced; collective. Loaded on rank 0, the others have none.
  io::Object state();
  void load_state(const io::Object& state);

 private:
  struct Entry {
    LogOptions options;
    std::unique_ptr<MeanMetric> epoch;
    std::unique_ptr<MeanMetric> step;
    std::shared_ptr<Metric> metric;
    bool spread = false;  // its value is a dict whose keys are names of their own
  };

  /// The entry of a name, new or with the options of its last call.
  Entry& entry(const std::string& name, const LogOptions& options, bool is_metric);
  std::unique_ptr<MeanMetric> mean(const std::string& name, const LogOptions& options) const;
  /// Means of nothing for what other ranks alone have logged: a rank without a batch has logged nothing, and takes
  /// part. Throws InvalidArgument for a metric that it would have to have.
  void complete(const at::Tensor& names_of_all);
  bool reduces(const LogOptions& options) const { return options.sync_dist && !options.rank_zero_only; }
  std::string shown(const std::string& name, const LogOptions& options, std::string_view when) const;

  std::shared_ptr<ProcessGroup> group_;
  int64_t rank_;
  std::vector<std::shared_ptr<Logger>> loggers_;
  LogPlace place_;
  std::map<std::string, Entry> entries_;
  int64_t dicts_ = 0;
  std::map<std::string, std::string> unfit_;
  std::unique_ptr<CatMetric> names_;
};

/// Adds a value to others; one that is a dict or a list becomes one for each of its parts.
void append_value(StageValues& values, const std::string& name, const c10::IValue& value);

/// What the rows of a batch that count weigh together.
double weight_of(const Rows& rows, int64_t samples);

}  // namespace metrics::trainer
