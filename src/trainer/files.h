#pragma once

#include <filesystem>
#include <string_view>

namespace metrics::trainer {

/// A file that grows by lines. Throws Error that names the file and the system's reason.
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
