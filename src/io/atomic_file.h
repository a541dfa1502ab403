#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>

namespace metrics::io {

/// A file that is written under another name beside its own and renamed when it is whole, so that the name holds the
/// old bytes or the new ones at any moment. What is no regular file, such as a pipe, is written to as it is.
class AtomicFile {
 public:
  /// Throws Error that names the file and the system's reason, as all do here.
  explicit AtomicFile(const std::filesystem::path& file);
  /// Takes away what was not committed.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::string_view bytes);
  /// Flushes to the disk and renames.
  void commit();

 private:
  [[noreturn]] void fail();

  std::filesystem::path name_;     ///< as it was given, for errors
  std::filesystem::path file_;     ///< what the name stands for
  std::filesystem::path written_;  ///< what bytes go to
  int descriptor_ = -1;
};

}  // namespace metrics::io
