#pragma once

#include <cstdint>
#include <optional>

/// Returns how often this thread has asked `operator new` for memory: what tensors and containers need, of the library
/// too. Nothing where a sanitizer has the program's `operator new`, whose checks of it are worth more there.
std::optional<int64_t> allocations();
