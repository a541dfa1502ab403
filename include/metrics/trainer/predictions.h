#pragma once

#include <metrics/core/rows.h>
#include <metrics/export.h>
#include <metrics/trainer/ranks.h>
#include <metrics/trainer/stage.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace metrics::trainer {

/// What a model says of each sample, collected over batches and ranks.
class METRICS_API Predictions {
 public:
  explicit Predictions(std::string stage) : stage_(std::move(stage)) {}

  /// Takes the outputs of a batch: by name, those by position as `preds` and `target`. Rows that are not valid are left
  /// out. Throws InvalidArgument for outputs without a row for each sample.
  void add(const Result& result, const Rows& rows, int64_t samples);
  /// Collective: rank 0 writes a .safetensors file of all samples in the order of their ids, each once, and their
  /// `ids`. Throws InvalidArgument where ranks have to say which samples they have and do not.
  void write(const std::filesystem::path& file, const Ranks& ranks) const;

 private:
  std::string stage_;
  std::map<std::string, std::vector<at::Tensor>> columns_;  // a part for each batch
  std::vector<at::Tensor> ids_;
  int64_t samples_ = 0;
  bool without_ids_ = false;
};

}  // namespace metrics::trainer
