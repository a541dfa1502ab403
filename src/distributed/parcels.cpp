#include "parcels.h"

#include "control_block.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <cstring>
#include <numeric>

namespace metrics::distributed {
namespace {

/// The bytes of so many rows, in a buffer in which everything begins at a place fit for any number.
int64_t bytes_of(at::ScalarType dtype, const std::vector<int64_t>& row, int64_t rows) {
  if (dtype == at::ScalarType::Undefined) return 0;
  int64_t size = rows * static_cast<int64_t>(c10::elementSize(dtype));
  for (const int64_t extent : row) size *= extent;
  return size;
}

/// Copies a tensor's numbers, and returns where the next ones go.
uint8_t* put(const Tensor& numbers, uint8_t* to) {
  const int64_t size = numbers.numel() * static_cast<int64_t>(numbers.element_size());
  if (size > 0) std::memcpy(to, numbers.const_data_ptr(), static_cast<std::size_t>(size));
  return to + aligned(size);
}

/// Takes numbers out of what has come, as views of it.
class Unpacking {
 public:
  explicit Unpacking(const Tensor& from) : from_(from) {}
  Tensor take(at::ScalarType dtype, std::vector<int64_t> sizes) {
    const int64_t size = bytes_of(dtype, sizes, 1);
    const Tensor taken = from_.narrow(0, place_, size).view(dtype).view(sizes);
    place_ += aligned(size);
    return taken;
  }

 private:
  const Tensor& from_;
  int64_t place_ = 0;
};

/// The rows of one kind of a column, by ranges of their keys.
class KeyedParcel final : public Parcel {
 public:
  KeyedParcel(KeyedRows own, const std::vector<Cut>& cuts, RangedRows::Layout layout, std::vector<KeyedRows>& come)
      : own_(std::move(own)), cuts_(cuts), layout_(std::move(layout)), come_(come) {
    TORCH_INTERNAL_ASSERT(own_.keys.scalar_type() == layout_.keys && own_.keys.is_contiguous());
  }

  int64_t rows_to(int64_t rank) const override {
    const auto [begin, end] = rows_between(own_.keys, cuts_, rank);
    return end - begin;
  }
  int64_t bytes_at(int64_t, int64_t rows) const override {
    return aligned(bytes_of(layout_.keys, {}, rows)) + aligned(bytes_of(layout_.values, layout_.row, rows));
  }
  void write(int64_t rank, uint8_t* to) override {
    const auto [begin, end] = rows_between(own_.keys, cuts_, rank);
    to = put(own_.keys.narrow(0, begin, end - begin), to);
    if (layout_.values != at::ScalarType::Undefined) put(own_.values.narrow(0, begin, end - begin), to);
  }
  void let_go() override { own_ = {}; }
  void receive(int64_t rows, const Tensor& from) override {
    Unpacking all(from);
    KeyedRows of_rank{.keys = all.take(layout_.keys, {rows})};
    if (layout_.values != at::ScalarType::Undefined) {
      std::vector<int64_t> sizes{rows};
      sizes.insert(sizes.end(), layout_.row.begin(), layout_.row.end());
      of_rank.values = all.take(layout_.values, sizes);
    }
    come_.push_back(std::move(of_rank));
  }
  void complete() override {}

 private:
  KeyedRows own_;
  const std::vector<Cut>& cuts_;
  RangedRows::Layout layout_;
  std::vector<KeyedRows>& come_;
};

/// The columns of a journey as wholes, and what they have in common.
class WholeParcel final : public Parcel {
 public:
  WholeParcel(Journey& journey, const States& local, int64_t rank, int64_t world)
      : journey_(journey),
        local_(local),
        rank_(rank),
        world_(world),
        rows_(journey.whole->rows(local)),
        of_column_(journey.whole->of_column(journey.facts)),
        in_common_(journey.whole->in_common(journey.facts)) {}

  int64_t rows_to(int64_t rank) const override { return columns_at(rank) > 0 ? rows_ : 0; }
  int64_t bytes_at(int64_t rank, int64_t rows) const override {
    const int64_t columns = columns_at(rank);
    int64_t size = 0;
    if (columns == 0) return size;
    for (const auto& layout : in_common_) size += aligned(bytes_of(layout.dtype, layout.row, rows));
    for (const auto& layout : of_column_) size += aligned(bytes_of(layout.dtype, layout.row, rows * columns));
    return size;
  }
  void write(int64_t rank, uint8_t* to) override {
    if (columns_at(rank) == 0) return;
    if (common_.empty()) common_ = journey_.whole->common(local_, journey_.facts);
    for (const Tensor& numbers : common_) to = put(numbers.contiguous(), to);
    const auto [first, last] = journey_.columns_of(rank, world_);
    for (const Tensor& numbers : journey_.whole->columns(local_, journey_.facts, first, last)) {
      to = put(numbers.contiguous(), to);
    }
  }
  void let_go() override { common_.clear(); }
  void receive(int64_t rows, const Tensor& from) override {
    if (columns_at(rank_) == 0) return;
    Unpacking all(from);
    const auto take = [&](const std::vector<WholeColumns::Layout>& layouts, const std::vector<int64_t>& sizes,
                          std::vector<std::vector<Tensor>>& come) {
      come.resize(layouts.size());
      for (std::size_t i = 0; i < layouts.size(); ++i) {
        std::vector<int64_t> shape = sizes;
        shape.insert(shape.end(), layouts[i].row.begin(), layouts[i].row.end());
        come[i].push_back(all.take(layouts[i].dtype, shape));
      }
    };
    take(in_common_, {rows}, come_in_common_);
    take(of_column_, {columns_at(rank_), rows}, come_);
  }
  /// A column is let go with its parts, before the next one is read.
  void complete() override {
    std::vector<Tensor> common;
    for (const std::vector<Tensor>& of_ranks : come_in_common_) common.push_back(at::cat(of_ranks));
    come_in_common_.clear();
    const auto [first, last] = journey_.columns_of(rank_, world_);
    for (int64_t column = first; column < last; ++column) {
      std::vector<Tensor> rows;
      for (const std::vector<Tensor>& of_ranks : come_) {
        std::vector<Tensor> pieces;
        for (const Tensor& block : of_ranks) pieces.push_back(block.select(0, column - first));
        rows.push_back(at::cat(pieces));
      }
      const auto range = journey_.whole->range(column, rows, common, journey_.facts);
      journey_.own_parts.emplace_back();
      for (const auto& value : journey_.values) journey_.own_parts.back().push_back(value->part(*range, {}, 0));
    }
    come_.clear();
  }

