#include <metrics/core/errors.h>
#include <metrics/io/files.h>
#include <metrics/trainer/predictions.h>
#include <metrics/training/gather.h>

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/diff.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/ones.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace metrics::trainer {
namespace {

constexpr const char* id_column = "ids";
constexpr std::array<const char*, 2> names_by_position{"preds", "target"};

const at::Tensor& rows_of_output(const std::string& stage, const std::string& name, const c10::IValue& value,
                                 int64_t samples) {
  if (!value.isTensor() || value.toTensor().dim() == 0 || value.toTensor().size(0) != samples)
    throw InvalidArgument("predict: stage " + stage + ": output `" + name +
                          "`: expected a tensor with a row for each of the batch's " + std::to_string(samples) +
                          " samples, got " +
                          (value.isTensor() ? "one of shape " + c10::str(value.toTensor().sizes()) : value.tagKind()));
  return value.toTensor();
}

/// The places of each id's first row, in the order of ids.
at::Tensor first_of_each(const at::Tensor& ids) {
  const auto [sorted, places] = ids.sort(true, 0, false);
  at::Tensor first = at::ones({ids.size(0)}, at::kBool);
  if (ids.size(0) > 1) first.narrow(0, 1, ids.size(0) - 1).copy_(sorted.diff().ne(0));
  return places.masked_select(first);
}

}  // namespace

void Predictions::add(const Result& result, const Rows& rows, int64_t samples) {
  std::map<std::string, at::Tensor> columns;
  const auto take = [&](const std::string& name, const c10::IValue& value) {
    if (name == id_column) throw InvalidArgument("predict: stage " + stage_ + ": an output cannot be called `ids`");
    if (!columns.emplace(name, rows_of_output(stage_, name, value, samples).detach().cpu()).second)
      throw InvalidArgument("predict: stage " + stage_ + ": two outputs are called `" + name + "`");
  };
  if (result.outputs.size() > names_by_position.size())
    throw InvalidArgument("predict: stage " + stage_ + ": more than two outputs need names (`named`)");
  for (size_t i = 0; i < result.outputs.size(); ++i) take(names_by_position[i], result.outputs[i]);
  for (const auto& [name, value] : result.named) take(name, value);
  if (columns.empty()) throw InvalidArgument("predict: stage " + stage_ + ": the step gave no outputs");
  for (const auto& [name, column] : columns)
    if (samples_ > 0 && !columns_.contains(name))
      throw InvalidArgument("predict: stage " + stage_ + ": `" + name + "` comes with some batches only");
  if (samples_ > 0 && columns.size() != columns_.size())
    throw InvalidArgument("predict: stage " + stage_ + ": outputs that came before are missing");

  without_ids_ = without_ids_ || !rows.ids;
  at::Tensor ids = rows.ids ? rows.ids->cpu() : at::arange(samples_, samples_ + samples);
  samples_ += samples;
  if (rows.valid) {
    const at::Tensor places = rows.valid->cpu().nonzero().squeeze(1);
    ids = ids.index_select(0, places);
    for (auto& [name, column] : columns) column = column.index_select(0, places);
  }
  ids_.push_back(std::move(ids));
  // A copy, because a batch may be a view of what a model writes to again.
  for (auto& [name, column] : columns) columns_[name].push_back(column.clone());
}

void Predictions::write(const std::filesystem::path& file, const Ranks& ranks) const {
  const bool alone = ranks.world_size() == 1;
  if (without_ids_ && !alone)
    throw InvalidArgument("predict: stage " + stage_ +
                          ": batches without ids: over several ranks each has to say which samples it has");
  io::Safetensors own;
  if (!ids_.empty()) own.tensors.emplace(id_column, at::cat(ids_));
  for (const auto& [name, parts] : columns_) own.tensors.emplace(name, at::cat(parts));
  std::vector<io::Safetensors> all;
  if (alone) {
    all.push_back(std::move(own));
  } else {
    // As bytes, because a rank without a batch does not know what the others' outputs are.
    std::string bytes = io::safetensors_bytes(own);
    const auto gathered = training::gather_rows(
        std::vector<at::Tensor>{at::from_blob(bytes.data(), {static_cast<int64_t>(bytes.size())}, at::kByte)},
        ranks.group());
    if (ranks.rank() != 0) return;
    const char* begin = static_cast<const char*>(gathered.tensors[0].data_ptr());
    for (size_t rank = 0; rank + 1 < gathered.begins.size(); ++rank)
      all.push_back(io::parse_safetensors(
          std::string_view(begin + gathered.begins[rank],
                           static_cast<size_t>(gathered.begins[rank + 1] - gathered.begins[rank])),
          "the predictions of rank " + std::to_string(rank)));
  }
  std::map<std::string, std::vector<at::Tensor>> parts;
  for (const io::Safetensors& one : all)
    for (const auto& [name, column] : one.tensors) parts[name].push_back(column);
  io::Safetensors whole;
  if (!parts.empty()) {
    const at::Tensor places = first_of_each(at::cat(parts.at(id_column)));
    for (const auto& [name, columns] : parts) {
      if (columns.size() != parts.at(id_column).size())
        throw InvalidArgument("predict: stage " + stage_ + ": ranks gave different outputs: `" + name +
                              "` is missing on some");
      whole.tensors.emplace(name, at::cat(columns).index_select(0, places));
    }
  }
  io::write_safetensors(file, whole);
}

}  // namespace metrics::trainer
