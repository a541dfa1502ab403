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

double ratio(double part, double whole) {
  return whole == 0 ? 0 : part / whole;
}

double log_of_sum(std::span<const float> logits) {
  const double highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - highest);
  return std::log(sum) + highest;
}

/// A row of scores with its label.
struct Scored {
  std::span<const float> logits;
  size_t label;
  size_t guess;
  double log_sum;
};

Scored scored(const Array<float>& scores, std::span<const uint8_t> labels, size_t row) {
  const auto num_classes = static_cast<size_t>(scores.shape[1]);
  const auto logits = std::span(scores.values).subspan(row * num_classes, num_classes);
  const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
  return {logits, labels[row], static_cast<size_t>(best), log_of_sum(logits)};
}

/// Each row's log-probability of a class, and whether that is its label.
using Ranking = std::vector<std::pair<double, bool>>;

/// The fraction of pairs of a row of the class and another that are ranked right; ties count half.
double area_under_roc(const Ranking& ranking) {
  double right = 0, pairs = 0;
  for (const auto& [yes, is_yes] : ranking) {
    for (const auto& [no, is_no] : ranking) {
      if (!is_yes || is_no) continue;
      pairs += 1;
      right += yes > no ? 1 : yes == no ? 0.5 : 0;
    }
  }
  return ratio(right, pairs);
}

/// The mean over rows of the class of the precision among the rows that are ranked no lower.
double average_precision_of(const Ranking& ranking) {
  double sum = 0, positives = 0;
  for (const auto& [score, is_yes] : ranking) {
    if (!is_yes) continue;
    double above = 0, hits = 0;
    for (const auto& [other, other_is_yes] : ranking) {
      if (other < score) continue;
      above += 1;
      hits += other_is_yes;
    }
    sum += hits / above;
    positives += 1;
  }
  return ratio(sum, positives);
}

/// What is said of one class.
struct OfClass {
  double accuracy, f1, auroc, average_precision;
  bool occurs;
};

OfClass of_class(const std::vector<Scored>& rows, size_t c) {
  double tp = 0, predicted = 0, labelled = 0;
  Ranking ranking;
  for (const Scored& row : rows) {
    tp += row.guess == c && row.label == c;
    predicted += row.guess == c;
    labelled += row.label == c;
    ranking.emplace_back(row.logits[c] - row.log_sum, row.label == c);
  }
  return {ratio(tp, labelled), ratio(2 * tp, predicted + labelled), area_under_roc(ranking),
          average_precision_of(ranking), predicted + labelled > 0};
}

/// Results before they are rounded.
struct Sums {
  std::vector<double> class_accuracy;
  double accuracy = 0, macro_f1 = 0, auroc = 0, average_precision = 0, mean_loss = 0;
};

/// Adds what a rank would report of its rows, by counting them one by one.
void add_report(Sums& sums, const std::vector<Scored>& rows) {
  double hits = 0, loss = 0, f1 = 0, auroc = 0, average_precision = 0, occurring = 0;
  for (const Scored& row : rows) {
    hits += row.guess == row.label;
    loss += row.log_sum - row.logits[row.label];
  }
  for (size_t c = 0; c < sums.class_accuracy.size(); ++c) {
    const OfClass one = of_class(rows, c);
    sums.class_accuracy[c] += one.accuracy;
    f1 += one.f1;
    occurring += one.occurs;
    auroc += one.auroc;
    average_precision += one.average_precision;
  }
  const auto images = static_cast<double>(rows.size()), classes = static_cast<double>(sums.class_accuracy.size());
  sums.accuracy += ratio(hits, images);
  sums.mean_loss += ratio(loss, images);
  sums.macro_f1 += ratio(f1, occurring);
  sums.auroc += ratio(auroc, classes);
  sums.average_precision += ratio(average_precision, classes);
}

}  // namespace

void Report::save(const std::filesystem::path& file) const {
  const nlohmann::json json = {{"rank", rank},
                               {"images", images},
                               {"accuracy", accuracy},
                               {"class_accuracy", class_accuracy},
                               {"macro_f1", macro_f1},
                               {"auroc", auroc},
                               {"average_precision", average_precision},
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
            json.at("macro_f1"),
            json.at("auroc"),
            json.at("average_precision"),
            json.at("mean_loss"),
            json.at("confusion_total"),
            json.at("collectives").get<int64_t>(),
            json.at("bytes").get<int64_t>()};
  } catch (const nlohmann::json::exception& error) {
    throw metrics::FormatError(file.string() + " is not a report: " + error.what(), file.string(), -1);
  }
}

bool same_bits(const Report& a, const Report& b) {
  return identical(a.accuracy, b.accuracy) && identical(a.macro_f1, b.macro_f1) && identical(a.auroc, b.auroc) &&
         identical(a.average_precision, b.average_precision) && identical(a.mean_loss, b.mean_loss) &&
         a.confusion_total == b.confusion_total &&
         std::equal(a.class_accuracy.begin(), a.class_accuracy.end(), b.class_accuracy.begin(), b.class_accuracy.end(),
                    [](float x, float y) { return identical(x, y); });
}

double cross_entropy(std::span<const float> logits, uint8_t label) {
  return log_of_sum(logits) - logits[label];
}

Report padded_and_averaged(const Array<float>& scores, std::span<const uint8_t> labels, int64_t world_size) {
  const auto count = static_cast<int64_t>(labels.size());
  const int64_t per_rank = (count + world_size - 1) / world_size;
  Report mean;
  Sums sums{.class_accuracy = std::vector<double>(static_cast<size_t>(scores.shape[1]))};
  for (int64_t rank = 0; rank < world_size; ++rank) {
    std::vector<Scored> rows;
    // The indices go round: after the last image comes the first again.
    for (int64_t i = 0; i < per_rank; ++i)
      rows.push_back(scored(scores, labels, static_cast<size_t>((rank + i * world_size) % count)));
    add_report(sums, rows);
    mean.images.push_back(per_rank);
    mean.confusion_total += per_rank;
  }
  const auto averaged = [&](double sum) { return static_cast<float>(sum / static_cast<double>(world_size)); };
  mean.accuracy = averaged(sums.accuracy);
  mean.macro_f1 = averaged(sums.macro_f1);
  mean.auroc = averaged(sums.auroc);
  mean.average_precision = averaged(sums.average_precision);
  mean.mean_loss = averaged(sums.mean_loss);
  for (const double sum : sums.class_accuracy) mean.class_accuracy.push_back(averaged(sum));
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
  table.results("macro F1", [](const Report& r) { return r.macro_f1; });
  table.results("AUROC", [](const Report& r) { return r.auroc; });
  table.results("avg. precision", [](const Report& r) { return r.average_precision; });
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
