#pragma once

#include <cstdint>

/// Returns how often this thread has asked `operator new` for memory: what tensors and containers need, of the library
/// too.
int64_t allocations();
