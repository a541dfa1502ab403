#include "range_cuts.h"

#include <algorithm>

namespace metrics::distributed {
namespace {

uint64_t key_at(const Tensor& keys, int64_t i) {
  return keys.scalar_type() == at::kInt ? uint64_t{static_cast<uint32_t>(keys.const_data_ptr<int32_t>()[i])}
                                        : static_cast<uint64_t>(keys.const_data_ptr<int64_t>()[i]);
}

/// How many of ascending keys are below one.
int64_t count_below(const Tensor& keys, uint64_t key) {
  int64_t low = 0, high = keys.numel();
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (key_at(keys, middle) < key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

}  // namespace

std::vector<Sample> samples_of(const RangedRows::Column& column, int64_t most) {
  int64_t rows = 0;
  for (const KeyedRows& kind : column) rows += kind.keys.numel();
  std::vector<Sample> samples;
  if (rows == 0) return samples;
  const auto kinds = static_cast<int64_t>(column.size());
  for (const KeyedRows& kind : column) {
    const int64_t size = kind.keys.numel();
    const int64_t count = std::min(size, 1 + (most - kinds) * size / rows);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t begin = i * size / count, end = (i + 1) * size / count;
      samples.push_back({key_at(kind.keys, begin + (end - begin) / 2), static_cast<uint64_t>(end - begin)});
    }
  }
  return samples;
}

std::vector<Cut> cuts_of(std::vector<Sample> samples, int64_t ranges, bool ties_part) {
  std::sort(samples.begin(), samples.end(), [](const Sample& a, const Sample& b) { return a.key < b.key; });
  uint64_t all = 0;
  for (const Sample& sample : samples) all += sample.rows;
  std::vector<Cut> cuts;
  const auto count = static_cast<uint64_t>(ranges);
  // Where the next range should begin, in rows times ranges.
  const auto next = [&] { return all * (cuts.size() + 1); };
  uint64_t before = 0;
  for (std::size_t i = 0; i < samples.size();) {
    uint64_t rows = samples[i].rows;
    std::size_t end = i + 1;
    if (ties_part) {
      for (; end < samples.size() && samples[end].key == samples[i].key; ++end) rows += samples[end].rows;
      while (cuts.size() + 1 < count && (before + rows) * count > next()) {
        const double rows_below =
            static_cast<double>(next()) / static_cast<double>(count) - static_cast<double>(before);
        cuts.push_back({samples[i].key, std::clamp(rows_below / static_cast<double>(rows), 0.0, 1.0)});
      }
    } else {
      // Half of a sample's rows are below its key.
      while (cuts.size() + 1 < count && (2 * before + rows) * count >= 2 * next()) cuts.push_back({samples[i].key});
    }
    before += rows;
    i = end;
  }
  cuts.resize(static_cast<std::size_t>(ranges - 1));
  return cuts;
}

std::pair<int64_t, int64_t> rows_between(const Tensor& keys, const std::vector<Cut>& cuts, int64_t rank) {
  const auto place_of = [&](const Cut& cut) {
    const int64_t below = count_below(keys, cut.key);
    if (cut.share == 0) return below;
    const int64_t to = cut.key == std::numeric_limits<uint64_t>::max() ? keys.numel() : count_below(keys, cut.key + 1);
    return below + static_cast<int64_t>(cut.share * static_cast<double>(to - below));
  };
  const auto cut = static_cast<std::size_t>(rank);
  const int64_t begin = cut == 0 ? 0 : place_of(cuts[cut - 1]);
  const int64_t end = cut == cuts.size() ? keys.numel() : place_of(cuts[cut]);
  return {begin, std::max(begin, end)};
}

}  // namespace metrics::distributed
