#pragma once

#include "files.h"
#include "progress_bar.h"
#include <metrics/trainer/options.h>
#include <metrics/trainer/run.h>
#include <metrics/trainer/session.h>

#include <memory>

namespace torch::nn {
class Module;
}  // namespace torch::nn

namespace metrics::trainer {

/// What rank 0 shows and writes.
class Session::Outputs {
 public:
  explicit Outputs(const Options& options);

  /// Makes the folder and begins its files. Throws Error that names what cannot be written, as `write` and `save` do.
  void begin_files();
  ProgressBar& progress() { return progress_; }
  /// Values of an epoch, to the console, the table and the JSON lines.
  void write(const Run& run, double seconds, bool best);
  void save(torch::nn::Module& module, bool best);

 private:
  void print(const Run& run, double seconds, bool best);
  void write_row(const Run& run, double seconds);
  void write_json(const Run& run, double seconds, bool best);

  const Options& options_;
  ProgressBar progress_;
  std::unique_ptr<LineFile> table_;
  std::unique_ptr<LineFile> lines_;
  bool headed_ = false;
};

}  // namespace metrics::trainer
