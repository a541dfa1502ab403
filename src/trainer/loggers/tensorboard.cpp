#include "event_records.h"
#include "matrix_image.h"
#include "numbers.h"
#include "png.h"
#include "trainer/files.h"
#include <metrics/core/errors.h>
#include <metrics/trainer/loggers/tensorboard.h>

#include <protozero/pbf_writer.hpp>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

namespace metrics::trainer {
namespace {

using protozero::pbf_writer;

// Fields of TensorFlow's messages, whose numbers stand in event.proto, summary.proto and tensor.proto.
namespace event_field {
constexpr protozero::pbf_tag_type wall_time = 1, step = 2, file_version = 3, summary = 5, session_log = 7;
}
namespace value_field {
constexpr protozero::pbf_tag_type tag = 1, simple_value = 2, image = 4, histogram = 5, tensor = 8, metadata = 9;
}

constexpr std::string_view file_beginning = "events.out.tfevents.";

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// The seconds in the name of a new file: later than those of all others of the folder, because TensorBoard reads files
/// in the order of their names.
int64_t seconds_of_new_file(const std::filesystem::path& folder) {
  auto seconds = static_cast<int64_t>(now());
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(file_beginning)) continue;
    int64_t its = 0;
    std::from_chars(name.data() + file_beginning.size(), name.data() + name.size(), its);
    if (its < seconds + (int64_t{1} << 31)) seconds = std::max(seconds, its + 1);
  }
  return seconds;
}

std::string name_of_new_file(const std::filesystem::path& folder) {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0 || host[0] == '\0') host = {"localhost"};
  return std::string(file_beginning) + std::to_string(seconds_of_new_file(folder)) + "." + host.data() + "." +
         std::to_string(::getpid()) + ".0";
}

/// Adds what `fill` writes as a message within another.
template <class Fill>
void add_message(pbf_writer& parent, protozero::pbf_tag_type field, const Fill& fill) {
  std::string bytes;
  pbf_writer writer(bytes);
  fill(writer);
  parent.add_message(field, bytes);
}

void add_number(pbf_writer& summary, const std::string& name, double number) {
  add_message(summary, 1, [&](pbf_writer& value) {
    value.add_string(value_field::tag, name);
    value.add_float(value_field::simple_value, static_cast<float>(number));
  });
}

void add_image(pbf_writer& summary, const std::string& name, const at::Tensor& pixels) {
  add_message(summary, 1, [&](pbf_writer& value) {
    value.add_string(value_field::tag, name);
    add_message(value, value_field::image, [&](pbf_writer& image) {
      image.add_int32(1, static_cast<int32_t>(pixels.size(0)));
      image.add_int32(2, static_cast<int32_t>(pixels.size(1)));
      image.add_int32(3, 3);  // red, green, blue
      image.add_bytes(4, png_of(pixels));
    });
  });
}

/// A text as the plugin `text` reads it: a tensor of one string.
void add_text(pbf_writer& summary, const std::string& name, const std::string& text) {
  add_message(summary, 1, [&](pbf_writer& value) {
    value.add_string(value_field::tag, name);
    add_message(value, value_field::tensor, [&](pbf_writer& tensor) {
      tensor.add_enum(1, 7);  // DT_STRING
      add_message(tensor, 2, [](pbf_writer& shape) {
        add_message(shape, 2, [](pbf_writer& dimension) { dimension.add_int64(1, 1); });
      });
      tensor.add_bytes(8, text);
    });
    add_message(value, value_field::metadata, [](pbf_writer& metadata) {
      add_message(metadata, 1, [](pbf_writer& plugin) { plugin.add_string(1, "text"); });
      metadata.add_enum(4, 2);  // DATA_CLASS_TENSOR
    });
  });
}

/// What TensorBoard knows of a distribution.
struct Distribution {
  static constexpr int64_t most_buckets = 64;

  explicit Distribution(const at::Tensor& values) {
    const at::Tensor all = values.detach().cpu().to(at::kDouble).contiguous();
    const double* const begin = all.const_data_ptr<double>();
    std::vector<double> finite;
    finite.reserve(static_cast<size_t>(all.numel()));
    std::copy_if(begin, begin + all.numel(), std::back_inserter(finite), [](double x) { return std::isfinite(x); });
    if (finite.empty()) return;
    const auto [least, greatest] = std::minmax_element(finite.begin(), finite.end());
    min = *least;
    max = *greatest;
    count = static_cast<double>(finite.size());
    const int64_t buckets = min < max ? most_buckets : 1;
    const double width = max / most_buckets - min / most_buckets;
    limits.assign(static_cast<size_t>(buckets), max);
    counts.assign(static_cast<size_t>(buckets), 0);
    for (int64_t i = 0; i + 1 < buckets; ++i) limits[static_cast<size_t>(i)] = min + width * static_cast<double>(i + 1);
    for (const double x : finite) {
      sum += x;
      sum_of_squares += x * x;
      // Where that is no number, because all lie within a few denormal ones, the last bucket has them.
      const double bucket = std::min(static_cast<double>(buckets - 1), std::floor((x - min) / width));
      ++counts[static_cast<size_t>(bucket)];
    }
  }

