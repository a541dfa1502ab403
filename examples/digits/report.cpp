#include "report.h"

#include <metrics/core/errors.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <fstream>
#include <sstream>

namespace digits {
namespace {

bool identical(float a, float b) {
  return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b);
}

bool identical(int64_t a, int64_t b) {
  return a == b;
}

/// Nine significant digits tell any two float32 values apart.
std::string text(float value) {
  std::ostringstream out;
  out.precision(9);
  out << std::fixed << value;
  return out.str();
}

std::string text(int64_t value) {
  return std::to_string(value);
}

std::string text(const std::vector<int64_t>& images) {
  std::string sum;
  for (const int64_t n : images) sum += (sum.empty() ? "" : "+") + std::to_string(n);
  return sum;
}

std::string right(const std::string& value, size_t width) {
  return value.size() < width ? std::string(width - value.size(), ' ') + value : value;
}

std::string centred(const std::string& value, size_t width) {
  const size_t space = width > value.size() ? width - value.size() : 0;
  return std::string(space / 2, ' ') + value + std::string(space - space / 2, ' ');
}

constexpr size_t kLabel = 17;
constexpr size_t kColumn = 14;

class Table {
 public:
  Table(std::ostream& out, std::span<const Report> exact, std::span<const Report> padded)
      : out_(out), exact_(exact), padded_(padded) {}

  void heading() const {
    print("", centred("each image once", kColumn * exact_.size()),
          centred("repeated, averaged", kColumn * padded_.size()));
  }

  void line() const {
    print(std::string(kLabel, '-'), std::string(kColumn * exact_.size(), '-'),
          std::string(kColumn * padded_.size(), '-'));
  }

  /// A row of texts. `cell`: Report -> string.
  template <class Cell>
  void row(const std::string& label, const Cell& cell) const {
    const auto cells = [&](std::span<const Report> reports) {
      std::string all;
      for (const Report& report : reports) all += right(cell(report), kColumn - 2) + "  ";
      return all;
    };
    print(label, cells(exact_), cells(padded_));
  }

  /// A row of results, in which whatever differs from the first gets a star. `value`: Report -> float or int64_t.
  template <class Value>
  void results(const std::string& label, const Value& value) const {
    const auto expected = value(exact_[0]);
    const auto cells = [&](std::span<const Report> reports) {
      std::string all;
      for (const Report& report : reports) {
        all += right(text(value(report)), kColumn - 2) + (identical(value(report), expected) ? "  " : " *");
      }
      return all;
    };
    print(label, cells(exact_), cells(padded_));
  }

 private:
  void print(const std::string& label, const std::string& exact, const std::string& padded) const {
    std::string all = "  " + label + std::string(kLabel - label.size(), ' ') + exact + "   " + padded;
    all.erase(all.find_last_not_of(' ') + 1);
    out_ << all << "\n";
  }

  std::ostream& out_;
  std::span<const Report> exact_;
  std::span<const Report> padded_;
};

/// What one rank counts of the rows it is given.
struct Share {
  int64_t images = 0;
  int64_t hits = 0;
  std::vector<int64_t> class_images;
  std::vector<int64_t> class_hits;
  double loss = 0;
};

double ratio(double part, double whole) {
  return whole == 0 ? 0 : part / whole;
}

}  // namespace

void Report::save(const std::filesystem::path& file) const {
  const nlohmann::json json = {{"rank", rank},
                               {"images", images},
                               {"accuracy", accuracy},
                               {"class_accuracy", class_accuracy},
                               {"mean_loss", mean_loss},
                               {"confusion_total", confusion_total},
                               {"collectives", collectives.value_or(0)},
                               {"bytes", bytes.value_or(0)}};
  std::ofstream stream(file);
  stream << json.dump(1) << "\n";
  stream.close();
  if (!stream) throw metrics::Error(file.string() + " could not be written");
}

