#pragma once

#include <metrics/trainer/logger.h>
#include <metrics/trainer/options.h>
#include <metrics/trainer/session.h>

#include <memory>
#include <vector>

namespace torch::nn {
class Module;
}  // namespace torch::nn

namespace metrics::trainer {

/// What rank 0 shows and writes: a list of loggers, and the weights.
class Session::Outputs {
 public:
  explicit Outputs(const Options& options);

  /// Calls all loggers, in their order: `call(&Logger::epoch, run, seconds, best)`.
  template <class... Parameters, class... Arguments>
  void call(void (Logger::*what)(Parameters...), const Arguments&... arguments) {
    for (const std::shared_ptr<Logger>& logger : loggers_) (*logger.*what)(arguments...);
  }

  /// Throws Error that names what cannot be written.
  void save(torch::nn::Module& module, bool best);

 private:
  const Options& options_;
  std::vector<std::shared_ptr<Logger>> loggers_;
};

}  // namespace metrics::trainer
