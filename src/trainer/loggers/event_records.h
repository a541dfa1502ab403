#pragma once

#include <metrics/export.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace metrics::trainer {

/// The CRC-32C (Castagnoli) of bytes, as RFC 3720 has it.
METRICS_API uint32_t crc32c(std::string_view bytes);

/// Data as a record of a TFRecord file: its length, that of which the masked CRC is, the data, and its masked CRC.
std::string record_of(std::string_view data);

}  // namespace metrics::trainer