Report Report::load(const std::filesystem::path& file) {
  try {
    const auto json = nlohmann::json::parse(std::ifstream(file));
    return {json.at("rank"),
            json.at("images"),
            json.at("accuracy"),
            json.at("class_accuracy"),
            json.at("mean_loss"),
            json.at("confusion_total"),
            json.at("collectives").get<int64_t>(),
            json.at("bytes").get<int64_t>()};
  } catch (const nlohmann::json::exception& error) {
    throw metrics::FormatError(file.string() + " is not a report: " + error.what(), file.string(), -1);
  }
}

bool same_bits(const Report& a, const Report& b) {
  return identical(a.accuracy, b.accuracy) && identical(a.mean_loss, b.mean_loss) &&
         a.confusion_total == b.confusion_total &&
         std::equal(a.class_accuracy.begin(), a.class_accuracy.end(), b.class_accuracy.begin(), b.class_accuracy.end(),
                    [](float x, float y) { return identical(x, y); });
}

double cross_entropy(std::span<const float> logits, uint8_t label) {
  const double highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - highest);
  return std::log(sum) + highest - logits[label];
}

Report padded_and_averaged(const Array<float>& scores, std::span<const uint8_t> labels, int64_t world_size) {
  const auto count = static_cast<int64_t>(labels.size());
  const auto num_classes = static_cast<size_t>(scores.shape[1]);
  const int64_t per_rank = (count + world_size - 1) / world_size;

  Report mean;
  mean.class_accuracy.resize(num_classes);
  double accuracy = 0;
  double loss = 0;
  std::vector<double> class_accuracy(num_classes);
  for (int64_t rank = 0; rank < world_size; ++rank) {
    Share share{.class_images = std::vector<int64_t>(num_classes), .class_hits = std::vector<int64_t>(num_classes)};
    for (int64_t i = 0; i < per_rank; ++i) {
      // The indices go round: after the last image comes the first again.
      const auto row = static_cast<size_t>((rank + i * world_size) % count);
      const auto logits = std::span(scores.values).subspan(row * num_classes, num_classes);
      const uint8_t label = labels[row];
      const bool hit = std::max_element(logits.begin(), logits.end()) - logits.begin() == label;
      share.images += 1;
      share.hits += hit;
      share.class_images[label] += 1;
      share.class_hits[label] += hit;
      share.loss += cross_entropy(logits, label);
    }
    const auto images = static_cast<double>(share.images);
    accuracy += ratio(static_cast<double>(share.hits), images);
    loss += ratio(share.loss, images);
    for (size_t c = 0; c < num_classes; ++c) {
      class_accuracy[c] += ratio(static_cast<double>(share.class_hits[c]), static_cast<double>(share.class_images[c]));
    }
    mean.images.push_back(share.images);
    mean.confusion_total += share.images;
  }
  const auto ranks = static_cast<double>(world_size);
  mean.accuracy = static_cast<float>(accuracy / ranks);
  mean.mean_loss = static_cast<float>(loss / ranks);
  for (size_t c = 0; c < num_classes; ++c) mean.class_accuracy[c] = static_cast<float>(class_accuracy[c] / ranks);
  return mean;
}

void print_table(std::ostream& out, std::span<const Report> exact, std::span<const Report> padded) {
  const Table table(out, exact, padded);
  table.heading();
  table.line();
  table.row("ranks", [](const Report& r) { return text(static_cast<int64_t>(r.images.size())); });
  table.row("images of each", [](const Report& r) { return text(r.images); });
  table.line();
  table.results("accuracy", [](const Report& r) { return r.accuracy; });
  for (size_t c = 0; c < exact[0].class_accuracy.size(); ++c) {
    table.results("  of class " + std::to_string(c), [c](const Report& r) { return r.class_accuracy[c]; });
  }
  table.results("mean loss", [](const Report& r) { return r.mean_loss; });
  table.results("confusion total", [](const Report& r) { return r.confusion_total; });
  table.line();
  // Nothing ran for the columns on the right: they have no cost.
  const auto cost = [](const std::optional<int64_t>& value) { return value ? text(*value) : "-"; };
  table.row("collectives", [&](const Report& r) { return cost(r.collectives); });
  table.row("bytes of a rank", [&](const Report& r) { return cost(r.bytes); });
  table.line();
}

}  // namespace digits
