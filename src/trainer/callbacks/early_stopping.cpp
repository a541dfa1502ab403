#include <metrics/core/errors.h>
#include <metrics/trainer/callbacks/early_stopping.h>

#include <cmath>
#include <memory>
#include <optional>
#include <utility>

namespace metrics::trainer {
namespace {

class EarlyStopping {
 public:
  explicit EarlyStopping(EarlyStoppingOptions options) : options_(std::move(options)) {
    if (options_.value.empty()) throw InvalidArgument("early_stopping: value: expected a name, got an empty one");
    if (options_.patience < 1)
      throw InvalidArgument("early_stopping: patience: expected at least 1, got " + std::to_string(options_.patience));
    if (!(options_.min_delta >= 0))
      throw InvalidArgument("early_stopping: min_delta: expected at least 0, got " +
                            std::to_string(options_.min_delta));
  }

  void look_at(Run& run) {
    if (!run.has(options_.value) && !run.evaluated) return;
    const double value = metrics::detail::named("early_stopping", [&] { return run.value(options_.value); });
    if (is_better(value)) {
      best_ = value;
      epochs_without_ = 0;
    } else {
      ++epochs_without_;
    }
    if (run.rank == 0 && epochs_without_ >= options_.patience) run.stop = true;
  }

  io::Object state() const {
    io::Object state = io::Object::Dict{};
    state.set("best", best_ ? io::Object(*best_) : io::Object());
    state.set("epochs_without", epochs_without_);
    return state;
  }

  void load(const io::Object& state) {
    const auto* epochs = state.at("epochs_without").as<int64_t>();
    if (epochs == nullptr) throw InvalidArgument("early_stopping: `epochs_without`: expected an integer");
    const auto* best = state.at("best").as<double>();
    epochs_without_ = *epochs;
    best_ = best != nullptr ? std::optional(*best) : std::nullopt;
  }

 private:
  bool is_better(double value) const {
    if (std::isnan(value)) return false;
    if (!best_) return true;
    return options_.better == Better::Higher ? value > *best_ + options_.min_delta
                                             : value < *best_ - options_.min_delta;
  }

  EarlyStoppingOptions options_;
  std::optional<double> best_;
  int64_t epochs_without_ = 0;
};

}  // namespace

Callback early_stopping(EarlyStoppingOptions options) {
  const auto stopping = std::make_shared<EarlyStopping>(std::move(options));
  Callback callback;
  callback.epoch_ended = [stopping](Run& run) { stopping->look_at(run); };
  callback.state = [stopping] { return stopping->state(); };
  callback.load_state = [stopping](const io::Object& state) { stopping->load(state); };
  return callback;
}

}  // namespace metrics::trainer
