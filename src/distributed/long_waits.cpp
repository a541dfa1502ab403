#include "long_waits.h"

#include <metrics/core/warning.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace metrics::distributed {

namespace {

// A store whose server has left gives no answer, and the message does not need it.
constexpr auto most_patience_for_store = std::chrono::milliseconds(500);

// Ranks that have come at nearly the same time write at nearly the same time. Divides the patience.
constexpr int share_for_others_to_write = 10;

// A bit for each member in numbers that the store adds to; the sign is left alone.
constexpr int64_t members_a_number = 62;

std::string key_of(int64_t collective, int64_t number) {
  return std::to_string(collective) + "/" + std::to_string(number);
}

std::string seconds_text(std::chrono::milliseconds time) {
  return time.count() % 1000 == 0 ? std::to_string(time.count() / 1000) + " s" : std::to_string(time.count()) + " ms";
}

}  // namespace

LongWaits::LongWaits(const BoundedStore::Pointer& store, int64_t rank, int64_t world_size, RankNames names,
                     std::string own_name)
    : rank_(rank), world_size_(world_size), names_(std::move(names)), own_name_(std::move(own_name)) {
  if (store) store_ = store->with_timeout(most_patience_for_store)->under("waiting");
}

void LongWaits::wait(c10d::Work& work, const Call& call) {
  watch(
      [&](std::chrono::milliseconds time) {
        try {
          work.wait(time);
        } catch (const std::exception&) {
          // What it throws once it is over is thrown below.
          return work.isCompleted();
        }
        return true;
      },
      call);
  work.wait();
}

void LongWaits::watch(const OverWithin& over_within, const Call& call) {
  ++number_;
  if (over_within(patience_)) return;
  std::optional<std::vector<int64_t>> missing = not_waiting(/*write=*/true);
  // A single one is late for certain, because the collective would be over without it. Of several some may be about to
  // write.
  if (missing && missing->size() > 1) {
    if (over_within(patience_ / share_for_others_to_write)) return;
    missing = not_waiting(/*write=*/false);
  }
  try {
    warn(message(call(), missing));
  } catch (...) {
    // An error here would end this rank's part of what the others wait for.
  }
}

std::optional<std::vector<int64_t>> LongWaits::not_waiting(bool write) const {
  if (!store_) return std::nullopt;
  std::vector<int64_t> missing;
  try {
    for (int64_t begin = 0; begin < world_size_; begin += members_a_number) {
      const int64_t end = std::min(begin + members_a_number, world_size_);
      const bool own = write && rank_ >= begin && rank_ < end;
      const int64_t waiting =
          store_->add(key_of(number_, begin / members_a_number), own ? int64_t{1} << (rank_ - begin) : 0);
      for (int64_t member = begin; member < end; ++member)
        if (((waiting >> (member - begin)) & 1) == 0) missing.push_back(member);
    }
  } catch (const std::exception&) {
    return std::nullopt;
  }
  return missing;
}

std::string LongWaits::message(const std::string& call, const std::optional<std::vector<int64_t>>& missing) const {
  const std::string time = seconds_text(patience_);
  std::string text = own_name_ + " has been waiting for " + time + " in " + call;
  if (!missing) {
    text += " for other ranks; the group's store, which would tell which, does not answer";
  } else if (missing->empty()) {
    text += ", and so have all ranks: they are in different calls, or what they send travels slowly";
  } else {
    text += " for " + names_.text(*missing);
    if (missing->size() > 1) text += ", some of which may have come within these " + time;
  }
  return text + ". It waits on until the group's timeout. Every rank makes the same calls in the same order";
}

}  // namespace metrics::distributed
