#pragma once

#include <metrics/trainer/logger.h>

#include <memory>
#include <string>

namespace metrics::terminal {
class ProgressLine;
}  // namespace metrics::terminal

namespace metrics::trainer {

/// A line on a terminal that is drawn over and over: how many batches of the stage are done, how many a second, the
/// time left where the loader says how many there are, and rank 0's loss. Nothing where there is no terminal.
class METRICS_API ProgressLogger : public Logger {
 public:
  /// `terminal`: its path, such as what `tty` prints; where empty, standard error.
  explicit ProgressLogger(const std::string& terminal = {});
  ~ProgressLogger() override;

  void progress(const Run& run) override;
  /// Takes the line away, so that others write on an empty one.
  void epoch(const Run& run, double seconds, bool best) override;
  void end(const Run& run) override;

 private:
  std::unique_ptr<terminal::ProgressLine> line_;
  std::string stage_;
};

}  // namespace metrics::trainer
