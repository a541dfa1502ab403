#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

// Draws that depend on what is drawn for, not on what was drawn before: the same whatever the number of ranks, the
// split into batches, and the order of the samples.

namespace metrics {

/// Returns `word` with its bits mixed: a bijection in which each bit of the result depends on each bit given
/// (Stafford's variant 13 of MurmurHash3's finaliser, the output function of splitmix64: Steele, Lea, Flood, 2014).
constexpr uint64_t mixed(uint64_t word) {
  word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9ULL;
  word = (word ^ (word >> 27)) * 0x94D049BB133111EBULL;
  return word ^ (word >> 31);
}

/// What a metric draws by: its seed, and which of its replicates (resamples, subsets, splits) is drawn for. Within a
/// replicate `word(id)` differs for all ids, which makes the smallest k of them a sample without replacement; across
/// seeds and replicates draws are as good as independent.
class Draws {
 public:
  constexpr Draws(int64_t seed, int64_t replicate)
      : key_(mixed(mixed(static_cast<uint64_t>(seed) + step) + step * static_cast<uint64_t>(replicate))) {}

  /// 64 random bits for the sample of that global id.
  constexpr uint64_t word(int64_t id) const { return mixed(mixed(key_ ^ static_cast<uint64_t>(id)) + key_); }

  /// A multiple of 2^-53 in [0, 1).
  constexpr double uniform(int64_t id) const { return static_cast<double>(word(id) >> 11) * 0x1p-53; }

  /// How often the sample occurs in a resample of its population: Poisson-distributed with mean 1, which makes the
  /// counts of a large bootstrap independent of one another and of its size.
  constexpr int64_t poisson(int64_t id) const {
    const double drawn = uniform(id);
    std::size_t count = 0;
    for (std::size_t k = 0; k < usual; ++k) count += drawn >= at_most[k] ? 1 : 0;  // nobody foresees these branches
    while (count >= usual && count < at_most.size() && drawn >= at_most[count]) ++count;
    return static_cast<int64_t>(count);
  }

 private:
  static constexpr uint64_t step = 0x9E3779B97F4A7C15ULL;  // 2^64 / golden ratio, odd
  static constexpr std::size_t usual = 4;                  // few draws are more
  /// How likely at most 0, 1, … are: up to 18, which is about as rare as one draw of 2^53.
  static constexpr std::array<double, 18> at_most = [] {
    std::array<double, 18> sums{};
    double share = 0.36787944117144233;  // 1 / e
    double sum = share;
    for (std::size_t k = 0; k < sums.size(); ++k) {
      sums[k] = sum;
      sum += share /= static_cast<double>(k + 1);
    }
    return sums;
  }();

  uint64_t key_;
};

}  // namespace metrics
