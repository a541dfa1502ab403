#include <metrics/core/draws.h>
#include <metrics/core/errors.h>
#include <metrics/trainer/run.h>

#include <ATen/Context.h>
#include <ATen/ops/item.h>

#include <algorithm>

namespace metrics::trainer {

bool Run::has(const std::string& name) const {
  return std::any_of(values.begin(), values.end(), [&](const auto& one) { return one.first == name; });
}

double Run::value(const std::string& name) const {
  if (unfit != nullptr)
    if (const auto found = unfit->find(name); found != unfit->end())
      throw InvalidArgument("`" + name + "` cannot steer a run: " + found->second);
  std::string names;
  for (const auto& [own, one] : values) {
    names += (names.empty() ? "" : ", ") + own;
    if (own != name) continue;
    if (one.numel() != 1) throw InvalidArgument("`" + name + "` is not a single number");
    return one.item<double>();
  }
  throw InvalidArgument("`" + name + "` is no value of this epoch, which has " + (names.empty() ? "none" : names));
}

uint64_t seed_everything(uint64_t seed) {
  at::manual_seed(seed);
  return seed;
}

uint64_t seed_of(uint64_t seed, int64_t epoch, int64_t rank) {
  return Draws(static_cast<int64_t>(seed), epoch).word(rank);
}

}  // namespace metrics::trainer
