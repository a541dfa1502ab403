#pragma once

#include <metrics/core/rows.h>
#include <metrics/core/state.h>
#include <metrics/export.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

// For metrics that count a sample once, however often and on however many ranks it was seen: beside the rows of their
// `Cat` states they keep the rows' sample ids (`Rows::ids`), and in `finalise` they leave out what came before.

namespace metrics {

/// Declares the state `_ids`. It stays empty as long as no ids are given.
METRICS_API void declare_sample_ids(States& states);

/// Whether a state is that one.
METRICS_API bool holds_sample_ids(const State& state);

/// Returns the ids of all elements of a tensor of shape `sizes` whose rows have `ids`, one after the other: int64
/// [elements, 2] with the id of the element's row and its place in that row. Rows of it are for `states["_ids"]`.
METRICS_API Tensor ids_of_elements(const Tensor& ids, at::IntArrayRef sizes);

/// Returns the positions, ascending, of the `rows` rows that are the first with their id: of copies on several ranks
/// that of the lowest rank. Nothing where no ids were given, and all rows count.
/// Throws Error when some rows have an id and others have none.
METRICS_API std::optional<std::vector<int64_t>> first_of_each_sample(const States& states, int64_t rows);

}  // namespace metrics
