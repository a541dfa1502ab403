#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

/// Returns how often this thread has asked `operator new` for memory: what tensors and containers need, of the library
/// too. Nothing where a sanitizer has the program's `operator new`, whose checks of it are worth more there.
std::optional<int64_t> allocations();

/// Returns how many bytes the largest piece was that this thread has asked `operator new` for since this was last
/// called. Nothing under a sanitizer, too.
std::optional<std::size_t> largest_allocation();
