#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace metrics::classification::counts {

/// Memory for so many numbers, which hold anything: the stack's up to `few`, else what the thread keeps for the next
/// call, so that updates take none from the heap. For what grows with the labels, not with the rows.
template <class T, int64_t few>
class Room {
 public:
  explicit Room(int64_t size) {
    data_ = few_.data();
    if (size <= few) return;
    borrows_ = !kept().lent;
    std::vector<T>& memory = borrows_ ? kept().memory : own_;  // its own inside of another room
    if (static_cast<int64_t>(memory.size()) < size) memory.resize(static_cast<std::size_t>(size));
    if (borrows_) kept().lent = true;
    data_ = memory.data();
  }
  ~Room() {
    if (borrows_) kept().lent = false;
  }
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;

  T* data() { return data_; }

 private:
  struct Kept {
    std::vector<T> memory;
    bool lent = false;
  };
  static Kept& kept() {
    thread_local Kept kept;
    return kept;
  }

  std::array<T, static_cast<std::size_t>(few)> few_;
  T* data_ = nullptr;
  bool borrows_ = false;
  std::vector<T> own_;
};

}  // namespace metrics::classification::counts
