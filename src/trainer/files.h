#pragma once

#include <filesystem>
#include <string_view>

namespace metrics::trainer {

/// Writes a file under a temporary name, flushes it to the disk and renames it: the name holds the old bytes or the new
/// ones, whole. Throws Error that names the file and the system's reason.
void write_whole(const std::filesystem::path& file, std::string_view bytes);

/// A file that grows by lines. Throws Error as above.
class LineFile {
 public:
  explicit LineFile(std::filesystem::path file);
  ~LineFile();
  LineFile(const LineFile&) = delete;
  LineFile& operator=(const LineFile&) = delete;

  void write(std::string_view line);

 private:
  std::filesystem::path file_;
  int descriptor_;
};

}  // namespace metrics::trainer
