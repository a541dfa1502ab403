#pragma once

#include <metrics/trainer/run.h>

#include <ATen/core/Tensor.h>

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace metrics::trainer {

/// Whether a value is a single real number, as tables and charts have it.
bool is_number(const at::Tensor& value);

/// The same, of what was logged for a step. Throws InvalidArgument that names the value otherwise.
void require_numbers(const StageValues& values);

/// A number with so many significant digits.
std::string number_text(const at::Tensor& value, int digits);

/// The numbers of a value, by its shape; what JSON has no number for is null.
nlohmann::ordered_json json_of(const at::Tensor& value);

/// The step that belongs to what is logged now, from 1: the one under way in a batch that has not made one, else the
/// last that was made.
int64_t step_of(const Run& run);

/// Where a run goes on: what comes before stays in files, what does not is to come again.
struct Resumption {
  explicit Resumption(const Run& run) : epoch(run.epoch), step(run.step) {}

  bool is_beginning() const { return epoch == 0 && step == 0; }
  /// `line_epoch` from 1, as files have it.
  bool keeps_epoch(int64_t line_epoch) const { return line_epoch <= epoch; }
  bool keeps_step(int64_t line_epoch, int64_t line_step) const { return keeps_epoch(line_epoch) || line_step <= step; }

  int64_t epoch;
  int64_t step;
};

}  // namespace metrics::trainer
