#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace metrics::eval {

/// A file in the folder for temporary ones that nobody sees, and that is gone with whoever holds it: for what is too
/// large for memory and lies in no file.
class Spool {
 public:
  /// `content`: what it is to hold, for errors.
  explicit Spool(std::string content);
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  /// Throws Error that says why the bytes cannot be kept.
  void append(std::string_view bytes);
  /// A path by which this process and those that it starts can open it.
  std::filesystem::path path() const;

 private:
  std::string content_;
  int descriptor_;
};

/// Keeps what a descriptor gives until its end. Throws Error.
void append_all(Spool& spool, int descriptor);

}  // namespace metrics::eval
