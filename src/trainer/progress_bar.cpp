#include "progress_bar.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace metrics::trainer {
namespace {

constexpr auto redraw_interval = std::chrono::milliseconds(100);
constexpr int64_t bar_width = 24;

std::string bar(int64_t done, int64_t all) {
  const int64_t filled = all > 0 ? std::min(bar_width, done * bar_width / all) : 0;
  return "[" + std::string(static_cast<size_t>(filled), '=') +
         std::string(static_cast<size_t>(bar_width - filled), ' ') + "]";
}

void put(int descriptor, const std::string& text) {
  // A failure is ignored, because a line that a terminal does not take is missed by nobody.
  [[maybe_unused]] const ssize_t count = ::write(descriptor, text.data(), text.size());
}

}  // namespace

ProgressBar::ProgressBar(const std::string& terminal) {
  own_ = !terminal.empty();
  const int descriptor = own_ ? ::open(terminal.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC) : STDERR_FILENO;
  if (descriptor >= 0 && ::isatty(descriptor) == 1) {
    descriptor_ = descriptor;
  } else if (own_ && descriptor >= 0) {
    ::close(descriptor);
  }
}

ProgressBar::~ProgressBar() {
  clear();
  if (own_ && descriptor_ >= 0) ::close(descriptor_);
}

void ProgressBar::show(const Run& run) {
  const auto now = std::chrono::steady_clock::now();
  if (descriptor_ < 0 || now < next_) return;
  next_ = now + redraw_interval;
  drawn_ = true;
  const int64_t done = run.batch + 1;
  std::string line =
      "epoch " + std::to_string(run.epoch + 1) + "/" + std::to_string(run.epochs) + " " + run.stage + " ";
  if (run.batches) line += bar(done, *run.batches) + " ";
  line += std::to_string(done) + (run.batches ? "/" + std::to_string(*run.batches) : "");
  if (run.loss.defined()) {
    char loss[32];
    std::snprintf(loss, sizeof(loss), "  loss %.4g", run.loss.mean().item<double>());
    line += loss;
  }
  winsize size{};
  if (::ioctl(descriptor_, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 && line.size() >= size.ws_col)
    line.resize(size.ws_col - 1u);
  put(descriptor_, "\r" + line + "\x1b[K");
}

void ProgressBar::clear() {
  if (drawn_) put(descriptor_, "\r\x1b[K");
  drawn_ = false;
  next_ = {};
}

}  // namespace metrics::trainer
