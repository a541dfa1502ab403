#pragma once

#include <metrics/export.h>
#include <metrics/trainer/run.h>

#include <ATen/core/Tensor.h>

#include <string>

namespace metrics::trainer {

/// Where a run's values go: a console, a file, a service. Loggers are called on rank 0 alone, and talk to no other
/// rank. One that throws ends the run on all ranks with its message.
class METRICS_API Logger {
 public:
  Logger() = default;
  virtual ~Logger();
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  /// A run begins, or goes on where `run.epoch` and `run.step` say. Files are opened here; calls before and after a run
  /// write nothing to them.
  virtual void begin(const Run& run);
  /// A batch has ended, for those that show progress.
  virtual void progress(const Run& run);
  /// What was logged for one step: single numbers, by `stage/name`. `run.step` counts it where `run.stepped`, and in
  /// evaluations; a batch whose gradients wait for a later one is part of the step after that.
  virtual void step(const Run& run, const StageValues& values);
  /// The values of an epoch, `run.values`, of any shape; `best`: they are the best so far.
  virtual void epoch(const Run& run, double seconds, bool best);
  virtual void text(const Run& run, const std::string& name, const std::string& text);
  /// The distribution of a tensor's elements.
  virtual void histogram(const Run& run, const std::string& name, const at::Tensor& values);
  /// A picture, uint8 of [H, W, 3].
  virtual void image(const Run& run, const std::string& name, const at::Tensor& pixels);
  /// The run has ended. What was given before is in the files already: an ended process loses nothing of it.
  virtual void end(const Run& run);
};

}  // namespace metrics::trainer