  double min = 0, max = 0, count = 0, sum = 0, sum_of_squares = 0;
  std::vector<double> limits{0};
  std::vector<double> counts{0};
};

void add_histogram(pbf_writer& summary, const std::string& name, const at::Tensor& values) {
  const Distribution distribution(values);
  add_message(summary, 1, [&](pbf_writer& value) {
    value.add_string(value_field::tag, name);
    add_message(value, value_field::histogram, [&](pbf_writer& histogram) {
      histogram.add_double(1, distribution.min);
      histogram.add_double(2, distribution.max);
      histogram.add_double(3, distribution.count);
      histogram.add_double(4, distribution.sum);
      histogram.add_double(5, distribution.sum_of_squares);
      histogram.add_packed_double(6, distribution.limits.begin(), distribution.limits.end());
      histogram.add_packed_double(7, distribution.counts.begin(), distribution.counts.end());
    });
  });
}

[[noreturn]] void refuse(const std::string& name, const char* expected, const at::Tensor& got) {
  std::ostringstream text;
  text << "`" << name << "`: expected " << expected << ", got ";
  if (got.defined()) {
    text << got.scalar_type() << " of " << got.sizes();
  } else {
    text << "an undefined tensor";
  }
  throw InvalidArgument(text.str());
}

}  // namespace

class TensorBoardLogger::Events {
 public:
  Events(const std::filesystem::path& folder, int64_t first_step)
      : file_(folder / name_of_new_file(folder), GrowingFile::Begin::New) {
    write(0, [](pbf_writer& event) { event.add_string(event_field::file_version, "brain.Event:2"); });
    write(first_step, [](pbf_writer& event) {
      add_message(event, event_field::session_log, [](pbf_writer& log) { log.add_enum(1, 1); });  // START
    });
  }

  template <class Fill>
  void add(int64_t step, const Fill& fill) {
    write(step, [&](pbf_writer& event) { add_message(event, event_field::summary, fill); });
  }

 private:
  template <class Fill>
  void write(int64_t step, const Fill& fill) {
    std::string bytes;
    pbf_writer event(bytes);
    event.add_double(event_field::wall_time, now());
    event.add_int64(event_field::step, step);
    fill(event);
    file_.write(record_of(bytes));
  }

  GrowingFile file_;
};

TensorBoardLogger::TensorBoardLogger(std::filesystem::path folder) : folder_(std::move(folder)) {}

TensorBoardLogger::~TensorBoardLogger() = default;

void TensorBoardLogger::begin(const Run& run) {
  make_folder(folder_);
  events_ = std::make_unique<Events>(folder_, Resumption(run).is_beginning() ? 0 : run.step + 1);
}

void TensorBoardLogger::step(const Run& run, const StageValues& values) {
  require_numbers(values);
  if (!events_) return;
  events_->add(step_of(run), [&](pbf_writer& summary) {
    for (const auto& [name, value] : values) add_number(summary, name, value.item<double>());
  });
}

void TensorBoardLogger::epoch(const Run& run, double, bool) {
  if (!events_) return;
  events_->add(step_of(run), [&](pbf_writer& summary) {
    add_number(summary, "epoch", static_cast<double>(run.epoch + 1));
    for (const auto& [name, value] : run.values) {
      if (is_number(value)) {
        add_number(summary, name, value.item<double>());
      } else if (is_drawn_matrix(value)) {
        add_image(summary, name, matrix_image(value));
      }
    }
  });
}

void TensorBoardLogger::text(const Run& run, const std::string& name, const std::string& text) {
  if (events_) events_->add(step_of(run), [&](pbf_writer& summary) { add_text(summary, name, text); });
}

void TensorBoardLogger::histogram(const Run& run, const std::string& name, const at::Tensor& values) {
  if (!values.defined() || values.is_complex()) refuse(name, "a tensor of real numbers", values);
  if (events_) events_->add(step_of(run), [&](pbf_writer& summary) { add_histogram(summary, name, values); });
}

void TensorBoardLogger::image(const Run& run, const std::string& name, const at::Tensor& pixels) {
  if (!pixels.defined() || pixels.scalar_type() != at::kByte || pixels.dim() != 3 || pixels.size(2) != 3 ||
      pixels.numel() == 0)
    refuse(name, "a picture, uint8 of [H, W, 3]", pixels);
  if (!events_) return;
  const at::Tensor plain = pixels.detach().cpu().contiguous();
  events_->add(step_of(run), [&](pbf_writer& summary) { add_image(summary, name, plain); });
}

void TensorBoardLogger::end(const Run&) {
  events_.reset();
}

}  // namespace metrics::trainer
