#pragma once

#include <string>

namespace metrics_test {

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace metrics_test
