#pragma once

#include "case.h"
#include <metrics/core/weights.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace metrics::testing {

/// One way of playing a case that must give the same number as every other.
struct Way {
  std::string_view name;
  /// Says whether the case's inputs can be played so (a functional needs a name, permuting needs rows).
  bool (*applies)(const Case&);
  /// Returns what is wrong; empty when nothing is. What it throws is wrong as well.
  std::string (*play)(const Case&);
};

/// The ways that need one process. Those over ranks are in `ranks.h`.
std::span<const Way> ways();

/// Plays the case that way and returns what is wrong, exceptions included; empty when nothing is, or when the way does
/// not apply or the case excludes it.
std::string failure(const Way& way, const Case& c);

/// Tries the misuse and returns what is wrong: nothing thrown, another error than metrics::Error, a message without the
/// word, or a metric that the refused update has changed.
std::string failure(const Misuse& misuse);

/// All of the case's batches as one, without rows that are not valid; nothing where the inputs cannot be joined.
std::optional<Batch> whole_of(const Case& c);
/// Which weights of rows all of a case's units take, and whether its batches have some.
RowWeights taken_weights(const Case& c);
bool has_weights(const Case& c);
/// The same rows batch by batch, each input with a row for each; nothing where the inputs have no rows in common.
std::optional<std::vector<Batch>> batches_with_rows(const Case& c);
/// The same rows in as few batches as they can be.
std::vector<Batch> largest_with_rows(const Case& c);
/// Which rows count in the case's batch; nothing where all do.
std::optional<at::Tensor> valid_of(const Case& c, std::size_t batch);
/// The case's final value, or where it gives none that of an update for each batch.
c10::IValue expected_final(const Case& c);

/// Makes the case's metric.
std::unique_ptr<Metric> created(const Case& c, const MetricOptions& common = {});
/// Updates with the case's batches from `begin` to `end`.
void update(Metric& metric, const Case& c, std::size_t begin, std::size_t end);

}  // namespace metrics::testing
