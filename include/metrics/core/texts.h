#pragma once

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace metrics {

/// An input that may be one text or several: each is a row. UTF-8 is expected where a metric looks at characters.
class Texts {
 public:
  Texts(std::vector<std::string> texts) : texts_(std::move(texts)) {}
  Texts(std::initializer_list<std::string> texts) : texts_(texts) {}
  template <std::convertible_to<std::string> Text>
  Texts(Text&& text) {
    texts_.emplace_back(std::forward<Text>(text));
  }

  std::size_t size() const { return texts_.size(); }
  const std::string& operator[](std::size_t index) const { return texts_[index]; }
  auto begin() const { return texts_.begin(); }
  auto end() const { return texts_.end(); }
  const std::vector<std::string>& all() const { return texts_; }

 private:
  std::vector<std::string> texts_;
};

}  // namespace metrics