 private:
  int64_t columns_at(int64_t rank) const {
    const auto [first, last] = journey_.columns_of(rank, world_);
    return last - first;
  }

  Journey& journey_;
  const States& local_;
  int64_t rank_, world_, rows_;
  std::vector<WholeColumns::Layout> of_column_, in_common_;
  std::vector<Tensor> common_;                              // this rank's
  std::vector<std::vector<Tensor>> come_in_common_, come_;  // of each thing each rank's
};

int64_t sum_of(const std::vector<int64_t>& sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), int64_t{0});
}

std::vector<int64_t> begins_of(const std::vector<int64_t>& sizes) {
  std::vector<int64_t> begins;
  int64_t begin = 0;
  for (const int64_t size : sizes) {
    begins.push_back(begin);
    begin += size;
  }
  return begins;
}

/// The rows in the order of the ranks to which they go. Those of a parcel are let go once they are there.
Tensor packed(const Parcels& parcels, const std::vector<int64_t>& sent) {
  Tensor out = at::empty({sum_of(sent)}, at::kByte);
  std::vector<int64_t> next = begins_of(sent);
  for (const auto& parcel : parcels) {
    for (std::size_t rank = 0; rank < next.size(); ++rank) {
      const auto to = static_cast<int64_t>(rank);
      const int64_t size = parcel->bytes_at(to, parcel->rows_to(to));
      if (size > 0) parcel->write(to, out.mutable_data_ptr<uint8_t>() + next[rank]);
      next[rank] += size;
    }
    parcel->let_go();
  }
  return out;
}

}  // namespace

std::unique_ptr<Parcel> keyed_parcel(KeyedRows own, const std::vector<Cut>& cuts, RangedRows::Layout layout,
                                     std::vector<KeyedRows>& come) {
  return std::make_unique<KeyedParcel>(std::move(own), cuts, std::move(layout), come);
}

std::unique_ptr<Parcel> whole_parcel(Journey& journey, const States& local, const Transport& transport) {
  return std::make_unique<WholeParcel>(journey, local, transport.rank(), transport.world_size());
}

Tensor rows_to_ranks(const Parcels& parcels, int64_t world) {
  Tensor rows = at::empty({world, static_cast<int64_t>(parcels.size())}, at::kLong);
  auto* to = rows.mutable_data_ptr<int64_t>();
  for (int64_t rank = 0; rank < world; ++rank) {
    for (const auto& parcel : parcels) *to++ = parcel->rows_to(rank);
  }
  return rows;
}

void exchange_parcels(Transport& transport, Parcels& parcels, const Tensor& theirs) {
  const auto ranks = static_cast<std::size_t>(transport.world_size());
  const auto rows_from = [&](std::size_t rank, std::size_t parcel) {
    return theirs.const_data_ptr<int64_t>()[rank * parcels.size() + parcel];
  };
  std::vector<int64_t> sent(ranks, 0), received(ranks, 0);
  for (std::size_t p = 0; p < parcels.size(); ++p) {
    for (std::size_t rank = 0; rank < ranks; ++rank) {
      const auto to = static_cast<int64_t>(rank);
      sent[rank] += parcels[p]->bytes_at(to, parcels[p]->rows_to(to));
      received[rank] += parcels[p]->bytes_at(transport.rank(), rows_from(rank, p));
    }
  }
  Tensor in;
  {
    const Tensor out = packed(parcels, sent);
    in = at::empty({sum_of(received)}, at::kByte);
    transport.all_to_all(out, sent, in, received);
  }
  std::vector<int64_t> next = begins_of(received);
  for (std::size_t p = 0; p < parcels.size(); ++p) {
    for (std::size_t rank = 0; rank < ranks; ++rank) {
      const int64_t rows = rows_from(rank, p), size = parcels[p]->bytes_at(transport.rank(), rows);
      parcels[p]->receive(rows, in.narrow(0, next[rank], size));
      next[rank] += size;
    }
    parcels[p]->complete();
  }
}

}  // namespace metrics::distributed
