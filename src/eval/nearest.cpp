#include "nearest.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <numeric>
#include <utility>

namespace metrics::eval {
namespace {

constexpr std::size_t most_meant = 3;
constexpr std::size_t most_listed = 20;

char lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

/// Letters to insert, delete, replace or swap with their neighbours; capitals count as their small letters.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t k = 1; k <= b.size(); ++k) {
      const std::size_t replaced = last[k - 1] + (lower(a[i - 1]) == lower(b[k - 1]) ? 0 : 1);
      row[k] = std::min({replaced, last[k] + 1, row[k - 1] + 1});
      const bool swapped = i > 1 && k > 1 && lower(a[i - 1]) == lower(b[k - 2]) && lower(a[i - 2]) == lower(b[k - 1]);
      if (swapped) row[k] = std::min(row[k], before_last[k - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::vector<std::string> nearest(std::string_view name, std::span<const std::string> known) {
  constexpr std::size_t longest = 200;  // of names that anybody has typed
  if (name.size() > longest) return {};
  const std::size_t most = std::max<std::size_t>(2, name.size() / 4);
  std::vector<std::pair<std::size_t, std::string>> near;
  for (const std::string& each : known) {
    if (each.size() > longest) continue;
    const std::size_t differing = distance(name, each);
    if (differing <= most && differing < std::max(name.size(), each.size())) near.emplace_back(differing, each);
  }
  std::sort(near.begin(), near.end());
  near.erase(std::unique(near.begin(), near.end()), near.end());
  std::vector<std::string> names;
  for (const auto& [differing, each] : near) {
    // What is further away than the best by two letters would only hide it.
    if (names.size() < most_meant && differing <= near.front().first + 1) names.push_back(each);
  }
  return names;
}

std::string did_you_mean(std::string_view name, std::span<const std::string> known) {
  const std::vector<std::string> meant = nearest(name, known);
  std::string text;
  if (!meant.empty()) {
    for (std::size_t i = 0; i < meant.size(); ++i) {
      text += i == 0 ? "; did you mean `" : i + 1 == meant.size() ? " or `" : ", `";
      text += meant[i] + "`";
    }
    return text + "?";
  }
  if (known.empty() || known.size() > most_listed) return text;
  for (const std::string& each : known) (text += text.empty() ? "; there are: " : ", ") += each;
  return text;
}

}  // namespace metrics::eval
