#include "progress_line.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

namespace metrics::terminal {
namespace {

constexpr auto redraw_interval = std::chrono::milliseconds(100);
constexpr int64_t bar_width = 24;

std::string bar(int64_t done, int64_t of) {
  const double fraction = of > 0 ? static_cast<double>(done) / static_cast<double>(of) : 0;
  const auto filled = static_cast<int64_t>(std::clamp(fraction, 0.0, 1.0) * static_cast<double>(bar_width));
  return "[" + std::string(static_cast<std::size_t>(filled), '=') +
         std::string(static_cast<std::size_t>(bar_width - filled), ' ') + "]";
}

/// Three digits, and whole numbers from a hundred on.
std::string rate_text(double per_second) {
  char text[48];
  std::snprintf(text, sizeof(text), per_second < 100 ? "%.3g/s" : "%.0f/s", per_second);
  return text;
}

/// `0:07`, `12:34`, `3:00:00`.
std::string duration_text(double seconds) {
  const auto whole = static_cast<int64_t>(std::min(std::ceil(seconds), 3.6e9));
  char text[48];
  if (whole < 3600) {
    std::snprintf(text, sizeof(text), "%d:%02d", static_cast<int>(whole / 60), static_cast<int>(whole % 60));
  } else {
    std::snprintf(text, sizeof(text), "%lld:%02d:%02d", static_cast<long long>(whole / 3600),
                  static_cast<int>(whole / 60 % 60), static_cast<int>(whole % 60));
  }
  return text;
}

void put(int descriptor, const std::string& text) {
  // A failure is ignored, because a line that a terminal does not take is missed by nobody.
  [[maybe_unused]] const ssize_t count = ::write(descriptor, text.data(), text.size());
}

}  // namespace

std::string text_of(const Standing& standing) {
  const auto& [done, of, unit, per_second] = standing;
  std::string text = (of ? bar(done, *of) + " " : "") + std::to_string(done) + (of ? "/" + std::to_string(*of) : "");
  if (!unit.empty()) text += " " + unit;
  if (!per_second || !(*per_second > 0)) return text;
  text += "  " + rate_text(*per_second);
  if (of) text += "  " + duration_text(static_cast<double>(std::max<int64_t>(*of - done, 0)) / *per_second) + " left";
  return text;
}

ProgressLine::ProgressLine(const std::string& terminal) {
  if (terminal.empty()) return;
  descriptor_ = ::open(terminal.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC);
  if (descriptor_ >= 0 && ::isatty(descriptor_) != 1) ::close(std::exchange(descriptor_, -1));
  own_ = descriptor_ >= 0;
}

ProgressLine::ProgressLine(int descriptor) : descriptor_(::isatty(descriptor) == 1 ? descriptor : -1) {}

ProgressLine::~ProgressLine() {
  clear();
  if (own_) ::close(descriptor_);
}

void ProgressLine::start(int64_t done) {
  first_ = done;
  started_ = Clock::now();
}

std::optional<double> ProgressLine::rate(int64_t done) const {
  const std::chrono::duration<double> elapsed = Clock::now() - started_;
  if (done <= first_ || elapsed.count() <= 0) return std::nullopt;
  return static_cast<double>(done - first_) / elapsed.count();
}

void ProgressLine::draw(const std::string& before, Standing standing, const std::string& after) {
  if (descriptor_ < 0) return;
  standing.per_second = rate(standing.done);
  next_ = Clock::now() + redraw_interval;
  drawn_ = true;
  std::string line = before + text_of(standing) + after;
  winsize size{};
  if (::ioctl(descriptor_, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 && line.size() >= size.ws_col)
    line.resize(size.ws_col - 1u);
  put(descriptor_, "\r" + line + "\x1b[K");
}

void ProgressLine::clear() {
  if (drawn_) put(descriptor_, "\r\x1b[K");
  drawn_ = false;
  next_ = {};
}

}  // namespace metrics::terminal
