#include "progress.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace metrics::eval {

Progress::Progress(const std::string& terminal) {
  if (terminal.empty()) return;
  descriptor_ = ::open(terminal.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC);
  if (descriptor_ >= 0 && ::isatty(descriptor_) != 1) ::close(std::exchange(descriptor_, -1));
}

Progress::~Progress() {
  if (descriptor_ < 0) return;
  if (drawn_) write("\r\x1b[K");
  ::close(descriptor_);
}

void Progress::write(const std::string& text) const {
  // A failure is ignored, because a line that a terminal does not take is missed by nobody.
  [[maybe_unused]] const ssize_t count = ::write(descriptor_, text.data(), text.size());
}

void Progress::show(int64_t rows, int64_t of) {
  constexpr std::chrono::milliseconds between(100);
  constexpr int64_t width = 30;
  const auto now = std::chrono::steady_clock::now();
  if (descriptor_ < 0 || now < next_) return;
  next_ = now + between;
  drawn_ = true;
  const auto filled = static_cast<std::size_t>(width * rows / std::max<int64_t>(of, 1));
  write("\r[" + std::string(filled, '=') + std::string(static_cast<std::size_t>(width) - filled, ' ') + "] " +
        std::to_string(rows) + "/" + std::to_string(of) + " rows\x1b[K");
}

}  // namespace metrics::eval
