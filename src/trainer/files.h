#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace metrics::trainer {

// All throw Error that names the file or folder and the system's reason.

/// Makes a folder where it is missing.
void make_folder(const std::filesystem::path& folder);

/// What a file holds, where it is a regular one; else nothing.
std::string content_of(const std::filesystem::path& file);

/// Takes out of a file those lines that `keep` refuses, given each with its number from 0, and one at the end that was
/// cut off: by a file that takes its place. Nothing is done where there is no regular file.
void keep_lines(const std::filesystem::path& file,
                const std::function<bool(std::string_view line, std::size_t number)>& keep);

/// A file that grows. What was given is in it when the call returns: a process that ends, however it does, loses
/// nothing of it.
class GrowingFile {
 public:
  enum class Begin {
    Empty,  ///< what it held is gone
    New,    ///< it must not be there yet
    End,    ///< behind what it holds
  };

  GrowingFile(std::filesystem::path file, Begin begin);
  ~GrowingFile();
  GrowingFile(const GrowingFile&) = delete;
  GrowingFile& operator=(const GrowingFile&) = delete;

  void write(std::string_view bytes);
  void write_line(std::string line);

 private:
  std::filesystem::path file_;
  int descriptor_;
};

}  // namespace metrics::trainer
