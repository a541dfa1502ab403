#pragma once

#include <metrics/core/metric.h>
#include <metrics/export.h>

#include <array>
#include <concepts>
#include <span>

namespace metrics {

/// Replaces the states of all these metrics by those merged over the ranks, as each one's `sync` would, with one
/// exchange for all of them: `compute` then talks to nobody, and `unsync` puts the local states back. Metrics of
/// different groups take one exchange for each group; those with a `dist_sync_fn` use that. Collective: every rank
/// names the same metrics in the same order. One that is named twice is one metric. Nothing happens to metrics without
/// ranks to merge over.
/// Throws Error when one is synced already, SyncError when the ranks cannot agree; then none has changed.
METRICS_API void synchronize(std::span<Metric* const> metrics);

/// The same: `synchronize(accuracy, confusion, loss)`.
template <std::derived_from<Metric>... M>
void synchronize(M&... metrics) {
  const std::array<Metric*, sizeof...(M)> pointers{&metrics...};
  synchronize(std::span<Metric* const>(pointers));
}

/// The same where nothing but values is asked for until `unsync`: rows of metrics that compute on ranges of them
/// (docs/scale.md) stay on their ranks, of which `metric_state` and state dicts then throw Error.
METRICS_API void synchronize_values(std::span<Metric* const> metrics);

}  // namespace metrics
