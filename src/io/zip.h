#pragma once

#include "source.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace metrics::io {

/// A file within a zip archive: where its bytes lie, as they are stored.
struct ZipEntry {
  enum class Method : uint8_t { Stored, Deflated };

  std::string_view name;
  Method method;
  uint32_t checksum;   ///< CRC-32 of the full bytes
  uint64_t header;     ///< offset of its local header
  uint64_t begin;      ///< offset of its bytes
  uint64_t size;       ///< of its bytes as stored
  uint64_t full_size;  ///< claimed size after inflating; that of the stored bytes where they are not deflated
};

/// The entries of a zip archive in the order of its directory, with and without ZIP64.
/// Throws FormatError for what is no archive, is encrypted or split over disks, for names that occur twice or lead out
/// of a folder, and for entries that overlap, lie outside of the file or say other things in their own headers than in
/// the directory.
std::vector<ZipEntry> read_zip_directory(const Source& source);

/// Whether checksums of an archive say anything: writers that leave them out write 0 for all.
bool has_checksums(const std::vector<ZipEntry>& entries);

/// Throws FormatError where the stored bytes are others than the checksum was made of.
void require_checksum(const Source& source, const ZipEntry& entry);

}  // namespace metrics::io
