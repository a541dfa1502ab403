#include <metrics/core/draws.h>
#include <metrics/trainer/run.h>

namespace metrics::trainer {

uint64_t seed_of(uint64_t seed, int64_t epoch, int64_t rank) {
  return Draws(static_cast<int64_t>(seed), epoch).word(rank);
}

}  // namespace metrics::trainer
