#pragma once

#include <metrics/trainer/logger.h>

#include <filesystem>
#include <memory>

namespace metrics::trainer {

/// Tables of the values that are single numbers: `values.csv` has a line for each epoch (`epoch` from 1, values,
/// `seconds`), `steps.csv` one for each step that something was logged for (`epoch`, `step`, values). A value that
/// comes later than the others is a further column before the last one, empty above; numbers are written so that
/// reading gives the same ones.
///
/// A run that goes on (`begin` with an epoch or a step above 0) goes on with the files: lines of epochs and steps that
/// are to come are taken out, and so is a line that was cut off. Each line is in the file when the call returns. Throws
/// Error that names the file or folder and the system's reason, and InvalidArgument for a value of a step that is no
/// single number.
class METRICS_API CsvLogger : public Logger {
 public:
  /// `folder` is made where it is missing, by `begin`.
  explicit CsvLogger(std::filesystem::path folder);
  ~CsvLogger() override;

  void begin(const Run& run) override;
  void step(const Run& run, const StageValues& values) override;
  void epoch(const Run& run, double seconds, bool best) override;
  void end(const Run& run) override;

 private:
  class Table;

  std::filesystem::path folder_;
  std::unique_ptr<Table> epochs_;
  std::unique_ptr<Table> steps_;
};

}  // namespace metrics::trainer
