#pragma once

#include "source.h"

#include <filesystem>

namespace metrics::io {

/// A file's bytes as memory that is read when it is looked at, and written never.
class MappedFile {
 public:
  /// Throws FormatError that names the file and the system's reason.
  explicit MappedFile(const std::filesystem::path& file);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const Source& source() const { return source_; }

 private:
  Source source_;
};

}  // namespace metrics::io
