#pragma once

#include "distances.h"
#include "samples.h"

#include <cstdint>
#include <span>
#include <vector>

namespace metrics::retrieval::embeddings {

/// Which of the items nearest to each query are relevant, in their order.
class Hits {
 public:
  Hits(int64_t queries, int64_t k)
      : k_(k), hits_(static_cast<std::size_t>(queries * k)), counts_(static_cast<std::size_t>(queries)) {}

  /// The hits of a query, counted from the first one on, as many as there are items for it, at most k.
  std::span<const uint8_t> operator[](int64_t query) const {
    return {hits_.data() + query * k_, static_cast<std::size_t>(counts_[static_cast<std::size_t>(query)])};
  }
  void append(int64_t query, bool hit) {
    hits_[static_cast<std::size_t>(query * k_ + counts_[static_cast<std::size_t>(query)]++)] = hit;
  }

 private:
  int64_t k_;
  std::vector<uint8_t> hits_;
  std::vector<int64_t> counts_;
};

/// How much is looked at once. What comes out does not depend on it.
struct Blocks {
  int64_t queries = 256;
  int64_t items = 2048;
};

/// Queries one after the other.
struct Queries {
  int64_t begin, end;
};

/// Finds the k nearest items of each of some queries, by distance, and of equal distances by id where samples have ids,
/// else those that are not relevant first. Holds a block of products, and some multiple of k candidates for each query
/// of it.
METRICS_API Hits nearest(const Distances& distances, const Samples& samples, const Gallery& gallery, int64_t k,
                         const Queries& queries, const Blocks& blocks = {});

}  // namespace metrics::retrieval::embeddings
