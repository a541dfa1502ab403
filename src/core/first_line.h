#pragma once

#include <exception>
#include <string>

namespace metrics::detail {

/// What c10 says of a failure, without the C++ stack that may follow its first line.
inline std::string first_line(const std::exception& error) {
  const std::string text = error.what();
  return text.substr(0, text.find('\n'));
}

}  // namespace metrics::detail
