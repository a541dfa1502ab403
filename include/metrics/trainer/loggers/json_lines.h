#pragma once

#include <metrics/trainer/logger.h>

#include <filesystem>
#include <memory>
#include <string>

namespace metrics::trainer {

class GrowingFile;

/// A JSON object a line, in `values.jsonl`: for an epoch `{"epoch", values of any shape, "seconds", "best"}`, for a
/// step `{"epoch", "step", values}`, for a text `{"epoch", "step", "name", "text"}`. Epochs count from 1. What JSON has
/// no number for (NaN, infinities) is null.
///
/// Goes on with the file and throws as `CsvLogger` does.
class METRICS_API JsonLinesLogger : public Logger {
 public:
  explicit JsonLinesLogger(std::filesystem::path folder);
  ~JsonLinesLogger() override;

  void begin(const Run& run) override;
  void step(const Run& run, const StageValues& values) override;
  void epoch(const Run& run, double seconds, bool best) override;
  void text(const Run& run, const std::string& name, const std::string& text) override;
  void end(const Run& run) override;

 private:
  std::filesystem::path folder_;
  std::unique_ptr<GrowingFile> lines_;
};

}  // namespace metrics::trainer
