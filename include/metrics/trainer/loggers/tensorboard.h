#pragma once

#include <metrics/trainer/logger.h>

#include <filesystem>
#include <memory>
#include <string>

namespace metrics::trainer {

/// Writes event files that TensorBoard reads (`tensorboard --logdir folder`), one a run in `folder`: numbers as scalars
/// under their names
/// (`validation/accuracy`, in float32 as TensorBoard has them), and `epoch`; texts; histograms of 64 buckets of one
/// width over the finite elements; images; and each value of an epoch that is a matrix of [C, C], such as a confusion
/// matrix, as an image of its rows, each cell as dark as its share of its row, classes of up to 64 numbered at the
/// edges, up to 1024 of them drawn. Other values of an epoch are for `JsonLinesLogger`.
///
/// Values of an epoch stand at the last step that was made. A run that begins in a folder of an earlier one, or goes on
/// there, makes a file of its own and tells TensorBoard to forget what the others have from its first step on.
///
/// Each event is in the file when the call returns. Throws Error that names the file or folder and the system's reason,
/// and InvalidArgument for what is no number, no tensor of real numbers, or no image.
class METRICS_API TensorBoardLogger : public Logger {
 public:
  /// `folder` is made where it is missing, by `begin`.
  explicit TensorBoardLogger(std::filesystem::path folder);
  ~TensorBoardLogger() override;

  void begin(const Run& run) override;
  void step(const Run& run, const StageValues& values) override;
  void epoch(const Run& run, double seconds, bool best) override;
  void text(const Run& run, const std::string& name, const std::string& text) override;
  void histogram(const Run& run, const std::string& name, const at::Tensor& values) override;
  void image(const Run& run, const std::string& name, const at::Tensor& pixels) override;
  void end(const Run& run) override;

 private:
  class Events;

  std::filesystem::path folder_;
  std::unique_ptr<Events> events_;
};

}  // namespace metrics::trainer
