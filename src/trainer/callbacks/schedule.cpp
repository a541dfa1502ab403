#include <metrics/core/errors.h>
#include <metrics/trainer/callbacks/schedule.h>

#include <torch/optim/schedulers/lr_scheduler.h>
#include <torch/optim/schedulers/reduce_on_plateau_scheduler.h>

#include <cstdint>
#include <utility>

namespace metrics::trainer {
namespace {

/// A scheduler, and all that it was given: what one made anew needs to be where it is.
template <class Scheduler>
struct Followed {
  explicit Followed(std::shared_ptr<Scheduler> given) : scheduler(std::move(given)) {
    if (!scheduler) throw InvalidArgument("schedule: expected a scheduler, got none");
  }
  std::shared_ptr<Scheduler> scheduler;
  io::Object::List values;  // of a plateau
  int64_t steps = 0;
};

}  // namespace

Callback schedule(std::shared_ptr<torch::optim::LRScheduler> scheduler, Each each) {
  const auto followed = std::make_shared<Followed<torch::optim::LRScheduler>>(std::move(scheduler));
  const auto step = [followed](Run&) {
    followed->scheduler->step();
    ++followed->steps;
  };
  Callback callback;
  if (each == Each::Epoch) {
    callback.epoch_ended = step;
  } else {
    callback.batch_ended = [step](Run& run) {
      if (run.stepped) step(run);
    };
  }
  callback.state = [followed] { return io::Object(followed->steps); };
  callback.load_state = [followed, step](const io::Object& state) {
    const int64_t* steps = state.as<int64_t>();
    if (steps == nullptr || *steps < followed->steps)
      throw InvalidArgument("schedule: expected a number of steps that the scheduler can catch up with, got " +
                            state.kind());
    Run none;
    while (followed->steps < *steps) step(none);
  };
  return callback;
}

Callback schedule(std::shared_ptr<torch::optim::ReduceLROnPlateauScheduler> scheduler, std::string value) {
  if (value.empty()) throw InvalidArgument("schedule: value: expected a name, got an empty one");
  const auto followed = std::make_shared<Followed<torch::optim::ReduceLROnPlateauScheduler>>(std::move(scheduler));
  const auto step = [followed](double given) {
    followed->scheduler->step(static_cast<float>(given));
    followed->values.emplace_back(given);
  };
  Callback callback;
  callback.epoch_ended = [step, value = std::move(value)](Run& run) {
    if (!run.has(value) && !run.evaluated) return;
    step(metrics::detail::named("schedule", [&] { return run.value(value); }));
  };
  callback.state = [followed] { return io::Object(followed->values); };
  callback.load_state = [followed, step](const io::Object& state) {
    const auto* values = state.as<io::Object::List>();
    if (values == nullptr || !followed->values.empty())
      throw InvalidArgument("schedule: expected a list of values, for a scheduler that has taken no step");
    for (const io::Object& one : *values)
      if (one.as<double>() == nullptr) throw InvalidArgument("schedule: expected numbers, got " + one.kind());
    for (const io::Object& one : *values) step(*one.as<double>());
  };
  return callback;
}

}  // namespace metrics::trainer
